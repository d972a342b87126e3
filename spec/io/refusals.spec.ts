/** Damaged, contradictory and hostile model files: one clear line each, and no memory or time lost. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type * as layers from '@tensorflow/tfjs-layers';
import { loadLayersModel, saveLayersModel } from '../../lib/runtime/files';
import { CPU_KERNELS } from '../backend';
import { rejection } from '../zoo/refusal';
import { editModelJson, newFolder, removeFolders, shardPaths } from './folder';
import { fork, perceptron } from './models';

type Damage = (folder: string) => unknown;
type Loose = Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- a JSON to be broken at will

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend(CPU_KERNELS);
});
afterEach(removeFolders);

const shard = (folder: string): string => shardPaths(folder)[0];
const json = (folder: string): string => join(folder, 'model.json');
const edit =
  (change: Parameters<typeof editModelJson>[1]): Damage =>
  folder =>
    editModelJson(folder, change);
const group = (change: (group: { paths: unknown[]; weights: Loose[] }) => unknown): Damage =>
  edit(({ weightsManifest }) => void change(weightsManifest[0]));
const weight = (change: object): Damage => group(({ weights }) => Object.assign(weights[0], change));
/** `change` gets the config of the model and that of the first layer with weights. */
const config = (change: (model: Loose, layer: Loose) => unknown): Damage =>
  edit(({ modelTopology }) => {
    const model = modelTopology.config as Loose;
    const specs = model.layers as Loose[];
    change(
      model,
      specs.find(({ class_name }) => class_name === 'Dense')!,
    );
  });
const text =
  (content: string | Buffer): Damage =>
  folder =>
    writeFileSync(json(folder), content);

async function check(build: () => layers.LayersModel, damage: Damage, message: RegExp): Promise<void> {
  const model = build();
  const folder = newFolder();
  await saveLayersModel(model, folder);
  model.dispose();
  damage(folder);
  const before = tf.memory().numTensors;
  const start = process.cpuUsage();
  const error = await rejection(loadLayersModel(folder));
  expect(process.cpuUsage(start).user).toBeLessThan(3e6);
  expect(tf.memory().numTensors).toBe(before);
  expect(error.code).toBe('bad-file');
  expect(error.message).toMatch(message);
  expect(error.message).toContain(folder);
  expect(error.message.split('\n').length).toBe(1);
  expect(error.message.length).toBeLessThan(500);
}

