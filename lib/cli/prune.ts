/** `tfjs-prune prune`: a smaller model from a saved one, cut but not trained. */
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { compress, type Compressed } from '../compress';
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import { prune } from '../methods';
import { formatReport } from '../report/format';
import { count } from '../report/numbers';
import { provenanceOf } from '../report/provenance';
import type { Data } from '../runtime/data';
import { saveLayersModel } from '../runtime/files';
import { CHOICES, choiceFrom, type Choice } from './choices';
import type { Command, Given, Streams } from './command';
import { readLabelled, type Labelled } from './labelled';
import { withModelFile } from './model';

export const pruneCommand: Command = {
  name: 'prune',
  summary: 'a smaller model, cut without training, with the plan of the cut',
  operands: ['MODEL'],
  options: {
    out: { value: 'DIR', help: 'folder for model.json, its weights and plan.json', required: true },
    ...CHOICES,
    data: {
      value: 'FILE',
      help: 'CSV (or .csv.gz): the flattened input as the model wants it, then the class 0, 1, ...\nof each example; accuracy before and after is measured on a fifth of them,\nthe others are for criteria that look at data',
    },
    'no-latency': { help: 'do not time the two models' },
    seed: { value: 'N', help: 'of everything random; default 0' },
  },
  help: {
    about: 'Writes a smaller model that plain tf.js loads. Train it a little afterwards: a cut costs accuracy.',
    example: 'tfjs-prune prune models/digits --out out/slim --macs 0.4 --scope global --multiple-of 4',
  },
  async run(given, streams) {
    const [path] = given.paths;
    const directory = given.word('out')!;
    const choice = choiceFrom(given);
    const seed = checkNumber('arguments', '--seed', given.number('seed') ?? 0, { least: 0, integer: true });
    await requireFolder(directory, path);
    return withModelFile(path, given, async model => {
      const file = given.word('data');
      const labelled = file === undefined ? undefined : await readLabelled(file, model, seed);
      const { criterion, budget } = choice;
      const latency = given.has('no-latency') ? (false as const) : undefined;
      const data = labelled?.data as Data; // there is some where the criterion looks at it, see choiceFrom
      const settings = { seed, latency, data, ...watched(streams) };
      const compressed = await compress(model, prune({ criterion, budget }), settings);
      try {
        const { plan } = compressed;
        await saveLayersModel(compressed.model, directory, { plan, provenance: await provenanceOf(compressed) });
      } finally {
        compressed.model.dispose();
      }
      return answer(given, { path, directory, choice, compressed, labelled });
    });
  },
};

interface Done {
  readonly path: string;
  readonly directory: string;
  readonly choice: Choice;
  readonly compressed: Compressed;
  readonly labelled: Labelled | undefined;
}

function answer(given: Given, { path, directory, choice, compressed: { report }, labelled }: Done): string {
  const file = given.word('data');
  if (given.has('json')) {
    const data = labelled && { file, rows: labelled.rows, tested: labelled.tested };
    return JSON.stringify({ model: path, out: directory, settings: choice.settings, data, report }, null, 2);
  }
  const tested = labelled
    ? `accuracy: on ${count(labelled.tested)} of the ${count(labelled.rows)} rows of ${file}, drawn by seed ${report.seed}\n`
    : '';
  return [
    Object.entries(choice.settings)
      .map(setting => setting.join(' '))
      .join(', '),
    formatReport(report),
    `${tested}written: model.json, its weights and plan.json in ${directory}\ncheck:   tfjs-prune verify ${path} ${directory}`,
  ].join('\n\n');
}

function watched({ progress }: Streams): Pick<Parameters<typeof compress>[2] & object, 'progress' | 'log'> {
  if (!progress) return {};
  return {
    log: progress,
    progress: ({ stage, done, total, detail = '' }) => progress(`${stage} ${done}/${total} ${detail}`),
  };
}

/** Before the work, not after it. */
async function requireFolder(directory: string, model: string): Promise<void> {
  const refuse = (expected: string, got: string, cure: string): never => {
    throw new PruneError('bad-option', { place: '--out', expected, got, cure });
  };
  const found = await stat(directory).catch(() => undefined);
  if (found && !found.isDirectory()) refuse('a folder', `the file "${directory}"`, 'Name another folder.');
  const isJson = /\.json$/.test(basename(directory));
  if (isJson)
    refuse('a folder', `"${directory}"`, `Pass "${dirname(directory)}"; the file in it is called model.json.`);
  const source = (await stat(model).catch(() => undefined))?.isDirectory() ? model : dirname(model);
  if (resolve(source) === resolve(directory)) {
    refuse('a folder of its own', `that of MODEL, "${directory}"`, 'Name another one, so that the original stays.');
  }
}
