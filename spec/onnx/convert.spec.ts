/** What the nodes of an ONNX graph are; that they compute the same is for spec/runtime/onnxFiles.spec.ts. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { sizeOf } from '../../lib/core/array';
import type { Checkpoint, Config } from '../../lib/core/checkpoint';
import { mapLeaves, parameterCount } from '../../lib/core/checkpoint';
import { PruneError } from '../../lib/core/errors';
import type { Refuse } from '../../lib/core/json';
import { CONVERSIONS, requireRoom, toOnnx } from '../../lib/onnx';
import type { OnnxGraph } from '../../lib/onnx/model';
import { RULES } from '../../lib/rules';
import { capture } from '../../lib/runtime/capture';
import { CPU_KERNELS } from '../backend';
import { NETS } from '../zoo/nets';
import { unusable } from '../zoo/moved';
import { ownTransformer } from '../zoo/ownTransformer';
import { apply, conv, dense, model, type Flow, type Net } from '../zoo/parts';
import { refusal } from '../zoo/refusal';

beforeAll(() => tf.setBackend(CPU_KERNELS));

const refuse: Refuse = (expected, got, cure = '') => {
  throw new PruneError('bad-model', { place: 'saveOnnx', expected, got, cure });
};

async function captured(net: Net): Promise<Checkpoint> {
  const built = net();
  const checkpoint = await capture(built);
  built.dispose();
  return checkpoint;
}

async function graphOf(net: Net): Promise<OnnxGraph> {
  return toOnnx(await captured(net), refuse);
}

function count({ nodes }: OnnxGraph, op: string): number {
  return nodes.filter(node => node.op === op).length;
}

test('every layer class that has a rule can be written, but for what tf.js itself cannot run', () => {
  const known = CONVERSIONS.map(({ className }) => className);
  const missing = RULES.map(({ className }) => className).filter(name => !known.includes(name));
  // An input is no node, and corrections of low rank are added to kernels before.
  expect(missing.sort()).toEqual(['InputLayer', 'PruneLoraDense', 'RandomWidth', 'Resizing']);
});

describe('axes are transposed where images enter and leave, not around each layer', () => {
  test.each([
    ['invertedResidual', 1, 4],
    ['denseBlock', 1, 4],
    ['cascadedConcat', 1, 4],
    ['channelsFirst', 1, 2], // by Flatten, which takes channels last
    ['channelsFirstPooled', 0, 1],
    ['unet', 2, 5],
    ['denseOnImages', 0, 0],
    ['nestedFunctionalTwice', 1, 5],
    ['waves', 1, 4],
  ])('%s: %i for %i convolutions', async (name, transposes, convolutions) => {
    const graph = await graphOf(NETS[name]);
    expect([count(graph, 'Transpose'), count(graph, 'Conv')]).toEqual([transposes, convolutions]);
  });

  test('recurrent layers hand time on as it lies', async () => {
    const graph = await graphOf(NETS.stack);
    expect(['LSTM', 'GRU', 'RNN', 'Scan', 'Transpose'].map(op => count(graph, op))).toEqual([1, 1, 1, 0, 1]);
  });
});

test('cells in a stack, and steps that are left out, are scanned', async () => {
  for (const name of ['stackedCells', 'masked', 'movingImages']) {
    const graph = await graphOf(NETS[name]);
    expect(['LSTM', 'GRU', 'RNN'].map(op => count(graph, op))).toEqual([0, 0, 0]);
    expect(count(graph, 'Scan')).toBeGreaterThan(0);
  }
});

test.each(['sharedLayer', 'nestedFunctionalTwice', 'llama', 'headDimensions'])(
  '%s: each weight is there once',
  async name => {
    const checkpoint = await captured(NETS[name]);
    const { initializers } = toOnnx(checkpoint, refuse);
    const floats = initializers.filter(({ type, dims }) => type === 'float32' && sizeOf(dims) > 3);
    const stored = floats.reduce((sum, { dims }) => sum + sizeOf(dims), 0);
    const [places, pairs] = [5, 2]; // tables of rotary embeddings and of what is not heard yet
    const tables = /llama|head/.test(name) ? 2 * places * pairs + places ** 2 : 0;
    expect(stored).toBe(parameterCount(checkpoint) + tables);
    expect(new Set(initializers.map(each => each.name)).size).toBe(initializers.length);
  },
);

test('inputs and outputs have the names, types and sizes that they have in tf.js; what is open has a name', async () => {
  const graph = await graphOf(() => ownTransformer({ time: null, padding: true, tied: false }));
  expect(graph.inputs).toEqual([
    { name: 'tokens', type: 'int32', dims: ['batch', 'tokens_axis_1'] },
    { name: 'padding', type: 'int32', dims: ['batch', 'padding_axis_1'] },
  ]);
  expect(graph.outputs).toEqual([{ name: 'head', type: 'float32', dims: ['batch', 'tokens_axis_1', 11] }]);
  const fixed = await graphOf(() => {
    const x = layers.input({ batchShape: [3, 4], name: 'x' });
    const head = dense('head', 2);
    return model(x, [apply(x, head), apply(x, dense('a', 4), head)]);
  });
  expect([...fixed.inputs, ...fixed.outputs].map(({ name, dims }) => [name, ...dims!])).toEqual([
    ['x', 3, 4],
    ['head', 3, 2],
    ['head_1', 3, 2],
  ]);
});

test('what the layers of a text share is computed once', async () => {
  const graph = await graphOf(() => ownTransformer({ blocks: 3, time: null, padding: true }));
  expect(['Attention', 'Softmax', 'Cos', 'Sin', 'Range', 'Greater', 'Cast'].map(op => count(graph, op))).toEqual([0, 3, 1, 1, 1, 1, 3]); // prettier-ignore
});

test('branches that lead nowhere are not written', async () => {
  const graph = await graphOf(NETS.calledElsewhere);
  expect(count(graph, 'Conv')).toBe(2);
  const names = graph.nodes.flatMap(({ outputs }) => outputs);
  const read = new Set([...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)]);
  expect(names.filter(name => !read.has(name))).toEqual([]);
});

test('a causal convolution, which tf.js does not compute yet, looks back', async () => {
  const net =
    (padding: 'same' | 'causal'): Net =>
    () => {
      const x = layers.input({ shape: [6, 2], name: 'x' });
      return model(
        x,
        apply(x, layers.layers.conv1d({ name: 'a', filters: 3, kernelSize: 3, dilationRate: 2, padding })),
      );
    };
  const pads = async (padding: 'same' | 'causal') => (await graphOf(net(padding))).nodes.find(({ op }) => op === 'Conv')!.attributes.pads; // prettier-ignore
  expect([await pads('same'), await pads('causal')]).toEqual([{ ints: [2, 2] }, { ints: [4, 0] }]);
});

describe('refused by name', () => {
  const given = (name: string, changes: Config) => async () => {
    const checkpoint = await captured(NETS[name]);
    const change = (config: Config): Config => ({ ...config, ...changes });
    const topology = mapLeaves(checkpoint.topology, spec => ('units' in spec.config && 'returnSequences' in spec.config) || 'outputMode' in spec.config || spec.className === 'Conv2D' ? { ...spec, config: change(spec.config) } : spec); // prettier-ignore
    return { ...checkpoint, topology };
  };
  const masked = (net: (x: Flow) => Flow) => () =>
    captured(() => {
      const x = layers.input({ shape: [4, 3], name: 'x' });
      return model(x, net(x));
    });
  const masking = (name = 'masking') => layers.layers.masking({ name });
  const gru = (name = 'gru') => layers.layers.gru({ name, units: 2, returnSequences: true, recurrentInitializer: 'glorotNormal' }); // prettier-ignore

  test.each<[string, () => Promise<Checkpoint>, string]>([
    ['classes', () => captured(unusable.resizing), 'layers that can be written in ONNX, got a Resizing, "resize"'],
    ['settings', given('residual', { groups: 2 }), 'settings of a Conv2D that are known in layer "stem", got groups'],
    ['states', given('stack', { stateful: true }), 'no states that are kept from batch to batch in layer "lstm", got stateful'], // prettier-ignore
    ['gates', given('stack', { resetAfter: true }), 'gates that reset before the product in layer "lstm", got resetAfter'], // prettier-ignore
    ['activations', given('residual', { activation: 'cosine' }), 'an activation of tf.js in layer "stem", got cosine'],
    ['modes', given('categories', { outputMode: 'tfIdf' }), 'outputMode multiHot, oneHot or count in layer "encode", got tfIdf'], // prettier-ignore
    [
      'masks that meet',
      masked(x => apply([apply(x, masking()), apply(x, masking('other'))], layers.layers.add({ name: 'sum' }), gru())),
      'steps that count to be told by one layer in layer "gru", got several',
    ],
    [
      'masks that come from elsewhere',
      masked(x => apply([apply(x, masking(), gru('one')), apply(x, dense('a', 3), gru('two'))], layers.layers.concatenate({ name: 'join' }))), // prettier-ignore
      'steps that count to be told, as elsewhere in the model in layer "two", got none that are',
    ],
    [
      'steps of open size',
      () =>
        captured(() => {
          const x = layers.input({ shape: [3, null, 4, 2], name: 'x' });
          return model(x, apply(x, layers.layers.timeDistributed({ name: 'each', layer: conv('c', 2) })));
        }),
      'steps of known size in layer "each", got x_axis_2',
    ],
  ])('%s', async (_, make, message) => {
    const checkpoint = await make();
    const error = refusal(() => toOnnx(checkpoint, refuse));
    expect(error.message).toContain(`expected ${message}`);
  });

  test('all classes at once', async () => {
    const checkpoint = await captured(NETS.residual);
    const topology = mapLeaves(checkpoint.topology, spec => (spec.className === 'ReLU' ? { ...spec, className: 'Novel' } : spec)); // prettier-ignore
    const { message } = refusal(() => toOnnx({ ...checkpoint, topology }, refuse));
    expect(message).toContain('got a Novel, "r0" and a Novel, "r1" and a Novel, "r2".');
  });

  test('more weights than one file can hold', () => {
    const of = (byteLength: number) => [{ data: { byteLength: 2 ** 30 } }, { data: { byteLength } }];
    requireRoom(of(2 ** 30 - 2 ** 24), refuse);
    const { message } = refusal(() => requireRoom(of(2 ** 30), refuse));
    expect(message).toMatch(/expected at most 2130706432 bytes of weights, which one file can hold, got 2147483648\. /);
  });
});
