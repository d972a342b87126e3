import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { ndarray } from '../../lib/core/array';
import { mapLeaves, type Checkpoint } from '../../lib/core/checkpoint';
import { random } from '../../lib/core/random';
import { capture } from '../../lib/runtime/capture';
import { materialize, withModel } from '../../lib/runtime/materialize';
import { refusal, rejection } from '../zoo/refusal';
import {
  activation,
  batchNormalization,
  bits,
  dense,
  mlp,
  normals,
  onWasm,
  outputsOf,
  randomize,
  withoutLeak,
} from './help';

onWasm();

type Flow = layers.SymbolicTensor;
const L = layers.layers;
const flow = (layer: layers.layers.Layer, ...inputs: Flow[]): Flow =>
  layer.apply(inputs.length === 1 ? inputs[0] : inputs) as Flow;

const models: Record<string, () => layers.LayersModel> = {
  sequential: () => mlp(),
  'Sequential in Sequential, twice': () =>
    layers.sequential({
      name: 'outer',
      layers: [mlp({ name: 'one', outputs: 4 }), mlp({ name: 'two' }), dense({ name: 'd', units: 2 })],
    }),
  'functional in Sequential': () => {
    const x = layers.input({ shape: [4], name: 'x' });
    const part = layers.model({ inputs: x, outputs: flow(dense({ name: 'q', units: 3 }), x), name: 'part' });
    return layers.sequential({ name: 'outer', layers: [part, batchNormalization({ name: 'n' })] });
  },
  'several inputs and outputs, a shared layer, a Sequential called twice': () => {
    const [x, y] = ['x', 'y'].map(name => layers.input({ shape: [4], name }));
    const shared = dense({ name: 'shared', units: 4, activation: 'tanh' });
    const nested = mlp({ name: 'nested', outputs: 4 });
    const [a, b] = [flow(shared, flow(shared, x)), flow(nested, flow(shared, y))];
    const sum = flow(L.add({ name: 'sum' }), a, b, flow(nested, a));
    return layers.model({ inputs: [x, y], outputs: [sum, b], name: 'siamese' });
  },
  'a shared layer whose first call waits for deeper layers than its second': () => {
    const x = layers.input({ shape: [4], name: 'x' });
    const shared = dense({ name: 'shared', units: 4, activation: 'tanh' });
    const deep = flow(dense({ name: 'deep', units: 4, activation: 'tanh' }), x);
    const [late, early] = [flow(shared, deep), flow(shared, x)];
    const tail = ['p', 'q', 'r'].map(name => dense({ name, units: 2 })).reduce((end, layer) => flow(layer, end), early);
    const outputs = [tail, late];
    return layers.model({ inputs: x, outputs, name: 'crossed' });
  },
  recurrent: () => {
    const recurrentInitializer = 'glorotNormal'; // the default needs the union package
    const lstm = L.lstm({ units: 3, returnSequences: true, recurrentInitializer });
    return layers.sequential({
      name: 'recurrent',
      layers: [
        L.bidirectional({ name: 'both', layer: lstm, mergeMode: 'concat', inputShape: [5, 4] }),
        L.timeDistributed({ name: 'each', layer: dense({ units: 2 }) }),
        L.gru({ name: 'gru', units: 2, recurrentInitializer }),
      ],
    });
  },
};

describe.each(Object.keys(models))('%s', name => {
  const built = (): layers.LayersModel => {
    const model = models[name]();
    randomize(model, 3);
    return model;
  };
  const inputsFor = (model: layers.LayersModel) =>
    model.inputs.map(({ shape }, i) => normals([3, ...(shape.slice(1) as number[])], random(5, i).normal));

  test('comes back with its names, weights and predictions, bit by bit', async () => {
    const model = built();
    const checkpoint = await capture(model);
    const copy = materialize(checkpoint);
    expect(outputsOf(copy, ...inputsFor(model))).toEqual(outputsOf(model, ...inputsFor(model)));
    expect(copy.layers.map(layer => layer.name)).toEqual(model.layers.map(layer => layer.name));
    expect(copy.outputNames).toEqual(model.outputNames);
    const again = await capture(copy);
    expect(bits(again)).toEqual(bits(checkpoint));
    if (!name.startsWith('a shared layer')) expect(again.topology).toEqual(checkpoint.topology);
    copy.dispose();
    model.dispose();
  });

  test('frees everything with one dispose', async () => {
    const checkpoint = await capture(built());
    const before = tf.memory();
    const copy = materialize(checkpoint);
    expect(tf.memory().numTensors).toBeGreaterThan(before.numTensors);
    copy.dispose();
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
  });
});

test('tf.js alone swaps the calls of that shared layer', async () => {
  // When this fails, tf.js has been mended and lib/runtime/callOrder.ts may go.
  const model = models['a shared layer whose first call waits for deeper layers than its second']();
  const { config } = (await capture(model)).topology;
  const copy = layers.LayersModel.fromConfig(
    layers.LayersModel,
    JSON.parse(JSON.stringify(config)),
  ) as layers.LayersModel;
  const ends = (net: layers.LayersModel) =>
    (net.getConfig() as unknown as typeof config).layers
      .find(({ name }) => name === 'shared')!
      .inboundNodes!.map(([[from]]) => from);
  expect([ends(model), ends(copy)]).toEqual([
    ['deep', 'x'],
    ['x', 'deep'],
  ]);
});

