import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { capture } from '../../lib/runtime/capture';
import { sameBytes } from '../zoo/bytes';
import { rejection } from '../zoo/refusal';
import { CPU_KERNELS, NATIVE, WASM_KERNELS } from '../backend';
import { dense, mlp, onWasm, withoutLeak } from './help';

onWasm();

test('holds the topology that tf.js emits and the weights by layer, and leaves the model alone', async () => {
  const model = mlp();
  const before = JSON.stringify(model.toJSON(null, false));
  const { topology, weights } = await withoutLeak(() => capture(model));
  expect(topology.className).toBe('Sequential');
  expect(topology.config).toEqual(JSON.parse(JSON.stringify(model.getConfig())));
  expect([...weights.keys()]).toEqual(['a', 'b', 'c']);
  expect(weights.get('b')!.map(({ shape, dtype }) => [shape, dtype])).toEqual(Array(4).fill([[6], 'float32']));
  expect(Array.from(weights.get('a')![0].data)).toEqual(Array.from(model.layers[0].getWeights()[0].dataSync()));
  expect(JSON.stringify(model.toJSON(null, false))).toBe(before);
});

test('is a copy: training the model later does not change it', async () => {
  const model = mlp();
  const { weights } = await capture(model);
  const first = Array.from(weights.get('a')![1].data);
  tf.tidy(() => model.layers[0].setWeights(model.layers[0].getWeights().map(weight => tf.mul(weight, 2))));
  expect(Array.from(weights.get('a')![1].data)).toEqual(first);
});

/** Weights that count on from layer to layer, of 8.8 MB. */
function large(): layers.LayersModel {
  const model = layers.sequential({
    layers: [
      dense({ name: 'a', units: 2000, inputShape: [1100], kernelInitializer: 'zeros' }),
      dense({ name: 'b', units: 2, useBias: false }),
    ],
  });
  const counting = ({ shape, size }: tf.Tensor, i: number): tf.Tensor => tf.reshape(tf.range(i, i + size), shape);
  tf.tidy(() => model.setWeights(model.getWeights().map(counting)));
  return model;
}

test('a large model: the same values, together where the backend lets its memory be seen', async () => {
  const model = large();
  const { weights } = await withoutLeak(() => capture(model));
  const [arrays, own] = [[...weights.values()].flat(), model.getWeights().map(weight => weight.dataSync())];
  expect(arrays.map(({ shape, dtype }) => [shape, dtype])).toEqual(
    model.getWeights().map(({ shape }) => [shape, 'float32']),
  );
  expect(new Set(arrays.map(({ data }) => data.buffer)).size).toBe(NATIVE ? 3 : 1);
  model.dispose();
  tf.zeros([1100, 2000]).dispose(); // writes where the weights were
  expect(arrays.map(({ data }, i) => sameBytes(data, own[i] as Float32Array))).toEqual([true, true, true]);
});

test('a large model whose weights are still on another backend', async () => {
  await tf.setBackend(CPU_KERNELS);
  const model = large();
  await tf.setBackend(WASM_KERNELS);
  const { weights } = await capture(model);
  const arrays = [...weights.values()].flat();
  const same = model.getWeights().map((weight, i) => sameBytes(arrays[i].data, weight.dataSync() as Float32Array));
  expect(same).toEqual([true, true, true]);
  model.dispose();
});

test('names layers of nested models by their path', async () => {
  const inner = mlp({ name: 'inner', outputs: 4 });
  const deepest = layers.sequential({ name: 'middle', layers: [inner, dense({ name: 'd', units: 2 })] });
  const x = layers.input({ shape: [4], name: 'x' });
  const model = layers.model({ inputs: x, outputs: deepest.apply(x) as layers.SymbolicTensor, name: 'outer' });
  const { weights } = await capture(model);
  expect([...weights.keys()]).toEqual(['middle/inner/a', 'middle/inner/b', 'middle/inner/c', 'middle/d']);
});

test('notes the layers of a frozen nested model as frozen', async () => {
  const inner = mlp({ name: 'inner' });
  inner.trainable = false;
  const model = layers.sequential({ name: 'outer', layers: [inner, dense({ name: 'd', units: 2 })] });
  const { topology } = await capture(model);
  const [nested, last] = topology.config.layers as unknown as {
    config: { trainable: boolean; layers: (typeof last)[] };
  }[];
  expect(nested.config.layers.map(({ config }) => config.trainable)).toEqual([false, false, false]);
  expect(last.config.trainable).toBe(true);
});

