/**
 * A peer that trains a ResNet-20 (CIFAR size): `tsx bench/peers/training.ts BACKEND THREADS WAY`. WAY is plain for the layers and the
 * optimizer of tf.js, fast for ours. Each line it reads is one step; it answers with the milliseconds.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import { useBackend, useFastNorms } from '../../lib';
import { createOptimizer } from '../../lib/runtime/optimizer';
import { trainedNet, trainingTask } from '../zoo/trainingTask';

const native = join(__dirname, '../../.native/package.json');

async function main(): Promise<void> {
  const [backend, threads, way] = process.argv.slice(2);
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // Registers itself with every copy of tf.js in the process; useBackend finds it registered.
  if (backend === 'node' && existsSync(native)) createRequire(native)('@tensorflow/tfjs-node');
  const { description } = await useBackend(backend as 'wasm', { threads: Number(threads) });
  const step = trainingStep(way === 'fast');
  console.log(JSON.stringify({ description }));
  let last = Promise.resolve();
  createInterface({ input: process.stdin }).on('line', () => {
    last = last.then(async () => {
      const start = performance.now();
      await step();
      console.log(JSON.stringify({ ms: performance.now() - start }));
    });
  });
}

function trainingStep(fast: boolean): () => Promise<void> {
  const model = trainedNet();
  if (fast) useFastNorms(model);
  const { variables, cost } = trainingTask(model);
  const stock = tf.train.momentum(0.1, 0.9);
  const ours = createOptimizer('momentum');
  return async () => {
    if (fast) ours.minimize(cost, variables, 0.1);
    else stock.minimize(cost, false, variables);
    await variables[0].data(); // the step is done when its result can be read
  };
}

void main();
