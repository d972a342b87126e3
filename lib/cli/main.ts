/** cli: the tfjs-prune command. Knows every part of the library; reads arguments, prints, and sets the exit code. */
import { parseArgs } from 'node:util';
import { version } from '../../package.json';
import { PruneError } from '../core/errors';
import { useBackend } from '../runtime/backend';
import { capture } from '../runtime/capture';
import { loadLayersModel } from '../runtime/files';
import { formatInspection, inspect } from './inspect';

/** Where the command writes. */
export interface Streams {
  out(text: string): void;
  error(text: string): void;
}

const HELP = `tfjs-prune ${version}: structured pruning for TensorFlow.js

  tfjs-prune inspect MODEL [--json]   layers, groups of units that go together, and cost of a model

  MODEL       a model.json, or the folder that holds it
  --json      print data and nothing else
  -h, --help, -v, --version`;

/** Runs one command line; gives the exit code. A refusal is one line on the error stream. */
export async function main(args: readonly string[], { out, error }: Streams): Promise<0 | 1> {
  try {
    out(await answer(args));
    return 0;
  } catch (reason) {
    error(`tfjs-prune: ${messageOf(reason)}`);
    return 1;
  }
}

async function answer(args: readonly string[]): Promise<string> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      version: { type: 'boolean', short: 'v', default: false },
    },
  });
  const [command, ...paths] = positionals;
  if (values.version) return version;
  if (values.help) return HELP;
  if (command === undefined) throw refusal('a command', 'none');
  if (command !== 'inspect') throw refusal('the command inspect', `"${command}"`);
  if (paths.length !== 1) throw refusal('inspect to get one MODEL', `${paths.length}`);
  return inspectFile(paths[0], values.json);
}

async function inspectFile(path: string, json: boolean): Promise<string> {
  await useBackend();
  const model = await loadLayersModel(path);
  try {
    const inspection = inspect(await capture(model));
    return json ? JSON.stringify(inspection, null, 2) : formatInspection(inspection);
  } finally {
    model.dispose();
  }
}

function refusal(expected: string, got: string): PruneError {
  return new PruneError('bad-option', { place: 'arguments', expected, got, cure: 'See tfjs-prune --help.' });
}

/** Only the first line: what follows is for those who debug. */
function messageOf(reason: unknown): string {
  return (reason instanceof Error ? reason.message : String(reason)).split('\n')[0];
}
