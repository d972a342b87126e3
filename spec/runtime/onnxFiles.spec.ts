/** ONNX files, run in onnxruntime; with Python in TFJS_PRUNE_PYTHON that has onnx and onnxruntime, checked and run there too. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Root } from 'protobufjs';
import { saveOnnx, useBackend } from 'tfjs-prune';
import { SCHEMA } from '../../lib/onnx';
import type * as importing from '../../lib/runtime/importModule';
import { contents, newFolder, removeFolders } from '../io/folder';
import { SETTINGS } from '../onnx/nets';
import { NET_NAMES, NETS } from '../zoo/nets';
import { rejection } from '../zoo/refusal';

/** Whether packages cannot be found. */
const mockMissing = { current: false };
jest.mock('../../lib/runtime/importModule', () => {
  const { importModule } = jest.requireActual<typeof importing>('../../lib/runtime/importModule');
  const missing = (name: string): Error =>
    Object.assign(new Error(`Cannot find package '${name}' imported from here`), { code: 'ERR_MODULE_NOT_FOUND' });
  return { importModule: (name: string) => (mockMissing.current ? Promise.reject(missing(name)) : importModule(name)) };
});

type Differences = Readonly<Record<string, number | string>>;

interface Told {
  readonly results: Readonly<
    Record<'zoo' | 'settings' | 'random' | 'published' | 'transformers' | 'pruned', Differences>
  >;
  readonly leaked: number;
}

const PYTHON = process.env.TFJS_PRUNE_PYTHON;
const RUNS = Number(process.env.PROPERTY_RUNS ?? 12);
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 1_000_000);
const TOLERANCE = 1e-5;
let folder: string;
let told: Told;

beforeAll(async () => {
  await useBackend('cpu');
  folder = newFolder();
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  const args = ['--import', tsx, join(__dirname, 'onnxFiles.ts'), folder, String(RUNS), String(SEED)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1e8 });
  if (status !== 0) throw new Error(`seed ${SEED}: ${stderr.slice(-2000)}`);
  told = JSON.parse(stdout.trim().split('\n').pop()!) as Told;
}, 600_000);
afterAll(removeFolders);

/** In tf.js a mask goes round the RepeatVector, to a layer that it does not belong to. */
const REFUSED = ['maskedWords'];
/** They hold a layer that is not of the library. */
const STRANGE = ['published-shufflenetV2', 'published-res2net'];

function far(differences: Differences): [string, number | string][] {
  return Object.entries(differences).filter(([, value]) => !(Number(value) < TOLERANCE));
}

test(`${RUNS} random nets and transformers, seed ${SEED}, and all others compute in onnxruntime what they do in tf.js`, () => {
  const { zoo, settings, random, published, transformers } = told.results;
  expect(Object.keys(zoo)).toEqual(NET_NAMES);
  expect(Object.keys(settings)).toEqual(Object.keys(SETTINGS));
  expect([random, transformers].map(each => Object.keys(each).length)).toEqual([RUNS, RUNS + 10]);
  expect(far(zoo).map(([name]) => name)).toEqual(REFUSED);
  expect(Object.keys(published).length).toBeGreaterThan(20);
  expect(far(published).map(([name]) => name)).toEqual(STRANGE);
  for (const each of [settings, random, transformers]) expect(far(each)).toEqual([]);
  expect(told.leaked).toBe(0);
});

test('and so they do when about half of each is gone, in smaller files', () => {
  const { pruned } = told.results;
  expect(far(pruned).map(([name]) => name)).toEqual(REFUSED.map(name => `${name}-pruned`));
  const sizes = Object.entries(pruned).filter(([, value]) => typeof value === 'number').map(([name]) => [name, name.replace(/-pruned$/, '')].map(each => statSync(join(folder, `${each}.onnx`)).size)); // prettier-ignore
  const smaller = sizes.filter(([cut, whole]) => cut < whole);
  expect([sizes.length > 100, smaller.length / sizes.length > 0.8]).toEqual([true, true]);
});

