/** A program for wasmThreads.spec.ts: trains a small net on the number of threads given, and prints what came of it as JSON. */
import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { train, useBackend } from '../../lib';
import { random } from '../../lib/core/random';
import { randomize } from './help';

const L = layers.layers;

async function main(): Promise<void> {
  const threads = Number(process.argv[2]);
  const { description } = await useBackend('wasm', { threads });
  const model = layers.sequential({
    layers: [
      L.conv2d({ name: 'a', filters: 16, kernelSize: 3, padding: 'same', inputShape: [16, 16, 8] }),
      L.batchNormalization({ name: 'b' }),
      L.depthwiseConv2d({ name: 'c', kernelSize: 3, strides: 2, activation: 'relu' }),
      L.conv2d({ name: 'd', filters: 24, kernelSize: 1 }),
      L.globalAveragePooling2d({ name: 'e', dataFormat: 'channelsLast' }),
      L.dense({ name: 'f', units: 2, activation: 'softmax' }),
    ],
  });
  randomize(model, 1);
  const { normal } = random(2, 'threads');
  const inputs = tf.tensor(Float32Array.from({ length: 24 * 16 * 16 * 8 }, normal), [24, 16, 16, 8]);
  const targets = tf.oneHot(tf.tensor1d(Int32Array.from({ length: 24 }, (_, i) => i % 2)), 2);
  const data = { train: { inputs, targets } };
  const trained = await train(model, { data, epochs: 2, batchSize: 8, seed: 3 });
  const hash = createHash('sha256');
  for (const weight of trained.getWeights()) hash.update(new Uint8Array((await weight.data()).buffer));
  console.log(JSON.stringify({ description, hash: hash.digest('hex') }));
}

void main();
