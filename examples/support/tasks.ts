/** What the long experiments train: a net and data small enough that a laptop does every criterion in an hour or two. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { models, type LayersModel } from '@tensorflow/tfjs-layers';
import {
  compress,
  fineTune,
  loadLayersModel,
  saveLayersModel,
  train,
  useBackend,
  type FineTuneOptions,
} from 'tfjs-prune';
import { readCifar10, readMnist, take, type ImageSplits } from './datasets';
import { residualNet, vggNet } from './nets';
import { lastAccuracy, notebook, type Notebook } from './notebook';
import { showProgress } from './print';

interface DataSet {
  readonly read: (directory: string, seed: number) => ImageSplits;
  readonly side: number;
  readonly channels: number;
  readonly epochs: number;
}

export interface Task {
  readonly read: DataSet['read'];
  readonly images: number;
  readonly build: (seed: number) => LayersModel;
  /** Training from the first weights. */
  readonly dense: FineTuneOptions;
  readonly fineTune: FineTuneOptions;
  /** Training per cut of a pipeline, in epochs. */
  readonly rounds: readonly number[];
}

/** Reading, image size, and epochs that suffice. */
export const sets: Readonly<Record<string, DataSet>> = {
  mnist: { read: readMnist, side: 28, channels: 1, epochs: 6 },
  cifar10: { read: readCifar10, side: 32, channels: 3, epochs: 6 },
};

const shared = { batchSize: 64, optimizer: 'momentum', restoreBest: false } as const;

export const tasks: Readonly<Record<string, Task>> = {
  mnist: {
    read: sets.mnist.read,
    images: 10000,
    build: seed => vggNet(28, [16, 32, 64], seed, 2),
    dense: { ...shared, epochs: sets.mnist.epochs, learningRate: 0.1 },
    fineTune: { ...shared, epochs: 2, learningRate: 0.05 },
    rounds: [1, 1, 4],
  },
  cifar10: {
    read: sets.cifar10.read,
    images: 20000,
    build: seed => residualNet({ side: 32, channels: 3 }, [16, 32, 64], 1, seed, 2),
    dense: { ...shared, epochs: sets.cifar10.epochs, learningRate: 0.1 },
    fineTune: { ...shared, epochs: 1, learningRate: 0.05 },
    rounds: [1, 1, 2],
  },
};

export interface Setting {
  readonly task: Task;
  readonly data: ImageSplits;
  readonly dense: LayersModel;
  readonly seed: number;
  /** For `compress`. */
  readonly settings: { readonly seed: number; readonly latency: false; readonly progress: typeof showProgress };
  /** Where the dense net is kept. */
  readonly folder: string;
}

/** Data and trained dense net of a seed; the net is trained once and kept in `out/experiments`. */
export async function prepare(name: string, directory: string, seed: number): Promise<Setting> {
  const task = tasks[name];
  if (task === undefined) throw new Error(`--set is one of ${Object.keys(tasks).join(', ')}`);
  const splits = task.read(directory, seed);
  const data = { ...splits, train: take(splits.train, task.images), validation: take(splits.validation, 2000) };
  const folder = folderOf(name);
  const path = join(folder, `dense-${seed}`);
  if (!existsSync(path)) {
    const initial = task.build(seed);
    const { train: examples } = data;
    const trained = await train(initial, { ...task.dense, data: { train: examples }, seed, progress: showProgress });
    await saveLayersModel(trained, path);
    [initial, trained].forEach(model => model.dispose());
  }
  const settings = { seed, latency: false, progress: showProgress } as const;
  return { task, data, dense: await loadLayersModel(path), seed, settings, folder };
}

/** What every long experiment is told on its command line. */
export const commonOptions = {
  set: { type: 'string', default: 'mnist' },
  data: { type: 'string', default: 'data' },
  seeds: { type: 'string', default: '3' },
} as const;

/** Takes the best backend, and opens the results of an experiment on `set` called `name`: kept with the project, as the tables are made of them. */
export async function begin(set: string, name: string): Promise<Notebook> {
  console.log(`backend: ${(await useBackend('auto')).description}`);
  return notebook(join('examples/results', set, `${name}.json`));
}

function folderOf(name: string): string {
  const folder = join('out/experiments', name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Test accuracy of a net shaped like `small` that is trained from the first weights for as many epochs as dense net and fine-tuning had. */
export async function fromScratch(
  small: LayersModel,
  extra: number,
  { task, data, settings }: Setting,
): Promise<number> {
  const untrained = await models.modelFromJSON(small.toJSON(null, false) as never);
  const training = fineTune({ ...task.dense, epochs: task.dense.epochs + extra });
  const { train: examples, test } = data;
  const { model, report } = await compress(untrained, training, { ...settings, data: { train: examples, test } });
  [untrained, model].forEach(each => each.dispose());
  return lastAccuracy(report);
}