describe('what is no model file', () => {
  const deep = '{"modelTopology":'.repeat(100_000) + '1' + '}'.repeat(100_000);
  const cases: [string, Damage, RegExp][] = [
    ['nothing', text(''), /expected JSON, got an empty file\./],
    ['no JSON', text('\x89HDF\r\n'), /expected JSON, got ".*HDF/],
    ['half of the JSON', folder => text(readFileSync(json(folder)).subarray(0, 99))(folder), /JSON/],
    ['JSON of something else', text('[1]'), /expected a JSON object, got \[1\]/],
    ['JSON without an end to its nesting', text(deep), /at most 200 levels, got deeper nesting/],
    ['a graph-model', edit(file => ({ ...file, format: 'graph-model' })), /got a graph-model.*tfjs_layers_model/],
    ['an old graph-model', edit(file => ({ ...file, format: undefined, modelTopology: { node: [] } })), /graph-model/],
    ['another format', edit(file => ({ ...file, format: 'onnx' })), /format "layers-model", got "onnx"/],
    ['no topology', edit(file => ({ ...file, modelTopology: undefined })), /a modelTopology, got none/],
    ['no weights', edit(file => ({ ...file, weightsManifest: undefined })), /a weightsManifest, got none/],
  ];
  test.each(cases)('%s', (_, damage, message) => check(perceptron, damage, message));

  test('a path with nothing at it', async () => {
    const path = join(newFolder(), 'nothing');
    const error = await rejection(loadLayersModel(path));
    expect(error.message).toBe(
      `loadLayersModel "${path}": expected a model file, got no such file. Check the path, or copy the whole model folder again.`,
    );
  });

  test('a device, which has no end', async () => {
    expect((await rejection(loadLayersModel('/dev/zero'))).message).toMatch(/a model file, got something else/);
  });

  test.each([undefined, null, 3, ''])('%p instead of a path', async path => {
    expect((await rejection(loadLayersModel(path as never))).code).toBe('bad-option');
  });
});

describe('weights', () => {
  const affine = (change: object): Damage => weight({ quantization: { dtype: 'uint8', scale: 1, min: 0, ...change } });
  const cases: [string, Damage, RegExp][] = [
    ['a group without paths', group(part => Object.assign(part, { paths: 'x' })), /paths of shards, got "x"/],
    ['a weight without name', weight({ name: 1 }), /a name for every weight, got 1/],
    ['two of one name', group(({ weights }) => (weights[1].name = weights[0].name)), /two weights "hidden\/kernel"/],
    ['a shape that is none', weight({ shape: [2, -1] }), /a shape for weight "hidden\/kernel", got \[2,-1\]/],
    ['a shape with half a row', weight({ shape: [2.5, 12] }), /a shape for weight "hidden\/kernel"/],
    ['a shape beyond all numbers', weight({ shape: [1e300, 1] }), /a shape for weight/],
    [
      'a shape as large as the world',
      weight({ shape: [1e9, 1e9] }),
      /\de\+18 bytes of weights|at most|4000000000000000/,
    ],
    ['strings', weight({ dtype: 'string' }), /dtype float32, int32 or bool .* got "string"/],
    ['another type than the layer has', weight({ dtype: 'int32' }), /"hidden\/kernel" of float32 .* got int32/],
    ['an unknown quantization', weight({ quantization: { dtype: 'int4' } }), /uint8, uint16, float16 .* got "int4"/],
    ['quantization without a scale', affine({ scale: undefined }), /numbers scale and min for weight "hidden\/kernel"/],
    ['quantization with a word as scale', affine({ scale: '1' }), /numbers scale and min/],
    ['truth values in 16 bits', weight({ dtype: 'bool', quantization: { dtype: 'float16' } }), /bool not to be stored/],
    ['float16 of which half is missing', weight({ quantization: { dtype: 'float16' } }), /got 228 bytes or more/],
    ['a shard that is missing', group(part => (part.paths = ['gone.bin'])), /gone\.bin": expected a shard named in/],
    ['a short shard', folder => writeFileSync(shard(folder), 'short'), /228 bytes of weights in 1 shards, got 5 \(/],
    ['a long shard', folder => writeFileSync(shard(folder), Buffer.alloc(232)), /got 232 bytes .* at most 228 belong/],
    ['a shard twice', group(part => (part.paths = [part.paths[0], part.paths[0]])), /at most 0 belong/],
    ['a weight too few', group(part => part.weights.pop()), /got 228 bytes or more where at most 216 belong/],
    [
      'a weight too many',
      group(part => part.weights.push({ name: 'x', shape: [0], dtype: 'int32' })),
      /"x", which fits no/,
    ],
    [
      'a weight of another name',
      weight({ name: 'other/kernel' }),
      /expected weights "hidden\/kernel", got "other\/kernel"/,
    ],
    [
      'a shape turned over',
      weight({ shape: [6, 5] }),
      /expected a weight of shape \[5,6\] for kernel of layer "hidden"/,
    ],
    [
      'shapes that changed places',
      group(({ weights }) => ([weights[1].shape, weights[3].shape] = [weights[3].shape, weights[1].shape])),
      /weight "hidden\/bias" of float32 \[6\], got float32 \[3\]/,
    ],
  ];
  const outside = ['../secret.bin', '/etc/hostname', 'C:\\secret', 'a/../../b', '..\\x', 'file:///x', 'a\0b'];
  for (const path of outside) {
    cases.push([`the path ${JSON.stringify(path)}`, group(part => (part.paths = [path])), /inside the folder/]);
  }
  test.each(cases)('%s', (_, damage, message) => check(perceptron, damage, message));
});

describe('sizes that no memory holds are refused before anything is made', () => {
  const cases: [string, Damage, RegExp][] = [
    [
      'units',
      config((_, { config }) => (config.units = 1e12)),
      /shape \[5,1000000000000\] for kernel of layer "hidden"/,
    ],
    ['units below zero', config((_, { config }) => (config.units = -6)), /tf.js can build/],
    ['half a unit', config((_, { config }) => (config.units = 5.5)), /tf.js can build/],
    ['units as a word', config((_, { config }) => (config.units = '6')), /tf.js can build/],
    ['inputs', config((_, { config }) => (config.batch_input_shape = [null, 1e12])), /shape \[1000000000000,6\]/],
    [
      'an output without weights',
      config(({ layers }) => layers.push({ class_name: 'RepeatVector', config: { name: 'many', n: 1e9 } })),
      /an output of a sensible size from layer "many", got \[\?, 1000000000, 3\]/,
    ],
    [
      'a shape that becomes infinite',
      config(({ layers }) => layers.push({ class_name: 'RepeatVector', config: { name: 'many', n: 1e308 } })),
      /sensible size|tf.js can build/,
    ],
  ];
  test.each(cases)('%s', (_, damage, message) => check(perceptron, damage, message));
});

describe('graphs', () => {
  const spec = (model: Loose, name: string): Loose =>
    (model.layers as Loose[]).find(({ config }) => config.name === name)!;
  const many = (count: number): Loose[] =>
    Array.from({ length: count }, (_, i) => ({
      class_name: 'InputLayer',
      name: `i${i}`,
      config: { name: `i${i}` },
      inbound_nodes: [],
    }));
  const cases: [string, Damage, RegExp][] = [
    [
      'a layer that feeds itself',
      config(model => (spec(model, 'left').inbound_nodes = [[['left', 0, 0, {}]]])),
      /without cycles/,
    ],
    [
      'a cycle of two',
      config(model => (spec(model, 'left').inbound_nodes = [[['sum', 0, 0, {}]]])),
      /without cycles, got a layer that feeds/,
    ],
    [
      'two layers of one name',
      config(model => (spec(model, 'right').name = spec(model, 'right').config.name = 'left')),
      /two layers "left"/,
    ],
    [
      'two names of one layer',
      config(model => (spec(model, 'right').name = 'left')),
      /one name for layer "right", got another, "left"/,
    ],
    [
      'a layer without name',
      config(
        model => delete spec(model, 'right').config.name && delete model.layers[1].name && delete model.layers[2].name,
      ),
      /a name/,
    ],
    [
      'the name of what every object has',
      config(model => (spec(model, 'right').name = spec(model, 'right').config.name = 'constructor')),
      /a name for every Dense, got "constructor"/,
    ],
    [
      'an input from nowhere',
      config(model => (spec(model, 'left').inbound_nodes = [[['gone', 0, 0, {}]]])),
      /one to call 0 of "gone"/,
    ],
    [
      'a call that is not made',
      config(model => (spec(model, 'left').inbound_nodes = [[['x', 7, 0, {}]]])),
      /one to call 7 of "x"/,
    ],
    ['an output from nowhere', config(model => (model.output_layers = [['sum', 1, 0]])), /one to call 1 of "sum"/],
    [
      'a tensor that is not made',
      config(model => (spec(model, 'left').inbound_nodes = [[['x', 0, 3, {}]]])),
      /tf.js can build/,
    ],
    [
      'a reference that is none',
      config(model => (spec(model, 'left').inbound_nodes = [[['x', -1, 0]]])),
      /references \[layer, call, tensor\]/,
    ],
    [
      'an input that is no input layer',
      config(model => (model.input_layers = [['left', 0, 0]])),
      /input layers for the inputs/,
    ],
    ['outputs of no list', config(model => (model.output_layers = 3)), /a list output_layers, got 3/],
    ['no outputs', config(model => (model.output_layers = [])), /a list output_layers, got \[\]/],
    [
      'more layers than any model',
      config(model => model.layers.push(...many(20_001))),
      /at most 20000 layers, got 20005/,
    ],
    [
      'more calls than any layer',
      config(model => (spec(model, 'left').inbound_nodes = new Array(1001).fill([['x', 0, 0, {}]]))),
      /at most 1000 calls of layer "left"/,
    ],
    ['a layer that is a number', config(model => (model.layers[1] = 7)), /a layer, got 7/],
    ['a layer without config', config(model => delete spec(model, 'left').config), /./],
    ['no layers', config(model => (model.layers = [])), /./],
    [
      'a single layer as model',
      edit(file => ({ ...file, modelTopology: (file.modelTopology.config as Loose).layers[1] as Loose })),
      /a model of layers, got a single Dense/,
    ],
    ['a class of no layer', config((_, layer) => (layer.class_name = 'Mine')), /Unknown layer: Mine.*registerClass/],
    ['a class that every object has', config((_, layer) => (layer.class_name = 'toString')), /tf.js can build/],
    [
      'a config that sets one thing twice',
      config((_, { config }) => (config.use__bias = false)),
      /settings with names of their own/,
    ],
    ...['x', -1].map((scale): [string, Damage, RegExp] => [
      `an initializer of width ${JSON.stringify(scale)}`,
      config((_, { config }) => ((config as Loose).kernel_initializer.config.scale = scale)),
      /a width of at least 0, in the kernelInitializer/,
    ]),
    ['an activation of no curve', config((_, { config }) => (config.activation = 'sideways')), /tf.js can build/],
  ];
  test.each(cases)('%s', (_, damage, message) => check(fork, damage, message));
});

test('a long graph listed from its end is read', async () => {
  const model = fork();
  const folder = newFolder();
  await saveLayersModel(model, folder);
  model.dispose();
  editModelJson(folder, ({ modelTopology }) => {
    const { layers: list } = modelTopology.config as { layers: Loose[] };
    const chain = Array.from({ length: 300 }, (_, i) => ({
      class_name: 'Activation',
      name: `a${i}`,
      config: { name: `a${i}`, activation: 'linear' },
      inbound_nodes: [[[i === 0 ? 'sum' : `a${i - 1}`, 0, 0, {}]]],
    }));
    list.unshift(...chain.reverse());
    (modelTopology.config as Loose).output_layers = [['a299', 0, 0]];
  });
  const loaded = await loadLayersModel(folder);
  expect(loaded.layers.length).toBe(304);
  loaded.dispose();
});

describe('spellings by which tf.js would read what was not looked at', () => {
  /** A nested model that feeds itself, as the layer of a wrapper. */
  const loop = (layers: string, className: string): Loose => ({
    [className]: 'Functional',
    config: {
      name: 'inner',
      [layers]: [
        { class_name: 'InputLayer', name: 'i', config: { name: 'i', batch_input_shape: [null, 3] }, inbound_nodes: [] },
        { class_name: 'Dense', name: 'd', config: { name: 'd', units: 3 }, inbound_nodes: [[['d', 0, 0, {}]]] },
      ],
      input_layers: [['i', 0, 0]],
      output_layers: [['d', 0, 0]],
    },
  });
  const wrapped = (inner: unknown): Damage =>
    config(({ layers }) => layers.push({ class_name: 'TimeDistributed', config: { name: 'each', layer: inner } }));
  const cases: [string, Damage, RegExp][] = [
    ['none', wrapped(loop('layers', 'class_name')), /without cycles/],
    ['camelCase', wrapped(loop('layers', 'className')), /without cycles/],
    ['layers_', wrapped(loop('layers_', 'class_name')), /the key layers, got "layers_"/],
    ['class__name', wrapped(loop('layers', 'class__name')), /the key class_name, got "class__name"/],
    [
      'a list for a Sequential',
      wrapped({ class_name: 'Sequential', config: [loop('layers', 'class_name')] }),
      /without cycles/,
    ],
    ['two keys for one', wrapped({ ...loop('layers', 'class_name'), className: 'Dense' }), /two for "className"/],
  ];
  test.each(cases)('%s', (_, damage, message) => check(perceptron, damage, message));
});
