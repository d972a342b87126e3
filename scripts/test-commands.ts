/**
 * Runs the command lines that the examples and the benches' README show, as they stand, but on little data that is made up and with few
 * rounds: what they compute then says nothing, that they run does. `npm run test:commands`, with names to select. Those of the
 * README and of the command line have a spec of their own.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium } from '../bench/peers/chromium';
import { makeInputs } from './inputs';

const ROOT = join(__dirname, '..');

interface Shown {
  /** "examples/08-llama" */
  readonly script: string;
  readonly args: readonly string[];
}

/** What makes a run of them small. */
const SMALLER: Readonly<Record<string, readonly string[]>> = {
  'examples/01-slim-digits': ['--dataset', 'mnist', '--data', 'mnist', '--seeds', '1', '--net', 'residual'],
  'examples/02-repair-mnist': ['--seeds', '1', '--images', '100', '--ratios', '0.5', '--criteria', 'magnitude'],
  'examples/03-criteria': ['--seeds', '1', '--criteria', 'l1', '--factors', '8'],
  'examples/04-latency': ['--runs', '3'],
  'examples/05-pipelines': ['--seeds', '1', '--factors', '8'],
  'examples/06-depth': ['--seeds', '1'],
  'examples/07-slim-vgg': ['--seeds', '1', '--l1', '0.01'],
  'examples/11-sheared-llama': ['--steps', '20', '--epochs', '1'],
  'examples/12-minillm': ['--rounds', '2', '--seeds', '1'],
  'examples/15-sst2': ['--seeds', '1', '--texts', '200'],
  'examples/16-llm-methods': ['--seeds', '1', '--ratios', '0.3'],
  'examples/17-llm-curves': ['--seeds', '1'],
  'bench/loop': ['wasm'],
  'bench/latency': ['wasm', 'mobilenetV2', 'plain'],
  'bench/browser': ['wasm', 'mobilenetV2'],
  'bench/memory': ['mobilenetV2'],
  'bench/nets': ['resnet18', 'mobilenetV2'],
  'bench/prune': ['resnet18'],
  'bench/oracle': ['--net', 'plain', '--seeds', '1', '--epochs', '1'],
  'bench/transformers': ['wasm', 'bert-base', '30 % of the neurons'],
};
/** Has torch-pruning. */
const PYTHON = process.env.TFJS_PRUNE_PYTHON;
const PEER = PYTHON === undefined ? '' : `--peer ${PYTHON}`;
const DEMO = 'examples/01-slim-digits';
const LANGUAGE = ['--window', '16', '--tokens', '800', '--held', '200'];
const FEW = { ROUNDS: '1', LAYERS: '3', FRACTIONS: '0.5' };
/** What the words in capitals stand for. */
const GIVEN: Readonly<Record<string, string>> = { FILE: 'stories.txt', OUT: 'out/saved' };
const FOLDERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '--model': { 'examples/04-latency': 'net', 'examples/15-sst2': 'bert', other: 'llama' },
  '--data': { 'examples/15-sst2': 'sst2', other: 'mnist' },
};

async function main(): Promise<void> {
  const names = process.argv.slice(2);
  const wanted = shown().filter(({ script }) => names.length === 0 || names.some(name => script.includes(name)));
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-prune-commands-'));
  let failures = wanted.length === 0 ? 1 : 0;
  try {
    await makeInputs(folder);
    // Lines of one script in order, as one may look at what the one before has made; as many scripts at once as there are cores.
    const scripts = [...new Set(wanted.map(({ script }) => script))];
    const work = async (): Promise<void> => {
      for (let next = scripts.shift(); next !== undefined; next = scripts.shift()) {
        for (const each of wanted.filter(({ script }) => script === next)) if (!(await runs(each, folder))) failures++;
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${wanted.length - failures} of ${wanted.length} commands run`);
  process.exitCode = failures === 0 ? 0 : 1;
}

/** All that is shown, in order. */
function shown(): Shown[] {
  const examples = readdirSync(join(ROOT, 'examples')).filter(name => name.endsWith('.ts')).map(name => `examples/${name}`); // prettier-ignore
  const texts = [...examples.sort(), 'bench/README.md'].map(path => readFileSync(join(ROOT, path), 'utf8'));
  // The demo is the first of the examples; what is in brackets may be left out.
  const line = /^(?: \* {3})?npx tsx ((?:examples|bench)\/[\w-]+)\.ts((?: [^\s(#]+)*)/gm;
  return texts.flatMap(text =>
    [...text.replace(/npm run demo(?: --)?/g, `npx tsx ${DEMO}.ts`).matchAll(line)].map(([, script, rest]) => ({
      script,
      args: argumentsOf(script, rest.replace(/\[.*?\]/g, '').replace(/--peer \S+/, PEER)),
    })),
  );
}

function argumentsOf(script: string, rest: string): string[] {
  const words = rest.split(' ').filter(word => word !== '');
  return words.map((word, i) => {
    if (word !== 'DIR') return GIVEN[word] ?? word;
    if (words.includes('cifar10')) return 'cifar10';
    const folders = FOLDERS[words[i - 1]];
    return folders[script] ?? folders.other;
  });
}

async function runs({ script, args }: Shown, folder: string): Promise<boolean> {
  const said = [script, ...args].join(' ');
  if (script === 'bench/browser' && findChromium() === undefined) {
    console.log(`  skipped ${said}: no Chromium`);
    return true;
  }
  const start = performance.now();
  const small = [...(args.includes('--text') ? LANGUAGE : []), ...(SMALLER[script] ?? [])];
  const { error, output } = await run([join(ROOT, `${script}.ts`), ...args, ...small], folder);
  const good = error === null && output.trim() !== '';
  console.log(`  ${good ? 'ok     ' : 'FAILED '} ${said} (${((performance.now() - start) / 1000).toFixed(0)} s)`);
  if (!good) console.log(`${output}${error?.message ?? 'nothing is printed'}`.replace(/^/gm, '          '));
  return good;
}

function run(command: readonly string[], cwd: string): Promise<{ error: Error | null; output: string }> {
  const env = { ...process.env, ...FEW, TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json') };
  return new Promise(resolve => {
    execFile(process.execPath, [require.resolve('tsx/cli'), ...command], { cwd, env }, (error, stdout) =>
      resolve({ error, output: stdout }),
    );
  });
}

void main();
