/**
 * What gets accuracy back, at the same number of training epochs: one cut or several, with repair and distillation or without, beside random
 * units, a net of the same size trained from scratch, and torch-pruning on the same dense weights. Test accuracy of the last epoch.
 *
 *   npx tsx examples/05-pipelines.ts --set mnist --data DIR
 *   npx tsx examples/05-pipelines.ts --set cifar10 --data DIR --peer python3     (pip install torch torch-pruning)
 *
 * `--factors 2,4.5` and `--rows "l1, one cut; scratch"` select. What is measured is kept in examples/results, run by run: started again, it
 * goes on where it was.
 */
import { parseArgs } from 'node:util';
import {
  chain,
  compress,
  costOf,
  costTarget,
  distill,
  fineTune,
  groupNorm,
  magnitude,
  perGroup,
  prune,
  random,
  recalibrate,
  repair,
  repeat,
  taylor,
  uniform,
  type Checkpoint,
  type Criterion,
  type Method,
} from 'tfjs-prune';
import { accuracyOf, lastAccuracy, type Notebook } from './support/notebook';
import { start } from './support/start';
import { begin, commonOptions, fromScratch, prepare, type Setting, type Task } from './support/tasks';
import { peerRows, runPeer } from './support/torchPruning';

type Needs = 'data' | 'gradients' | 'training';

const inOrder = (...methods: Method<Needs>[]): Method<Needs> => chain<Needs>(...methods);

/** To `macs` of what the model has, the same share of every group. */
const cut = (criterion: Criterion<'data' | 'gradients'>, macs: number, scope: typeof uniform = uniform) =>
  prune({ criterion, budget: costTarget({ macs, scope, minimum: 2 }) });

/** Torch-pruning never rounds up what stays; so do these, and both cut to one shape. */
const roundedDown: typeof uniform = ({ ratio, ...limits }) =>
  perGroup({ ...limits, ratios: ({ units: { length } }) => 1 - Math.floor(length * (1 - ratio)) / length });

/** Right after the cut, without training. */
const untrained: Readonly<Record<string, (macs: number) => Method<Needs>>> = {
  'l1, cut': macs => cut(magnitude(), macs),
  'l1, repaired': macs => inOrder(repair(cut(magnitude(), macs)), recalibrate()),
  'taylor, repaired': macs => inOrder(repair(cut(taylor(), macs)), recalibrate()),
};

/** Cut at once, and trained for all the epochs there are. */
const oneCut =
  (criterion: Criterion<'data' | 'gradients'>, scope?: typeof uniform) =>
  (macs: number, task: Task): Method<Needs> =>
    inOrder(cut(criterion, macs, scope), recalibrate(), tune(task));

/** All train for the same number of epochs. */
const trained: Readonly<Record<string, (macs: number, task: Task) => Method<Needs>>> = {
  'random, one cut': oneCut(random()),
  'l1, one cut': oneCut(magnitude()),
  'group norm, one cut, widths of torch-pruning': oneCut(groupNorm(), roundedDown),
  'taylor, one cut': oneCut(taylor()),
  'taylor, several cuts': (macs, task) =>
    inRounds(macs, task, (share, epochs) => inOrder(cut(taylor(), share), recalibrate(), tune(task, epochs))),
  'l1, one cut, widths of torch-pruning': oneCut(magnitude(), roundedDown),
  'l1, one cut, repaired, distilled': (macs, task) => mended(macs, magnitude(), task, epochsOf(task)),
  'l1, several cuts, repaired, distilled': (macs, task) =>
    inRounds(macs, task, (share, epochs) => mended(share, magnitude(), task, epochs)),
  'taylor, several cuts, repaired, distilled': (macs, task) =>
    inRounds(macs, task, (share, epochs) => mended(share, taylor(), task, epochs)),
};

function mended(macs: number, criterion: Criterion<'data' | 'gradients'>, task: Task, epochs: number): Method<Needs> {
  const training = distill({ ...task.fineTune, epochs, weight: 0.7, temperature: 3 });
  return inOrder(repair(cut(criterion, macs)), recalibrate(), training);
}

const epochsOf = ({ rounds }: Task): number => rounds.reduce((sum, epochs) => sum + epochs, 0);

const tune = (task: Task, epochs = epochsOf(task)): Method<Needs> => fineTune({ ...task.fineTune, epochs });

/** Every cut takes the same share of the MACs, counted from the dense net, so that what one takes too much the next leaves. */
function inRounds(
  macs: number,
  { rounds }: Task,
  round: (share: number, epochs: number) => Method<Needs>,
): Method<Needs> {
  return repeat(rounds.length, index => {
    const target = macs ** ((index + 1) / rounds.length);
    const at = (share: number): Method<Needs> => round(share, rounds[index]);
    const { needs, name } = at(target);
    const left = (model: Checkpoint): number => costOf(model).macs ?? NaN;
    return {
      name,
      needs,
      settings: { target },
      run: (model, context) => at((target * left(context.original)) / left(model)).run(model, context),
    };
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...commonOptions,
      factors: { type: 'string', default: '2,4,8' },
      rows: { type: 'string', default: '' },
      peer: { type: 'string' },
    },
  });
  const results = await begin(values.set, 'pipelines');
  const factors = values.factors.split(',').map(Number);
  const rows = values.rows.split(/; */).filter(name => name !== '');
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    const setting = await prepare(values.set, values.data, seed);
    for (const factor of factors) await tryAll(factor, rows, setting, results);
    if (values.peer) await runPeer(values.peer, { setting, factors, epochs: epochsOf(setting.task), results });
    setting.dense.dispose();
    printTable(results, factors, seed + 1);
  }
}

async function tryAll(factor: number, rows: readonly string[], setting: Setting, results: Notebook): Promise<void> {
  const { task, dense, seed, settings } = setting;
  const { train, test } = setting.data; // the last epoch counts, so that nothing is to be validated
  const options = { ...settings, data: { train, test } };
  const place = (name: string): string => `seed ${seed}, ${factor}x, ${name}`;
  const isAsked = (name: string): boolean => !results.has(place(name)) && (rows.length === 0 || rows.includes(name));
  for (const [name, method] of Object.entries(untrained)) {
    if (!isAsked(name)) continue;
    const { model, report } = await compress(dense, method(1 / factor), options);
    results.note(`seed ${seed}, dense`, accuracyOf(report, 'dense'));
    results.note(place(name), lastAccuracy(report));
    model.dispose();
  }
  for (const [name, method] of Object.entries(trained)) {
    if (!isAsked(name)) continue;
    const { model, report } = await compress(dense, method(1 / factor, task), options);
    console.log(`${place(name)}: ${((report.before.macs ?? NaN) / (report.after.macs ?? NaN)).toFixed(2)}x fewer MACs`);
    results.note(place(name), lastAccuracy(report));
    if (isAsked('scratch')) results.note(place('scratch'), await fromScratch(model, epochsOf(task), setting)); // prettier-ignore
    model.dispose();
  }
}

function printTable(results: Notebook, factors: readonly number[], seeds: number): void {
  console.log(`\ndense ${results.cell(seeds, seed => `seed ${seed}, dense`)}`);
  console.log(''.padEnd(44) + factors.map(factor => `${factor}x`.padStart(16)).join(''));
  for (const name of [...Object.keys(untrained), ...Object.keys(trained), 'scratch', ...peerRows]) {
    const cells = factors.map(factor => results.cell(seeds, seed => `seed ${seed}, ${factor}x, ${name}`));
    console.log(`  ${name.padEnd(42)}${cells.map(cell => cell.padStart(16)).join('')}`);
  }
}

start(main);
