/** What all commands have in common that make one model of another: read, run a method, write, and say what came of it. */
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { compress, type Compressed } from '../compress';
import { checkNumber } from '../core/check';
import type { Need } from '../core/context';
import { PruneError } from '../core/errors';
import { isFolder } from '../io/folder';
import type { Method } from '../methods';
import { formatReport } from '../report/format';
import { count } from '../report/numbers';
import { provenanceOf } from '../report/provenance';
import type { Data } from '../runtime/data';
import { saveLayersModel } from '../runtime/files';
import type { Given, Options, Streams } from './command';
import { labelledFrom, type Labelled } from './labelled';
import { withModelFile } from './model';
import { watched } from './watch';

export const OUT: Options = {
  out: { value: 'DIR', help: 'folder for model.json, its weights, plan.json and report.json', required: true },
};

const ROWS = 'CSV (or .csv.gz): the flattened input as the model wants it, then the class 0, 1, ...\nof each example;';

/** For commands that may do without. */
export const DATA: Options = {
  data: {
    value: 'FILE',
    help: `${ROWS} accuracy before and after is measured on a fifth of them,\nthe others are for criteria that look at data`,
  },
};

export const TRAINING_DATA: Options = {
  data: {
    value: 'FILE',
    help: `${ROWS} accuracy is measured on a fifth of them, the others train`,
    required: true,
  },
};

export const SEED: Options = { seed: { value: 'N', help: 'of everything random; default 0' } };

export const RUN: Options = { 'no-latency': { help: 'do not time the two models' }, ...SEED };

/** For what takes long. */
export const RESUME: Options = {
  resume: { value: 'DIR', help: 'keep finished steps and epochs in this folder, and go on behind those that it holds' },
};

export type Settings = Readonly<Record<string, string | number>>;

/** What is to be done. */
export interface Job {
  readonly method: Method<Need>;
  /** What was chosen, defaults included, by the names of the options. */
  readonly settings: Settings;
  /** Nothing is trained after the cut, so that `verify` can tell whether it is one. */
  readonly provable?: boolean;
}

/** Carries `job` out on the first of the paths; gives the text for stdout. */
export async function compressFile(given: Given, streams: Streams, job: Job): Promise<string> {
  const [path] = given.paths;
  const directory = given.word('out')!;
  const seed = seedFrom(given);
  await requireFolder(directory, path);
  return withModelFile(path, given, async model => {
    const labelled = await labelledFrom(given, model, seed);
    const latency = given.has('no-latency') ? (false as const) : undefined;
    const data = labelled?.data as Data; // there is some where the method looks at it: the commands ask for it
    const settings = { seed, latency, data, resume: given.word('resume'), ...watched(streams) };
    const compressed = await compress(model, job.method, settings);
    try {
      const { plan, report } = compressed;
      const provenance = await provenanceOf(compressed);
      await saveLayersModel(compressed.model, directory, { plan, report, provenance });
    } finally {
      compressed.model.dispose();
    }
    return answer(given, { path, directory, job, compressed, labelled });
  });
}

export function seedFrom(given: Given): number {
  return checkNumber('arguments', '--seed', given.number('seed') ?? 0, { least: 0, integer: true });
}

interface Done {
  readonly path: string;
  readonly directory: string;
  readonly job: Job;
  readonly compressed: Compressed;
  readonly labelled: Labelled | undefined;
}

function answer(given: Given, { path, directory, job, compressed: { report }, labelled }: Done): string {
  const file = given.word('data');
  if (given.has('json')) {
    const data = labelled && { file, rows: labelled.rows, tested: labelled.tested };
    return JSON.stringify({ model: path, out: directory, settings: job.settings, data, report }, null, 2);
  }
  const tested = labelled
    ? `accuracy: on ${count(labelled.tested)} of the ${count(labelled.rows)} rows of ${file}, drawn by seed ${report.seed}\n`
    : '';
  const check = job.provable ? `\ncheck:   tfjs-prune verify ${path} ${directory}` : '';
  return [
    settingsLine(job.settings),
    formatReport(report),
    `${tested}written: model.json, its weights, plan.json and report.json in ${directory}${check}\nlook:    tfjs-prune report ${directory}`,
  ].join('\n\n');
}

export function settingsLine(settings: Settings): string {
  return Object.entries(settings)
    .map(setting => setting.join(' '))
    .join(', ');
}

/** Before the work, not after it. */
export async function requireFolder(directory: string, model: string): Promise<void> {
  const refuse = (expected: string, got: string, cure: string): never => {
    throw new PruneError('bad-option', { place: '--out', expected, got, cure });
  };
  const found = await stat(directory).catch(() => undefined);
  if (found && !found.isDirectory()) refuse('a folder', `the file "${directory}"`, 'Name another folder.');
  const isJson = /\.json$/.test(basename(directory));
  if (isJson)
    refuse('a folder', `"${directory}"`, `Pass "${dirname(directory)}"; the file in it is called model.json.`);
  const source = (await isFolder(model)) ? model : dirname(model);
  if (resolve(source) === resolve(directory)) {
    refuse('a folder of its own', `that of MODEL, "${directory}"`, 'Name another one, so that the original stays.');
  }
}
