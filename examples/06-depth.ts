/**
 * Depth: blocks dropped from a residual net on the digits that come with the project, one to all of them, by every criterion and by
 * chance; test accuracy right after the cut, with statistics measured anew, and after fine-tuning on half of the data.
 *
 *   npx tsx examples/06-depth.ts               three seeds, mean and spread; --seeds N, --from N
 */
import { parseArgs } from 'node:util';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  blockInfluence,
  blocks,
  capture,
  chain,
  compress,
  fineTune,
  firstBlocks,
  lastBlocks,
  layerDrop,
  lossIncrease,
  randomBlocks,
  recalibrate,
  train,
  useBackend,
  type BlockCriterion,
} from 'tfjs-prune';
import { readDigits } from './support/datasets';
import { residualNet } from './support/nets';
import { meanAndSpread, showProgress } from './support/print';
import { start } from './support/start';

const criteria: Readonly<Record<string, () => BlockCriterion<'data'>>> = {
  random: () => randomBlocks(),
  first: () => firstBlocks(),
  last: () => lastBlocks(),
  blockInfluence: () => blockInfluence(),
  lossIncrease: () => lossIncrease(),
};

const WORDS = ['cut', 'recalibrated', 'fine-tuned'] as const;
const shared = { batchSize: 64, optimizer: 'momentum', restoreBest: false } as const;
const mend = chain<'data' | 'training'>(
  recalibrate(),
  fineTune({ ...shared, epochs: 3, learningRate: 0.05, fraction: 0.5 }),
);

/** Percentages, seed by seed, by what was measured. */
type Results = Map<string, number[]>;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seeds: { type: 'string', default: '3' }, from: { type: 'string', default: '0' } },
  });
  console.log(`backend: ${(await useBackend('auto')).description}`);
  const results: Results = new Map();
  const [from, seeds] = [Number(values.from), Number(values.seeds)];
  let count = 0;
  for (let seed = from; seed < from + seeds; seed++) count = await runSeed(seed, results);
  printTable(results, count, seeds);
}

/** The number of blocks that can go. */
async function runSeed(seed: number, results: Results): Promise<number> {
  const data = readDigits(seed);
  const initial = residualNet(8, [16, 32], 3, seed);
  const dense = await train(initial, { ...shared, epochs: 8, learningRate: 0.1, data, seed, progress: showProgress });
  initial.dispose();
  const { blocks: found, unfit } = blocks(await capture(dense));
  if (results.size === 0) {
    console.log(`blocks: ${found.map(({ name }) => name).join(', ')}`);
    for (const { name, reason } of unfit) console.log(`no block: ${name}, as ${reason}`);
  }
  // Criteria often agree on what goes: the same blocks are mended once.
  const known = new Map<string, readonly number[]>();
  for (let count = 1; count <= found.length; count++) {
    for (const [name, criterion] of Object.entries(criteria)) {
      const settings = { data, seed, progress: showProgress, latency: false } as const;
      const { model: small, report } = await compress(dense, layerDrop({ criterion: criterion(), count }), settings);
      const gone = report.blocks!.map(block => block.name.replace('_add', ''));
      const key = [...gone].sort().join();
      const scores = known.get(key) ?? (await mended(small, settings));
      known.set(key, scores);
      small.dispose();
      WORDS.forEach((word, i) => note(results, `${count}, ${name}, ${word}`, scores[i]));
      note(results, `${count}, ${name}, lost`, 1 - report.after.macs! / report.before.macs!);
      if (count === 1 && name === 'random') note(results, 'dense', report.stages[0].accuracy!);
      console.log(`seed ${seed}, ${name}: ${gone.join(' ')} gone, ${(100 * scores[2]).toFixed(2)} %`);
    }
  }
  dense.dispose();
  return found.length;
}

/** Test accuracy as it comes, with statistics measured anew, and fine-tuned. */
async function mended(
  small: LayersModel,
  settings: Parameters<typeof compress<'training' | 'data'>>[2],
): Promise<number[]> {
  const { model, report } = await compress(small, mend, settings);
  model.dispose();
  return report.stages.map(({ accuracy }) => accuracy ?? NaN);
}

function note(results: Results, key: string, value: number): void {
  results.set(key, [...(results.get(key) ?? []), 100 * value]);
}

function printTable(results: Results, blocks: number, seeds: number): void {
  const show = (key: string): string => {
    const { mean, spread } = meanAndSpread(results.get(key)!);
    return `${mean.toFixed(2)} +- ${spread.toFixed(2)}`;
  };
  console.log(`\ntest accuracy in percent, ${seeds} seeds; dense ${show('dense')}`);
  for (let count = 1; count <= blocks; count++) {
    const [lost] = results.get(`${count}, random, lost`)!;
    console.log(`\n${count} of ${blocks} blocks gone (${lost.toFixed(0)} % of the MACs)`);
    console.log(`  ${''.padEnd(16)}${WORDS.map(word => word.padStart(18)).join('')}`);
    for (const name of Object.keys(criteria)) {
      console.log(`  ${name.padEnd(16)}${WORDS.map(word => show(`${count}, ${name}, ${word}`).padStart(18)).join('')}`);
    }
  }
}

start(main);
