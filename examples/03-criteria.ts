/**
 * Accuracy against MACs: every criterion beside random units and a net of the same size trained from scratch, right after the cut, with
 * statistics measured anew, and after fine-tuning on 1, 10 and 100 % of the data. Test accuracy of the last epoch.
 * All criteria cut to the same widths, so that only the choice of units differs.
 *
 *   npx tsx examples/03-criteria.ts --set mnist --data DIR                 (IDX files)
 *   npx tsx examples/03-criteria.ts --set cifar10 --data DIR --seeds 1     (binary files; the test set is JPEG where yours is)
 *
 * What is measured is kept in out/criteria, run by run: started again, it goes on where it was.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { models, type LayersModel } from '@tensorflow/tfjs-layers';
import {
  chain,
  compress,
  costTarget,
  fineTune,
  loadLayersModel,
  prune,
  recalibrate,
  saveLayersModel,
  train,
  uniform,
  useBackend,
  type FineTuneOptions,
  type Report,
} from 'tfjs-prune';
import { criteria } from './support/criteria';
import { readCifar10, readMnist, take, type ImageSplits } from './support/datasets';
import { residualNet, vggNet } from './support/nets';
import { meanAndSpread, showProgress } from './support/print';

interface Task {
  readonly read: (directory: string, seed: number) => ImageSplits;
  readonly images: number;
  readonly build: (seed: number) => LayersModel;
  readonly dense: FineTuneOptions;
  readonly fineTune: FineTuneOptions;
}

const shared = { batchSize: 64, optimizer: 'momentum', restoreBest: false } as const;
const tasks: Readonly<Record<string, Task>> = {
  mnist: {
    read: readMnist,
    images: 20000,
    build: seed => vggNet(28, [16, 32, 64], seed, 2),
    dense: { ...shared, epochs: 5, learningRate: 0.1 },
    fineTune: { ...shared, epochs: 2, learningRate: 0.05 },
  },
  cifar10: {
    read: readCifar10,
    images: 20000,
    build: seed => residualNet({ side: 32, channels: 3 }, [16, 32, 64], 1, seed, 2),
    dense: { ...shared, epochs: 15, learningRate: 0.1 },
    fineTune: { ...shared, epochs: 5, learningRate: 0.05 },
  },
};

const FACTORS = [2, 4, 8];
const FRACTIONS = [0.01, 0.1, 1];

/** Test accuracy in percent by what was measured, for example "seed 0, 2x, l1, fine-tuned on 10 %". */
type Results = Record<string, number>;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      set: { type: 'string', default: 'mnist' },
      data: { type: 'string', default: 'data' },
      seeds: { type: 'string', default: '3' },
      criteria: { type: 'string', default: Object.keys(criteria).join() },
    },
  });
  const task = tasks[values.set];
  if (task === undefined) throw new Error(`--set is one of ${Object.keys(tasks).join(', ')}`);
  console.log(`backend: ${(await useBackend('auto')).description}`);
  const folder = join('out/criteria', values.set);
  mkdirSync(folder, { recursive: true });
  const results = notebook(join(folder, 'results.json'));
  const names = values.criteria.split(',');
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    await runSeed(task, { folder, directory: values.data, names, seed, results });
    printTable(results.all, names, seed + 1);
  }
}

/** Results kept in a file. */
function notebook(path: string) {
  const all: Results = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : {};
  return {
    all,
    has: (key: string): boolean => key in all,
    note(key: string, accuracy: number): void {
      all[key] = 100 * accuracy;
      writeFileSync(`${path}.part`, JSON.stringify(all, null, 2));
      renameSync(`${path}.part`, path);
      console.log(`${key}: ${all[key].toFixed(2)} %`);
    },
  };
}

interface Seed {
  readonly folder: string;
  readonly directory: string;
  readonly names: readonly string[];
  readonly seed: number;
  readonly results: ReturnType<typeof notebook>;
}

async function runSeed(task: Task, { folder, directory, names, seed, results }: Seed): Promise<void> {
  const splits = task.read(directory, seed);
  const data = { ...splits, train: take(splits.train, task.images), validation: take(splits.validation, 2000) };
  const settings = { data, seed, progress: showProgress, latency: false } as const;
  const path = join(folder, `dense-${seed}`);
  if (!existsSync(path)) {
    const initial = task.build(seed);
    const trained = await train(initial, { ...task.dense, data, seed, progress: showProgress });
    await saveLayersModel(trained, path);
    [initial, trained].forEach(model => model.dispose());
  }
  const dense = await loadLayersModel(path);
  for (const factor of FACTORS) {
    for (const name of names) {
      const place = `seed ${seed}, ${factor}x, ${name}`;
      const missing = FRACTIONS.filter(fraction => !results.has(tuned(place, fraction)));
      if (missing.length === 0) continue;
      const budget = costTarget({ macs: 1 / factor, scope: uniform, minimum: 2 });
      const cut = chain(prune({ criterion: criteria[name](), budget }), recalibrate());
      const { model: small, report } = await compress(dense, cut, settings);
      results.note(`seed ${seed}, dense`, accuracyOf(report, 'dense'));
      results.note(`${place}, cut`, accuracyOf(report, 'pruned'));
      results.note(`${place}, recalibrated`, accuracyOf(report, 'recalibrated'));
      for (const fraction of missing) {
        const epochs = task.fineTune.epochs * (fraction < 1 ? 5 : 1); // parts of the data are seen more often
        const { model, report: after } = await compress(
          small,
          fineTune({ ...task.fineTune, epochs, fraction }),
          settings,
        );
        model.dispose();
        results.note(tuned(place, fraction), accuracyOf(after, 'fine-tuned'));
      }
      if (!results.has(`seed ${seed}, ${factor}x, scratch`)) {
        const untrained = await models.modelFromJSON(small.toJSON(null, false) as never);
        // As many images as the dense net and the fine-tuning saw.
        const epochs = task.dense.epochs + task.fineTune.epochs;
        const { model, report: after } = await compress(untrained, fineTune({ ...task.dense, epochs }), settings);
        [untrained, model].forEach(each => each.dispose());
        results.note(`seed ${seed}, ${factor}x, scratch`, accuracyOf(after, 'fine-tuned'));
      }
      small.dispose();
    }
  }
  dense.dispose();
}

const tuned = (place: string, fraction: number): string => `${place}, fine-tuned on ${100 * fraction} %`;

function accuracyOf({ stages }: Report, name: string): number {
  return stages.find(stage => stage.name === name)?.accuracy ?? NaN;
}

function printTable(all: Results, names: readonly string[], seeds: number): void {
  const show = (key: (seed: number) => string): string => {
    const known = Array.from({ length: seeds }, (_, seed) => all[key(seed)]).filter(value => value !== undefined);
    if (known.length === 0) return '-';
    const { mean, spread } = meanAndSpread(known);
    return `${mean.toFixed(2)} +- ${spread.toFixed(2)}`;
  };
  const columns = ['cut', 'recalibrated', ...FRACTIONS.map(fraction => `fine-tuned on ${100 * fraction} %`)];
  console.log(`\ndense ${show(seed => `seed ${seed}, dense`)}; ${columns.join(' | ')}`);
  for (const factor of FACTORS) {
    console.log(`${factor}x; from scratch ${show(seed => `seed ${seed}, ${factor}x, scratch`)}`);
    for (const name of names) {
      const cells = columns.map(column => show(seed => `seed ${seed}, ${factor}x, ${name}, ${column}`));
      console.log(`  ${name.padEnd(20)}${cells.map(cell => cell.padStart(16)).join('')}`);
    }
  }
}

void main();
