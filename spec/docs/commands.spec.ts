/** Every command line of the README, the guides and `--help` runs as it stands, from a folder that holds what it names. */
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { COMMANDS } from '../../lib/cli/commands';
import { useBackend } from '../../lib/runtime/backend';
import { saveLayersModel } from '../../lib/runtime/files';
import { WASM } from '../backend';
import { labelledRows, llamaFiles, slimmable, story } from '../cli/made';
import { run, runAlone } from '../cli/run';
import { DOCUMENTS, GUIDES, ROOT } from './snippets';

/** Builds TensorFlow's addon: `npm run test:native` runs it. */
const ELSEWHERE = 'setup-native';
const start = process.cwd();

beforeAll(async () => {
  await useBackend(WASM);
  process.chdir(realpathSync(mkdtempSync(join(tmpdir(), 'commands-'))));
  const model = slimmable(16);
  await saveLayersModel(model, 'models/digits');
  model.dispose();
  await llamaFiles('models/llama');
  writeFileSync('digits.csv.gz', gzipSync(readFileSync(labelledRows('digits.csv'))));
  story('stories.txt', 60);
});
afterAll(() => {
  const folder = process.cwd();
  process.chdir(start);
  rmSync(folder, { recursive: true });
});

async function succeeds(line: string): Promise<void> {
  const [, ...args] = line.split(/\s+/);
  if (line.endsWith('.h5')) return runAlone(...args);
  const { code, out, error } = await run(...args);
  expect({ code, error }).toEqual({ code: 0, error: [] });
  expect(out.join('\n').length).toBeGreaterThan(20);
  const written = args[args.indexOf('--out') + 1];
  if (args.includes('--out')) expect(existsSync(written)).toBe(true);
}

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const typed = [...readme.matchAll(/^npx (tfjs-prune [^#\n]+)/gm)].map(([, line]) => line.trim());

test('the README shows most commands, and the suite for the native backend builds it as it says', () => {
  expect(typed.length).toBeGreaterThan(8);
  expect(readFileSync(join(ROOT, 'scripts/test-native.mjs'), 'utf8')).toContain(`'${ELSEWHERE}'`);
});

/** The words in capitals stand for what a reader has. */
const GIVEN: Readonly<Record<string, string>> = {
  'FILE.csv': 'digits.csv',
  FILE: 'stories.txt',
  DIR: 'out/prune',
  SLIM: 'out/prune',
  MODEL: 'models/digits',
  ORIGINAL: 'models/digits',
  LLAMA: 'models/llama',
};

function withFiles(line: string): string {
  const [, name] = line.split(' ');
  return line
    .replace('--out DIR', `--out out/${name}`)
    .replace(/FILE\.csv|\b[A-Z]{3,}\b/g, word => GIVEN[word] ?? word);
}

describe('the README', () => {
  test.each(typed.filter(line => !line.includes(ELSEWHERE)))('%s', line => succeeds(withFiles(line)));
});

describe('the guides', () => {
  const texts = GUIDES.map(file => readFileSync(join(ROOT, file), 'utf8'));
  const lines = texts.flatMap(text =>
    [...text.matchAll(/`(?:npx )?(tfjs-prune [\w-]+ [^`]+)`/g)].map(([, line]) => line),
  );

  test.each(lines.filter(line => !line.includes(ELSEWHERE)))('%s', line => succeeds(withFiles(line)));
});

test('every script that a document asks npm to run is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
  const asked = DOCUMENTS.flatMap(file =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name),
  );
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.filter(name => !(name in scripts))).toEqual([]);
});

describe('--help', () => {
  // In an order in which each finds what it takes.
  const ORDER = ['prune', 'verify', 'bench', 'report', 'finetune', 'distill'];
  const examples = COMMANDS.filter(({ name }) => name !== ELSEWHERE)
    .sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name))
    .map(({ help }) => help.example);

  test.each(examples)('%s', succeeds);
});
