/** HDF5 files of Keras, written and read; with Python in TFJS_PRUNE_PYTHON that has Keras, by Keras too. */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as kerasFiles from '../../lib/runtime/kerasFiles';
import { newFolder, removeFolders } from '../io/folder';
import { NET_NAMES } from '../zoo/nets';

interface Told {
  readonly told: Readonly<Record<string, number | string>>;
  readonly refusals: readonly string[];
  readonly left: number;
}

const PYTHON = process.env.TFJS_PRUNE_PYTHON;
/** A norm over an axis in the middle, which Keras computes on TensorFlow only. */
const NOT_ON_TORCH = ['normalizedStream'];
let folder: string;
let saved: Told;

function ask(task: 'save' | 'load'): Told {
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  const args = ['--import', tsx, join(__dirname, 'kerasFiles.ts'), task, folder];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.slice(-2000));
  return JSON.parse(stdout.trim().split('\n').pop()!) as Told;
}

beforeAll(() => {
  folder = newFolder();
  writeFileSync(join(folder, 'text.h5'), 'this is no HDF5');
  saved = ask('save');
});
afterAll(removeFolders);

test('what is written is read again to the last bit; what Keras lacks is refused by name, and nothing is written', () => {
  const values = Object.entries(saved.told);
  expect(values.map(([name]) => name)).toEqual(NET_NAMES);
  const refused = values.filter(([, value]) => typeof value === 'string');
  for (const [, message] of refused) expect(message).toMatch(/^saveKeras ".*": expected (layers|activations|models|recurrent layers) .*, got .*\. .*\.$/); // prettier-ignore
  const written = values.filter(([, value]) => typeof value === 'number');
  expect(written.filter(([, value]) => value !== 0)).toEqual([]);
  // The others hold layers of ours, or gates that are another curve in Keras 3.
  expect(written.length).toBeGreaterThan(60);
  const files = readdirSync(folder).filter(file => file.endsWith('.h5') && file !== 'text.h5');
  expect(files.sort()).toEqual(written.map(([name]) => `${name}.h5`).sort());
  expect(saved.left).toBe(0);
});

test('no file, and one that is no HDF5, are refused', () => {
  expect(saved.refusals).toEqual([
    expect.stringMatching(/^loadKeras ".*none\.h5": expected an HDF5 file, got ".*none\.h5", which is none\./),
    expect.stringMatching(/^loadKeras ".*text\.h5": expected an HDF5 file, got ".*text\.h5", which is none\./),
  ]);
});

test('without the package one is told how to get it', async () => {
  jest.resetModules();
  jest.doMock('../../lib/runtime/importModule', () => ({
    importModule: () =>
      Promise.reject(Object.assign(new Error("Cannot find package 'h5wasm' imported from here"), { code: 'ERR_MODULE_NOT_FOUND' })), // prettier-ignore
  }));
  const { loadKeras } = jest.requireActual<typeof kerasFiles>('../../lib/runtime/kerasFiles');
  await expect(loadKeras(join(folder, 'none.h5'))).rejects.toThrow(
    /expected the package h5wasm, which reads and writes HDF5, got it is not installed\. Run "npm install h5wasm"\.$/,
  );
  jest.dontMock('../../lib/runtime/importModule');
});

test('Keras computes the same, and what it saves we read', () => {
  const run =
    PYTHON && spawnSync(PYTHON, [join(__dirname, 'kerasPeer.py'), folder], { encoding: 'utf8', maxBuffer: 1e8 });
  if (!run || run.status !== 0) {
    console.log(`not compared with Keras: ${run ? run.stderr.slice(-300) : 'TFJS_PRUNE_PYTHON is not set'}`);
    return;
  }
  const { differences } = JSON.parse(run.stdout.trim().split('\n').pop()!) as {
    differences: Record<string, number | string>;
  };
  const written = Object.keys(saved.told).filter(name => typeof saved.told[name] === 'number');
  expect(Object.keys(differences).sort()).toEqual([...written].sort());
  const own = Object.entries(differences).filter(([name]) => !NOT_ON_TORCH.includes(name));
  expect(own.filter(([, value]) => !(Number(value) < 1e-4))).toEqual([]);
  const back = Object.entries(ask('load').told);
  expect(back.length).toBe(own.length);
  expect(back.filter(([, value]) => !(Number(value) < 1e-4))).toEqual([]);
});
