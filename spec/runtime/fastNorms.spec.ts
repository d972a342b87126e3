import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { installTrainingKernels } from '../../lib/kernels';
import { useFastNorms } from '../../lib/runtime/fastNorms';
import { slimModel } from '../../lib/runtime/slimModel';
import { batchNormalization, dense, onWasm, randomize, withoutLeak } from './help';

onWasm();
beforeAll(installTrainingKernels);

const L = layers.layers;

function net(): layers.LayersModel {
  const model = layers.sequential({
    layers: [
      L.conv2d({ name: 'conv', filters: 5, kernelSize: 3, inputShape: [6, 6, 2] }),
      batchNormalization({ name: 'norm', momentum: 0.8 }),
      L.reLU(),
      L.flatten(),
      dense({ name: 'hidden', units: 4 }),
      batchNormalization({ name: 'last' }),
      dense({ name: 'head', units: 2, activation: 'softmax' }),
    ],
  });
  randomize(model, 7);
  return model;
}

/** Weights after three steps, statistics included. */
async function trained(model: layers.LayersModel): Promise<number[][]> {
  const x = tf.randomNormal([12, 6, 6, 2], 0, 1, 'float32', 3);
  const y = tf.oneHot(tf.tensor1d([...'010110100101'].map(Number), 'int32'), 2);
  model.compile({ optimizer: tf.train.momentum(0.05, 0.9), loss: 'categoricalCrossentropy' });
  for (let step = 0; step < 3; step++) await model.trainOnBatch(x, y);
  const weights = model.getWeights().map(weight => Array.from(weight.dataSync()));
  tf.dispose([x, y]);
  return weights;
}

function distance(a: readonly number[][], b: readonly number[][]): number {
  return Math.max(...a.flatMap((values, i) => values.map((value, j) => Math.abs(value - b[i][j]))));
}

test('plain tf.js trains to the same weights and statistics, and gets its own way back', async () => {
  const models = [net(), net(), net()];
  const stock = await trained(models[0]);
  useFastNorms(models[1]);
  const fast = await trained(models[1]);
  expect(distance(fast, stock)).toBeLessThan(2e-5);
  expect(fast).not.toEqual(stock); // so the other code has run
  useFastNorms(models[2])();
  expect(await trained(models[2])).toEqual(stock);
  models.forEach(model => model.dispose());
});

test('inference and config stay as they are', () => {
  const model = net();
  const x = tf.randomNormal([3, 6, 6, 2], 0, 1, 'float32', 5);
  const predict = () => Array.from(tf.tidy(() => (model.predict(x) as tf.Tensor).dataSync()));
  const [before, config] = [predict(), JSON.stringify(model.toJSON())];
  useFastNorms(model);
  expect(predict()).toEqual(before);
  expect(JSON.stringify(model.toJSON())).toBe(config);
});

test('a wrapped layer is reached; one off the last axis or without gamma is left alone', async () => {
  const slimming = await slimModel(net(), { l1: 1e-3 });
  const plain = await slimModel(net(), { l1: 1e-3 });
  useFastNorms(slimming);
  const [fast, stock] = [await trained(slimming), await trained(plain)];
  expect(distance(fast, stock)).toBeLessThan(2e-5);
  expect(fast).not.toEqual(stock);
  const odd = layers.sequential({
    layers: [
      batchNormalization({ name: 'first', axis: 1, inputShape: [3, 4] }),
      batchNormalization({ name: 'bare', scale: false }),
    ],
  });
  useFastNorms(odd);
  for (const layer of odd.layers) expect(Object.hasOwn(layer, 'call')).toBe(false);
});

test('nothing is left behind', async () => {
  const model = net();
  useFastNorms(model);
  const x = tf.randomNormal([4, 6, 6, 2], 0, 1, 'float32', 5);
  await withoutLeak(() => tf.tidy(() => void model.apply(x, { training: true })));
});
