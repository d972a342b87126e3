/**
 * Accuracy against MACs: every criterion beside random units and a net of the same size trained from scratch, right after the cut, with
 * statistics measured anew, and after fine-tuning on 1, 10 and 100 % of the data. Test accuracy of the last epoch.
 * All criteria cut to the same widths, so that only the choice of units differs.
 *
 *   npx tsx examples/03-criteria.ts --set mnist --data DIR                 (IDX files)
 *   npx tsx examples/03-criteria.ts --set cifar10 --data DIR --seeds 1     (binary files; the test set is JPEG where yours is)
 *
 * What is measured is kept in examples/results, run by run: started again, it goes on where it was.
 */
import { parseArgs } from 'node:util';
import { chain, compress, costTarget, fineTune, prune, recalibrate, uniform } from 'tfjs-prune';
import { criteria } from './support/criteria';
import { accuracyOf, lastAccuracy, type Notebook } from './support/notebook';
import { start } from './support/start';
import { begin, commonOptions, fromScratch, prepare, type Setting } from './support/tasks';

const FRACTIONS = [0.01, 0.1, 1];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...commonOptions,
      factors: { type: 'string', default: '2,4,8' },
      criteria: { type: 'string', default: Object.keys(criteria).join() },
    },
  });
  const results = await begin(values.set, 'criteria');
  const names = values.criteria.split(',');
  const factors = values.factors.split(',').map(Number);
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    const setting = await prepare(values.set, values.data, seed);
    for (const factor of factors) {
      for (const name of names) await tryCriterion(name, factor, setting, results);
    }
    setting.dense.dispose();
    printTable(results, { factors, names }, seed + 1);
  }
}

async function tryCriterion(name: string, factor: number, setting: Setting, results: Notebook): Promise<void> {
  const { task, data, dense, seed, settings } = setting;
  const place = `seed ${seed}, ${factor}x, ${name}`;
  const missing = FRACTIONS.filter(fraction => !results.has(tuned(place, fraction)));
  if (missing.length === 0) return;
  const budget = costTarget({ macs: 1 / factor, scope: uniform, minimum: 2 });
  const cut = chain(prune({ criterion: criteria[name](), budget }), recalibrate());
  const { model: small, report } = await compress(dense, cut, { ...settings, data });
  results.note(`seed ${seed}, dense`, accuracyOf(report, 'dense'));
  results.note(`${place}, cut`, accuracyOf(report, 'pruned'));
  results.note(`${place}, recalibrated`, accuracyOf(report, 'recalibrated'));
  const { train, test } = data; // the last epoch counts, so that nothing is to be validated
  for (const fraction of missing) {
    const epochs = task.fineTune.epochs * (fraction < 1 ? 5 : 1); // parts of the data are seen more often
    const training = fineTune({ ...task.fineTune, epochs, fraction });
    const { model, report: after } = await compress(small, training, { ...settings, data: { train, test } });
    model.dispose();
    results.note(tuned(place, fraction), lastAccuracy(after));
  }
  const scratch = `seed ${seed}, ${factor}x, scratch`;
  if (!results.has(scratch)) results.note(scratch, await fromScratch(small, task.fineTune.epochs, setting));
  small.dispose();
}

const tuned = (place: string, fraction: number): string => `${place}, fine-tuned on ${100 * fraction} %`;

interface Rows {
  readonly factors: readonly number[];
  readonly names: readonly string[];
}

function printTable(results: Notebook, { factors, names }: Rows, seeds: number): void {
  const columns = ['cut', 'recalibrated', ...FRACTIONS.map(fraction => `fine-tuned on ${100 * fraction} %`)];
  console.log(`\ndense ${results.cell(seeds, seed => `seed ${seed}, dense`)}; ${columns.join(' | ')}`);
  for (const factor of factors) {
    console.log(`${factor}x; from scratch ${results.cell(seeds, seed => `seed ${seed}, ${factor}x, scratch`)}`);
    for (const name of names) {
      const cells = columns.map(column => results.cell(seeds, seed => `seed ${seed}, ${factor}x, ${name}, ${column}`));
      console.log(`  ${name.padEnd(20)}${cells.map(cell => cell.padStart(16)).join('')}`);
    }
  }
}

start(main);
