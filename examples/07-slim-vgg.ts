/**
 * Network Slimming on a VGG: trained with L1 on gamma, 70 % of all channels gone, fine-tuned. How strong the penalty is decides what the cut
 * does: without one, or with one that leaves most gammas large, whole layers lose nearly everything and not all of it comes back; with one
 * that makes as many gammas small as are to go, the cut costs little. Test accuracy of the last epoch.
 *
 *   npx tsx examples/07-slim-vgg.ts --set mnist --data DIR [--l1 0,0.01]
 *
 * What is measured is kept in examples/results, run by run: started again, it goes on where it was.
 */
import { parseArgs } from 'node:util';
import { capture, chain, compress, fineTune, gamma, global, prune, recalibrate, slim } from 'tfjs-prune';
import { take } from './support/datasets';
import { vggNet } from './support/nets';
import { accuracyOf, lastAccuracy, type Notebook } from './support/notebook';
import { showProgress } from './support/print';
import { start } from './support/start';
import { begin, commonOptions, sets } from './support/tasks';

const RATIO = 0.7;
const COLUMNS = ['trained', 'pruned', 'recalibrated', 'fine-tuned', 'gammas below 0.01', 'MACs left'];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...commonOptions,
      l1: { type: 'string', default: '0,0.003,0.006,0.01' },
    },
  });
  const results = await begin(values.set, 'slimming');
  const penalties = values.l1.split(',').map(Number);
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    for (const l1 of penalties) await slimAndCut(values.set, values.data, seed, l1, results);
    printTable(results, penalties, seed + 1);
  }
}

const place = (seed: number, l1: number, column: string): string => `seed ${seed}, l1 ${l1}, ${column}`;

async function slimAndCut(set: string, directory: string, seed: number, l1: number, results: Notebook): Promise<void> {
  if (results.has(place(seed, l1, 'fine-tuned'))) return;
  const { read, side, channels, epochs } = sets[set];
  const { train, test } = read(directory, seed);
  const options = { data: { train: take(train, 10000), test }, seed, progress: showProgress, latency: false } as const;
  const training = { batchSize: 64, optimizer: 'momentum', epochs } as const;
  const initial = vggNet({ side, channels }, [32, 64, 128], seed, 2);
  const { model, report } = await compress(initial, slim({ ...training, learningRate: 0.1, l1 }), options);
  results.note(place(seed, l1, 'trained'), lastAccuracy(report));
  results.note(place(seed, l1, 'gammas below 0.01'), await shareOfSmallGammas(model));
  const cut = chain<'data' | 'training'>(
    prune({ criterion: gamma(), budget: global({ ratio: RATIO, minimum: 1 }) }),
    recalibrate(),
    fineTune({ ...training, learningRate: 0.05, restoreBest: false }),
  );
  const { model: small, report: after } = await compress(model, cut, options);
  results.note(place(seed, l1, 'pruned'), accuracyOf(after, 'pruned'));
  results.note(place(seed, l1, 'recalibrated'), accuracyOf(after, 'recalibrated'));
  results.note(place(seed, l1, 'fine-tuned'), lastAccuracy(after));
  results.note(place(seed, l1, 'MACs left'), (after.after.macs ?? NaN) / (after.before.macs ?? NaN));
  [initial, model, small].forEach(each => each.dispose());
}

async function shareOfSmallGammas(model: Parameters<typeof capture>[0]): Promise<number> {
  const { weights } = await capture(model);
  const gammas = [...weights].flatMap(([layer, [scale]]) => (layer.endsWith('_bn') ? [...scale.data] : []));
  return gammas.filter(value => Math.abs(value) < 0.01).length / gammas.length;
}

function printTable(results: Notebook, penalties: readonly number[], seeds: number): void {
  console.log(`\n${100 * RATIO} % of all channels cut, in percent`);
  console.log(''.padEnd(12) + COLUMNS.map(column => column.padStart(20)).join(''));
  for (const l1 of penalties) {
    const cells = COLUMNS.map(column => results.cell(seeds, seed => place(seed, l1, column)));
    console.log(`l1 ${l1}`.padEnd(12) + cells.map(cell => cell.padStart(20)).join(''));
  }
}

start(main);
