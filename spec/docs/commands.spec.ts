/** Every command line of the README and of `--help` runs as it stands, from a folder that holds what it names. */
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { COMMANDS } from '../../lib/cli/commands';
import { useBackend } from '../../lib/runtime/backend';
import { saveLayersModel } from '../../lib/runtime/files';
import { WASM } from '../backend';
import { labelledRows, llamaFiles, slimmable, story } from '../cli/made';
import { run } from '../cli/run';
import { ROOT } from './snippets';

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
  story('stories.txt', 200);
});
afterAll(() => {
  const folder = process.cwd();
  process.chdir(start);
  rmSync(folder, { recursive: true });
});

async function succeeds(line: string): Promise<void> {
  const [, ...args] = line.split(/\s+/);
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

describe('the README', () => {
  test.each(typed.filter(line => !line.includes(ELSEWHERE)))('%s', async line => {
    const [, name] = line.split(' ');
    await succeeds(
      line
        .replace('--out DIR', `--out out/${name}`)
        .replace('DIR', 'out/prune')
        .replace('MODEL', 'models/digits')
        .replace('FILE.csv', 'digits.csv')
        .replace('LLAMA', 'models/llama')
        .replace('FILE', 'stories.txt'),
    );
  });
});

describe('--help', () => {
  // In an order in which each finds what it takes.
  const ORDER = ['prune', 'verify', 'bench', 'report', 'finetune', 'distill'];
  const examples = COMMANDS.filter(({ name }) => name !== ELSEWHERE)
    .sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name))
    .map(({ help }) => help.example);

  test.each(examples)('%s', succeeds);
});
