/**
 * A peer that trains a ResNet-20 (CIFAR size): `tsx bench/peers/training.ts BACKEND THREADS WAY`. WAY is plain for the layers and the
 * optimizer of tf.js, fast for ours. Each line it reads is one step; it answers with the milliseconds.
 */
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import { useFastNorms } from '../../lib';
import { createOptimizer } from '../../lib/runtime/optimizer';
import { trainedNet, trainingTask } from '../zoo/trainingTask';
import { startBackend, type BenchBackend } from './backend';

async function main(): Promise<void> {
  const [backend, threads, way] = process.argv.slice(2);
  const { description } = await startBackend(backend as BenchBackend, { threads: Number(threads) });
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
