/**
 * One training step of a ResNet-20 (CIFAR size) on WASM: images a second with the gradient kernels alone and with all of ours, and which
 * kernels the time goes to. `npx tsx bench/resnet20.ts`
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { installTrainingKernels } from '../lib/kernels';
import { replaceKernel } from '../lib/kernels/replace';
import { useFastNorms } from '../lib/runtime/fastNorms';
import { createOptimizer } from '../lib/runtime/optimizer';
import { compare, printTable, writeResults } from './harness';
import { profiled } from './zoo/profile';
import { BATCH, trainedNet, trainingTask } from './zoo/trainingTask';

/** Kernels that the backend has, but slowly. */
const improved = [tf.Tile, tf.Sum, tf.Mean, tf.BatchMatMul, tf.FusedBatchNorm, tf.Identity, tf.Cast];

async function main(): Promise<void> {
  await tf.setBackend('wasm');
  const stock = improved.map(name => tf.getKernel(name, 'wasm'));
  installTrainingKernels();
  const ours = improved.map(name => tf.getKernel(name, 'wasm'));
  const model = trainedNet();
  const { variables, cost } = trainingTask(model);
  const stockOptimizer = tf.train.momentum(0.1, 0.9);
  const stockStep = (): void => tf.tidy(() => void stockOptimizer.minimize(cost, false, variables));
  const optimizer = createOptimizer('momentum');
  const step = (): void => {
    const restore = useFastNorms(model);
    optimizer.minimize(cost, variables, 0.1);
    restore();
  };
  const timings = compare([
    {
      name: 'gradient kernels alone',
      run: () => (stock.forEach(replaceKernel), stockStep(), ours.forEach(replaceKernel)),
    },
    { name: 'and fast kernels', run: stockStep },
    { name: 'and batch normalization, optimizer', run: step },
  ]);
  const results = timings.map(timing => ({ ...timing, imagesPerSecond: (1000 * BATCH) / timing.median }));
  console.log(`ResNet-20, batch ${BATCH}`);
  printTable(
    ['', 'ms a step', 'spread', 'images/s'],
    results.map(({ name, median, spread, imagesPerSecond }) => [name, median, spread, imagesPerSecond]),
  );
  const profile = profiled(step);
  const total = profile.reduce((sum, { ms }) => sum + ms, 0);
  printTable(
    ['kernel', 'ms', 'calls', '%'],
    profile
      .filter(({ ms }) => ms > total / 200)
      .map(({ name, ms, calls }) => [name, ms, String(calls), (100 * ms) / total]),
  );
  writeResults('resnet20', { batch: BATCH, steps: results, profile });
}

void main();
