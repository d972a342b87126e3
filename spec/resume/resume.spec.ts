/** Steps that are kept: what is resumed, what is redone, what is refused. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  capture,
  chain,
  compress,
  fineTune,
  magnitude,
  networkSlimming,
  prune,
  recalibrate,
  repair,
  repeat,
  runFolder,
  uniform,
  useBackend,
  type Data,
  type Method,
  type RunStore,
} from 'tfjs-prune';
import { hashOf } from '../../lib/core/hash';
import { WASM } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { exampleSplit, mlp } from '../runtime/help';
import { rejection } from '../zoo/refusal';
import { memoryStore } from '../zoo/store';

beforeAll(() => useBackend(WASM));
afterAll(removeFolders);

const data: Data = { train: exampleSplit(60, 1), validation: exampleSplit(30, 2), test: exampleSplit(30, 3) };
const cut = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.3 }) });
const tune = fineTune({ epochs: 2, learningRate: 0.01 });
type Both = 'data' | 'training';
const twice: Method<Both> = repeat<Both>(2, () => chain<Both>(cut, recalibrate({ batches: 1 }), tune));
const slimming = networkSlimming({ ratio: 0.5, steps: 2, slim: { epochs: 1, l1: 0.1 }, fineTune: { epochs: 1 } });
const repaired = chain<Both>(repair(chain(cut, cut)), tune);

const carry = (epochs: number) => fineTune({ epochs, learningRate: 0.01, carry: true });
const carried = chain<Both>(carry(2), recalibrate(), cut, carry(1), tune, cut, carry(1));

interface Options {
  readonly resume?: string | RunStore;
  readonly seed?: number;
  readonly data?: Data;
  readonly keepRemoved?: boolean;
  readonly log?: (message: string) => void;
  readonly signal?: AbortSignal;
}

async function run(method: Method<Both>, options: Options = {}, make: () => LayersModel = mlp) {
  const model = make();
  try {
    const small = await compress(model, method, { data, seed: 2, latency: false, ...options });
    const { plan, report, removed } = small;
    const hash = await hashOf(await capture(small.model));
    small.model.dispose();
    return { hash, plan, report: JSON.stringify(report), removed };
  } finally {
    model.dispose();
  }
}

/** What is kept of finished steps. */
const steps = (files: ReadonlyMap<string, Uint8Array>) => new Map([...files].filter(([name]) => /^step-/.test(name)));