test('can be trained, saved and used as a part of another model', async () => {
  const copy = materialize(await capture(mlp()));
  copy.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  await copy.fit(tf.ones([4, 4]), tf.ones([4, 3]), { verbose: 0 });
  const x = layers.input({ shape: [4] });
  const outer = layers.model({ inputs: x, outputs: flow(dense({ units: 1 }), copy.apply(x) as Flow) });
  expect(
    outputsOf(
      outer,
      normals([2, 4], () => 1),
    )[0],
  ).toHaveLength(2);
  const saved = await new Promise<tf.io.ModelArtifacts>(resolve => {
    void copy.save(
      tf.io.withSaveHandler(artifacts => {
        resolve(artifacts);
        return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' as const } });
      }),
    );
  });
  expect(saved.weightSpecs!.map(spec => spec.name)).toEqual([
    'a/kernel',
    'a/bias',
    'b/gamma',
    'b/beta',
    'c/kernel',
    'c/bias',
    'b/moving_mean',
    'b/moving_variance',
  ]);
});

test('keeps frozen layers frozen', async () => {
  const inner = mlp({ name: 'inner' });
  inner.trainable = false;
  const model = layers.sequential({ name: 'outer', layers: [inner, dense({ name: 'd', units: 2 })] });
  const copy = materialize(await capture(model));
  expect(copy.trainableWeights.map(({ originalName }) => originalName)).toEqual(['d/kernel', 'd/bias']);
});

test('withModel frees the model whatever happens', async () => {
  const checkpoint = await capture(mlp());
  await withoutLeak(() => withModel(checkpoint, () => Promise.resolve(1)));
  await withoutLeak(() => expect(withModel(checkpoint, () => Promise.reject(new Error('no')))).rejects.toThrow('no'));
});

describe('refuses, and leaves nothing behind,', () => {
  const changed = async (
    change: (weights: Map<string, Checkpoint['weights'] extends ReadonlyMap<string, infer A> ? A : never>) => void,
  ) => {
    const checkpoint = await capture(mlp());
    const weights = new Map(checkpoint.weights);
    change(weights);
    return { ...checkpoint, weights };
  };

  test.each([
    ['weights of another shape', 'c', /layer "c": expected weights float32 \[6, 3\] and float32 \[3\], got .*\[2, 2\]/],
    ['a layer without its weights', 'b', /layer "b": expected weights .*, got no weights/],
    ['weights of no layer', 'zzz', /layer "zzz"/],
  ])('%s', async (_, path, message) => {
    const checkpoint = await changed(weights => {
      if (path === 'c') weights.set('c', [ndarray(new Float32Array(4), [2, 2]), weights.get('c')![1]]);
      if (path === 'b') weights.delete('b');
      if (path === 'zzz') weights.set('zzz', weights.get('a')!);
    });
    const error = await withoutLeak(() => refusal(() => materialize(checkpoint)));
    expect(error.code).toBe('bad-weights');
    expect(error.message).toMatch(message);
  });

  test.each([
    [
      'an unknown layer class',
      (spec: { className: string }) => ({ ...spec, className: 'Mystery' }),
      /Unknown layer: Mystery/,
    ],
    [
      'a config that tf.js does not take',
      (spec: object) => ({ ...spec, className: 'Dense', config: { name: 'b', units: -1 } }),
      /model "net"/,
    ],
  ])('%s', async (_, change, message) => {
    const checkpoint = await capture(mlp());
    const topology = mapLeaves(checkpoint.topology, (spec, path) => (path === 'b' ? (change(spec) as never) : spec));
    const error = await withoutLeak(() => refusal(() => materialize({ ...checkpoint, topology })));
    expect(error.code).toBe('bad-model');
    expect(error.message).toMatch(message);
  });

  test('an unknown model class', async () => {
    const { topology, weights } = await capture(mlp());
    const error = refusal(() => materialize({ topology: { ...topology, className: 'Mystery' }, weights }));
    expect([error.code, error.message]).toEqual(['bad-model', expect.stringContaining('unknown class Mystery')]);
  });

  test('a reference to a layer that is not there, on which tf.js hangs', async () => {
    const x = layers.input({ shape: [4], name: 'x' });
    const outputs = flow(activation({ name: 'end', activation: 'relu' }), flow(dense({ name: 'd', units: 2 }), x));
    const { topology, weights } = await capture(layers.model({ inputs: x, outputs }));
    const cut = mapLeaves(topology, spec =>
      spec.name === 'end' ? { ...spec, inboundNodes: [[['gone', 0, 0, {}]]] } : spec,
    );
    const error = await withoutLeak(() => rejection(withModel({ topology: cut, weights }, () => Promise.resolve())));
    expect(error.code).toBe('bad-model');
    expect(error.message).toMatch(/layer "end": .*call 0 of "gone"/);
  });
});
