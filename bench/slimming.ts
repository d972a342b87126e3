/**
 * What slimming adds to a training step: a ResNet-20 (CIFAR size) on WASM with the L1 penalty on every gamma, beside the same net without,
 * and, for what the method itself gets wrong, beside a second copy of that. The penalty sees the gammas alone, whatever the batch: what it
 * adds is measured where the rest of the step is short, and is then a share of the step of the usual batch. `npx tsx bench/slimming.ts`
 */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { slimModel, useBackend, useFastNorms } from '../lib';
import { Slimmable } from '../lib/layers/slimmable';
import { layersOf } from '../lib/runtime/leaves';
import { createOptimizer } from '../lib/runtime/optimizer';
import { compare, comparePairs, printTable, writeResults, type Within } from './harness';
import { BATCH, trainedNet, trainingTask } from './zoo/trainingTask';

const ROUNDS = Number(process.env.ROUNDS ?? 401);
const FEW = 2;
const L1 = 1e-3;

async function main(): Promise<void> {
  await useBackend('wasm');
  const slimming = await slimModel(trainedNet(), { l1: L1 });
  const added = comparePairs(
    [
      { name: 'plain', run: trainingStep(trainedNet(), FEW) },
      { name: 'slimming', run: trainingStep(slimming, FEW) },
      { name: 'a second plain net', run: trainingStep(trainedNet(), FEW) },
    ],
    ROUNDS,
  );
  const steps = compare([FEW, BATCH].map(batch => ({ name: String(batch), run: trainingStep(trainedNet(), batch) })));
  const [few, usual] = steps.map(({ median }) => median);
  console.log(`What it adds to a step, median of ${ROUNDS} rounds and where the true one lies (95 %)`);
  const share = few / usual;
  printTable(
    ['', `CPU time, batch ${FEW}`, `wall time, batch ${FEW}`, `CPU time, batch ${BATCH}`],
    added.map(({ name, cpu, wall }) => [name, percent(cpu), percent(wall), percent(cpu, share)]),
  );
  console.log(`A step takes ${few.toFixed(0)} ms at ${FEW} images and ${usual.toFixed(0)} ms at ${BATCH}`);
  writeResults('slimming', { rounds: ROUNDS, batches: [FEW, BATCH], steps, added });
}

function trainingStep(model: LayersModel, batch: number): () => void {
  const { variables, cost } = trainingTask(model, batch);
  const optimizer = createOptimizer('momentum');
  useFastNorms(model);
  return () => {
    // As `fit` does at every step of slimming, for its annealing.
    for (const { layer } of layersOf(model)) if (layer instanceof Slimmable) layer.l1 = L1;
    optimizer.minimize(cost, variables, 1e-3);
  };
}

function percent({ median, least, most }: Within, of = 1): string {
  const [middle, from, to] = [median, least, most].map(share => (100 * share * of).toFixed(2));
  return `${middle} % (${from} to ${to})`;
}

void main();