describe('a run that stops at any of its writes', () => {
  test.each([
    ['repeat of a chain', twice, {}],
    ['networkSlimming, with what was removed', slimming, { keepRemoved: true }],
    ['repair around a chain', repaired, {}],
    ['a lone step', tune, {}],
    ['an optimizer that is carried over', carried, {}],
  ])('%s: goes on behind the last step, and ends the same', async (_, method, more) => {
    const whole = await run(method, more);
    const undisturbed = memoryStore();
    expect(await run(method, { ...more, resume: undisturbed.store })).toEqual(whole);
    const { store, files, failAfter } = memoryStore();
    const logs: string[] = [];
    const again = () => run(method, { ...more, resume: store, log: message => logs.push(message) });
    const stopped = async () => again().then(() => false, (error: Error) => /power/.test(error.message)); // prettier-ignore
    failAfter(1);
    for (let starts = 1; await stopped(); starts++) {
      expect(starts).toBeLessThan(30);
      failAfter(1);
    }
    expect(steps(files)).toEqual(steps(undisturbed.files));
    logs.length = 0;
    failAfter(0); // nothing is written any more
    expect(await again()).toEqual(whole);
    expect(logs.filter(line => /done by the run that was stopped/.test(line))).toHaveLength(steps(files).size);
  });

  test('by a signal too', async () => {
    const whole = await run(twice);
    const { store, files } = memoryStore();
    const controller = new AbortController();
    const log = (line: string): void => void (/removed/.test(line) && files.size > 3 && controller.abort());
    expect((await rejection(run(twice, { resume: store, signal: controller.signal, log }))).code).toBe('aborted');
    expect(files.size).toBeGreaterThan(3);
    expect(await run(twice, { resume: store })).toEqual(whole);
  });

  test('leaves no tensor behind when it is resumed', async () => {
    const { store } = memoryStore();
    await run(twice, { resume: store });
    const before = tf.memory().numTensors;
    await run(twice, { resume: store });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('what cannot be trusted', () => {
  test.each([
    ['cut short', (bytes: Uint8Array) => bytes.slice(0, bytes.length - 5)],
    ['empty', () => new Uint8Array()],
    [
      'with a changed weight',
      (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 20 ? byte ^ 1 : byte)),
    ],
  ])('a step file %s is done again, and said so', async (_, damage) => {
    const { store, files } = memoryStore();
    const whole = await run(twice, { resume: store });
    const sound = new Map(files);
    for (const name of steps(files).keys()) {
      files.set(name, damage(files.get(name)!));
      const logs: string[] = [];
      expect(await run(twice, { resume: store, log: line => logs.push(line) })).toEqual(whole);
      expect(logs.join()).toContain(`${name} is damaged`);
      expect(files).toEqual(sound);
    }
  });

  test('a step of another run is done again', async () => {
    const [one, two] = [memoryStore(), memoryStore()];
    const whole = await run(twice, { resume: one.store });
    await run(twice, { resume: two.store, seed: 9 });
    const [name] = steps(one.files).keys();
    one.files.set(name, two.files.get(name)!);
    expect(await run(twice, { resume: one.store })).toEqual(whole);
  });

  test('a step that was given another model is done again', async () => {
    let factor = 1;
    // What the method closes over cannot be seen from outside.
    const scale: Method<Both> = {
      name: 'scale',
      needs: [],
      run: ({ topology, weights }) => {
        const scaled = [...weights].map(([path, arrays]) => [path, arrays.map(a => ({ ...a, data: a.data.map(v => v * factor) }))] as const); // prettier-ignore
        return Promise.resolve({ topology, weights: new Map(scaled) });
      },
    };
    const method = chain<Both>(scale, cut, tune);
    const { store, files } = memoryStore();
    const first = await run(method, { resume: store });
    factor = 0.5;
    const [step] = steps(files).keys();
    files.delete(step);
    const other = await run(method, { resume: store });
    expect(other.hash).not.toBe(first.hash);
    expect(other).toEqual(await run(method));
  });

  test('a damaged run.json is refused, with the cure', async () => {
    const { store, files } = memoryStore();
    await run(tune, { resume: store });
    files.set('run.json', new TextEncoder().encode('{"format'));
    const error = await rejection(run(tune, { resume: store }));
    expect([error.code, error.message]).toEqual(['bad-file', expect.stringMatching(/resume "memory".*Delete/)]);
  });
});

test.each<[string, (store: RunStore) => Promise<unknown>, string]>([
  ['seed', resume => run(twice, { resume, seed: 3 }), 'seed 3'],
  ['method', resume => run(slimming, { resume }), 'method "networkSlimming"'],
  ['model', resume => run(twice, { resume }, () => mlp({ seed: 2 })), 'model "'],
  ['data', resume => run(twice, { resume, data: { ...data, test: exampleSplit(30, 4) } }), 'data "'],
  ['loss', resume => run(twice, { resume, data: { ...data, loss: 'meanSquaredError' } }), 'meanSquaredError'],
  ['keepRemoved', resume => run(twice, { resume, keepRemoved: true }), 'keepRemoved true'],
  [
    'options',
    resume =>
      run(
        repeat<Both>(2, () => chain<Both>(cut, recalibrate({ batches: 2 }), tune)),
        { resume },
      ),
    '"batches":2',
  ],
])('another %s is another run, and what differs is named', async (_, again, got) => {
  const { store, files } = memoryStore();
  await run(twice, { resume: store });
  const before = new Map(files);
  const error = await rejection(again(store));
  expect(error.code).toBe('bad-option');
  expect(error.message).toContain('resume "memory"');
  expect(error.message.slice(error.message.indexOf(', got'))).toContain(got);
  expect(files).toEqual(before);
});

describe('a folder', () => {
  test('keeps the steps; what a killed run left half-written goes, other files stay', async () => {
    const folder = join(newFolder(), 'runs', 'x');
    const whole = await run(twice, { resume: folder });
    writeFileSync(join(folder, '.step-0003.bin.77-1.tmp'), 'half');
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    writeFileSync(join(folder, 'step-0003.bin'), readFileSync(join(folder, 'step-0003.bin')).subarray(0, 100));
    expect(await run(twice, { resume: runFolder(folder) })).toEqual(whole);
    const names = readdirSync(folder).filter(name => !/^step-\d{4}\.bin$/.test(name));
    expect(names.sort()).toEqual(['notes.txt', 'run.json', 'training.bin']);
    expect(readFileSync(join(folder, 'training.bin'))).toHaveLength(0); // the training is over
  });

  test('that is a file is refused', async () => {
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');
    const error = await rejection(run(tune, { resume: file }));
    expect([error.code, error.message]).toEqual(['bad-file', expect.stringContaining(`resume "${file}"`)]);
  });
});