test('what is refused is refused by name, and nothing is written', () => {
  const all = Object.values(told.results).flatMap(each => Object.entries(each));
  const refused = all.filter(([, value]) => typeof value === 'string');
  const reasons = refused.map(([name, message]) => [name, /(?<=": expected ).*(?=, got (a SelectChannels, "|none that are\. Give))/.exec(String(message))?.[0]]); // prettier-ignore
  expect(reasons).toEqual([
    ['maskedWords', 'steps that count to be told, as elsewhere in the model in layer "again"'],
    ...STRANGE.map(name => [name, 'layers that can be written in ONNX']),
    ['maskedWords-pruned', 'steps that count to be told, as elsewhere in the model in layer "again"'],
  ]);
  const written = all.filter(([, value]) => typeof value === 'number').map(([name]) => `${name}.onnx`);
  expect(readdirSync(folder).filter(file => !file.endsWith('.json')).sort()).toEqual(written.sort()); // prettier-ignore
});

test('the same model gives the same bytes, of the version that is told', async () => {
  const path = join(newFolder(), 'net.onnx');
  const files: Buffer[] = [];
  for (let i = 0; i < 2; i++) {
    const model = NETS.invertedResidual();
    await saveOnnx(model, path);
    files.push(readFileSync(path));
    model.dispose();
  }
  expect(files[0].equals(files[1])).toBe(true);
  expect(files[0].equals(readFileSync(join(folder, 'invertedResidual.onnx')))).toBe(true);
  const read = Root.fromJSON(SCHEMA).lookupType('onnx.ModelProto').decode(files[0]).toJSON();
  expect(read).toMatchObject({ irVersion: '8', producerName: 'tfjs-prune', opsetImport: [{ domain: '', version: '17' }], graph: { name: 'net' } }); // prettier-ignore
});

test('a file that was there stays until the new one is whole', async () => {
  const here = newFolder();
  const path = join(here, 'net.onnx');
  writeFileSync(path, 'the old one');
  const before = contents(here);
  const [good, bad] = [NETS.perceptron(), NETS.maskedWords()];
  const { code, message } = await rejection(saveOnnx(bad, path));
  expect([code, message.includes('layer "again"')]).toEqual(['bad-model', true]);
  expect(contents(here)).toEqual(before);
  expect((await rejection(saveOnnx(good, join(path, 'inside.onnx')))).code).toBe('bad-file');
  expect(contents(here)).toEqual(before);
  await saveOnnx(good, path);
  expect(readdirSync(here)).toEqual(['net.onnx']);
  expect(contents(here)).not.toEqual(before);
  for (const model of [good, bad]) model.dispose();
});

test('without the package one is told how to get it', async () => {
  const here = newFolder();
  const model = NETS.perceptron();
  mockMissing.current = true;
  const { message } = await rejection(saveOnnx(model, join(here, 'net.onnx')));
  mockMissing.current = false;
  expect(message).toMatch(/expected the package protobufjs, which encodes ONNX files, got it is not installed\. Run "npm install protobufjs"\.$/); // prettier-ignore
  expect(readdirSync(here)).toEqual([]);
  model.dispose();
});

test('onnx finds no fault with any file, and onnxruntime in Python computes the same', () => {
  const run =
    PYTHON && spawnSync(PYTHON, [join(__dirname, 'onnxPeer.py'), folder], { encoding: 'utf8', maxBuffer: 1e8 });
  if (!run || run.status !== 0) {
    console.log(`not checked by onnx: ${run ? run.stderr.slice(-300) : 'TFJS_PRUNE_PYTHON is not set'}`);
    return;
  }
  const differences = JSON.parse(run.stdout.trim().split('\n').pop()!) as Differences;
  const written = readdirSync(folder).filter(file => file.endsWith('.onnx'));
  expect(Object.keys(differences).length).toBe(written.length);
  expect(far(differences)).toEqual([]);
});
