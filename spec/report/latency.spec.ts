import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as layers from '@tensorflow/tfjs-layers';
import { measureLatency } from '../../lib/report/latency';
import { CPU_KERNELS, NATIVE } from '../backend';
import { NETS } from '../zoo/nets';
import { rejection } from '../zoo/refusal';

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend(CPU_KERNELS);
});

function stack(width: number, inputShape: (number | null)[] = [64]): layers.LayersModel {
  const hidden = [1, 2, 3].map(i => layers.layers.dense({ units: width, name: `hidden${i}` }));
  const first = layers.layers.dense({ units: width, inputShape, name: 'first' });
  return layers.sequential({ layers: [first, ...hidden] });
}

test('the smaller model is the faster one, and nothing is left behind', async () => {
  // Calling TensorFlow takes as long as a small matrix does.
  const [large, small] = [stack(NATIVE ? 3000 : 600), stack(20)];
  const before = tf.memory().numTensors;
  const latency = await measureLatency(large, small, { batch: 4, runs: 7 });
  expect(tf.memory().numTensors).toBe(before);
  expect(latency).toMatchObject({ backend: CPU_KERNELS, batch: 4, runs: 7 });
  expect(latency.speedup).toBeGreaterThan(2);
  for (const { least, median, most } of [latency.before, latency.after]) {
    expect(least).toBeGreaterThan(0);
    expect(median).toBeGreaterThanOrEqual(least);
    expect(most).toBeGreaterThanOrEqual(median);
  }
  large.dispose();
  small.dispose();
});

test('a model beside itself is about as fast', async () => {
  const model = stack(200);
  const { speedup } = await measureLatency(model, model, { runs: 25 });
  expect(speedup).toBeGreaterThan(0.5);
  expect(speedup).toBeLessThan(2);
  model.dispose();
});

test('open sizes, several inputs and outputs, and index inputs are served', async () => {
  const many = NETS.manyInputsAndOutputs();
  const open = stack(8, [null, 4]);
  const words = layers.input({ shape: [5], dtype: 'int32', name: 'words' });
  const table = layers.layers.embedding({ inputDim: 1, outputDim: 3, name: 'table' }).apply(words);
  const indexed = layers.model({ inputs: words, outputs: table as layers.SymbolicTensor });
  for (const model of [many, open, indexed]) {
    const before = tf.memory().numTensors;
    expect((await measureLatency(model, model, { batch: 2, runs: 1 })).before.median).toBeGreaterThan(0);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  }
});

test('every batch goes through in one piece', async () => {
  const model = stack(8);
  const batches = new Set<number>();
  const original = model.layers[0].call.bind(model.layers[0]);
  model.layers[0].call = (inputs, kwargs) => {
    batches.add([inputs].flat()[0].shape[0]);
    return original(inputs, kwargs);
  };
  await measureLatency(model, model, { batch: 50, runs: 1 });
  expect([...batches]).toEqual([50]);
  model.dispose();
});

test('an abort stops it and leaves nothing behind', async () => {
  const model = stack(50);
  const before = tf.memory().numTensors;
  const controller = new AbortController();
  const running = measureLatency(model, model, { runs: 1_000_000, signal: controller.signal });
  setTimeout(() => controller.abort(), 30);
  expect((await rejection(running)).code).toBe('aborted');
  expect(tf.memory().numTensors).toBe(before);
  model.dispose();
});

test('a model that fails leaves nothing behind either', async () => {
  const model = stack(8);
  model.layers[2].call = () => {
    throw new Error('broken layer');
  };
  const before = tf.memory().numTensors;
  await expect(measureLatency(model, model)).rejects.toThrow('broken layer');
  expect(tf.memory().numTensors).toBe(before);
});

test.each([{ batch: 0 }, { batch: 1.5 }, { runs: 0 }, { runs: NaN }])('%p is refused', async options => {
  const model = stack(2);
  expect((await rejection(measureLatency(model, model, options))).code).toBe('bad-option');
  model.dispose();
});