describe('refuses', () => {
  test.each([
    ['a graph model', { execute: () => {}, predict: () => {}, modelUrl: 'x' }, /GraphModel.*tfjs_layers_model/s],
    ['null', null, /got null/],
    ['a path', 'model.json', /got string.*loadLayersModel/s],
    ['a model without layers', layers.sequential(), /without one|got one without/],
  ])('%s', async (_, model, message) => {
    const error = await rejection(capture(model as never));
    expect(error.code).toBe('bad-model');
    expect(error.message).toMatch(message);
  });

  test('a layer that is not built', async () => {
    const model = { layers: [dense({ name: 'lazy', units: 2 })], getConfig: () => ({}), getClassName: () => 'Model' };
    const error = await rejection(capture(model as never));
    expect(error.code).toBe('bad-model');
    expect(error.message).toMatch(/"lazy".*not built/);
  });

  test('a disposed model', async () => {
    const model = mlp();
    model.dispose();
    const error = await rejection(capture(model));
    expect(error.code).toBe('bad-model');
    expect(error.message).toMatch(/"a".*disposed/);
  });

  test.each([NaN, Infinity, -Infinity])('the weight %p, saying where it is', async value => {
    const model = mlp();
    tf.tidy(() => {
      const [gamma, ...rest] = model.layers[1].getWeights();
      const values = gamma.dataSync().slice();
      values[4] = value;
      model.layers[1].setWeights([tf.tensor1d(values), ...rest]);
    });
    const error = await withoutLeak(() => rejection(capture(model)));
    expect(error.code).toBe('bad-weights');
    expect(error.message).toMatch(`layer "b", gamma: expected finite weights, got ${value} at index 4`);
  });

  test('two layers of one path', async () => {
    const inner = mlp({ name: 'a' });
    const model = layers.sequential({ name: 'outer', layers: [inner, dense({ name: 'a', units: 2 })] });
    const plain = layers.sequential({ name: 'plain', layers: [dense({ name: 'a', units: 2, inputShape: [2] })] });
    const twice = { ...wrap(plain), layers: [plain.layers[0], dense({ name: 'a', units: 2 })] };
    twice.layers[1].apply(layers.input({ shape: [2] }));
    twice.getConfig = () => ({ name: 'x', layers: twice.layers.map(spec) });
    // A nested model may share a name with a layer: their paths differ.
    await expect(capture(model)).resolves.toBeDefined();
    const error = await rejection(capture(twice as never));
    expect(error.code).toBe('bad-model');
    expect(error.message).toMatch(/layer "a".*two layers of that name/);
  });

  test('one layer object at two paths, whose weights would part', async () => {
    const shared = dense({ name: 'shared', units: 4 });
    const part = (name: string): layers.LayersModel => {
      const x = layers.input({ shape: [4] });
      return layers.model({ inputs: x, outputs: shared.apply(x) as layers.SymbolicTensor, name });
    };
    const x = layers.input({ shape: [4] });
    const outputs = part('two').apply(part('one').apply(x)) as layers.SymbolicTensor;
    const error = await rejection(capture(layers.model({ inputs: x, outputs })));
    expect(error.code).toBe('bad-model');
    expect(error.message).toMatch(/"two\/shared".*same layer object as "one\/shared"/);
  });

  test('a custom layer whose config reads as a model', async () => {
    const model = mlp();
    const fake = {
      ...wrap(model),
      getConfig: () => ({ name: 'x', layers: [model.layers[0], model.layers[2]].map(spec) }),
    };
    const error = await rejection(capture(fake as never));
    expect(error.code).toBe('bad-model');
    expect(error.message).toMatch(/layer "b"/);
  });
});

function spec(layer: layers.layers.Layer): { className: string; config: object } {
  return { className: layer.getClassName(), config: layer.getConfig() };
}

function wrap(model: layers.LayersModel): {
  layers: layers.layers.Layer[];
  getConfig: () => object;
  getClassName: () => string;
} {
  return { layers: model.layers, getConfig: () => model.getConfig(), getClassName: () => model.getClassName() };
}
