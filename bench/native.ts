/**
 * One training step of a ResNet-20 (CIFAR size) of stock layers on TensorFlow for Node.js: images a second.
 * `npm run test:native` builds the addon; then `npx tsx bench/native.ts`
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { useBackend } from '../lib';
import { printTable, summary, writeResults } from './harness';
import { resnet20 } from './zoo/resnet';

const ROUNDS = Number(process.env.ROUNDS ?? 9);
const BATCHES = [32, 128];
const home = join(__dirname, '../.native');

async function main(): Promise<void> {
  if (!existsSync(join(home, 'node_modules/@tensorflow/tfjs-node/lib'))) {
    console.log('The addon is not there: npm run test:native builds it.');
    return;
  }
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // Registers itself with every copy of tf.js in the process; useBackend finds it registered.
  createRequire(join(home, 'package.json'))('@tensorflow/tfjs-node');
  const { description } = await useBackend('node');
  const results: ReturnType<typeof summary>[] = [];
  for (const batch of BATCHES) results.push(await step(batch));
  console.log(`ResNet-20 on ${description}`);
  printTable(
    ['', 'ms a step', 'spread', 'images/s'],
    results.map(({ name, median, spread }, i) => [name, median, spread, (1000 * BATCHES[i]) / median]),
  );
  writeResults('native', { backend: description, steps: results });
}

async function step(batch: number): Promise<ReturnType<typeof summary>> {
  const model = resnet20();
  model.compile({ optimizer: tf.train.momentum(0.1, 0.9), loss: 'categoricalCrossentropy' });
  const images = tf.randomNormal([batch, 32, 32, 3], 0, 1, 'float32', 1);
  const labels = tf.oneHot(tf.randomUniform([batch], 0, 10, 'int32', 2), 10);
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    await model.trainOnBatch(images, labels); // gives the loss, so the step is done when it returns
    if (round > 0) times.push(performance.now() - start);
  }
  tf.dispose([images, labels]);
  model.dispose();
  return summary(`batch ${batch}`, times);
}

void main();
