/**
 * What slimming adds to a training step: a ResNet-20 (CIFAR size) on WASM with and without the L1 penalty on every gamma.
 * `npx tsx bench/slimming.ts`
 */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { slimModel, useBackend, useFastNorms } from '../lib';
import { createOptimizer } from '../lib/runtime/optimizer';
import { compare, printTable, writeResults } from './harness';
import { BATCH, trainedNet, trainingTask } from './zoo/trainingTask';

async function main(): Promise<void> {
  await useBackend('wasm');
  const plain = trainedNet();
  const timings = compare(
    [
      { name: 'plain', run: trainingStep(plain) },
      { name: 'slimming', run: trainingStep(await slimModel(plain, { l1: 1e-3 })) },
    ],
    { rounds: Number(process.env.ROUNDS ?? 31) },
  );
  const [without, with_] = timings.map(({ median }) => median);
  printTable(['', 'ms a step', 'spread'], timings.map(({ name, median, spread }) => [name, median, spread])); // prettier-ignore
  console.log(`Slimming adds ${((100 * (with_ - without)) / without).toFixed(1)} %`);
  writeResults('slimming', { batch: BATCH, steps: timings, share: (with_ - without) / without });
}

function trainingStep(model: LayersModel): () => void {
  const { variables, cost } = trainingTask(model);
  const optimizer = createOptimizer('momentum');
  useFastNorms(model);
  return () => optimizer.minimize(cost, variables, 0.1);
}

void main();
