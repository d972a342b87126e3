import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as layers from '@tensorflow/tfjs-layers';
import { loadLayersModel, saveLayersModel } from '../../lib/runtime/files';
import { CPU_KERNELS, NATIVE } from '../backend';
import { NET_NAMES, NETS } from '../zoo/nets';
import { rejection } from '../zoo/refusal';
import { probesOf, randomize } from '../zoo/weights';
import { contents, editModelJson, newFolder, plainLoad, removeFolders, shardPaths } from './folder';
import { disposeAll, outputsOf, perceptron, recurrent } from './models';

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend(CPU_KERNELS);
});
afterEach(removeFolders);

const HAS_TWIN_NAMES = /nested|sequentialOf|calledElsewhere/;

/** tf.js itself writes settings that were left open as null, by their default, or not at all. */
function settledContents(folder: string): Record<string, unknown> {
  const { 'model.json': json, ...shards } = contents(folder);
  const text = Buffer.from(json, 'hex')
    .toString()
    .replace(/stacked_rnn_cells_StackedRNNCells\d+/g, 'stack');
  const settled: unknown = JSON.parse(text, (_, value: unknown) =>
    value === null || value === false || value === 'float32' ? undefined : value,
  );
  return { ...shards, 'model.json': settled };
}

describe('a saved model', () => {
  const nets = NET_NAMES.filter(name => !HAS_TWIN_NAMES.test(name)).map(name => [name, NETS[name]] as const);

  test.each([...nets, ['recurrent', recurrent] as const])('%s comes back with the same outputs', async (_, build) => {
    const before = tf.memory().numTensors;
    const model = build();
    const folder = newFolder();
    await saveLayersModel(model, folder);
    const loaded = await loadLayersModel(folder);
    expect(await outputsOf(loaded)).toEqual(await outputsOf(model));
    const again = newFolder();
    await saveLayersModel(loaded, again);
    expect(settledContents(again)).toEqual(settledContents(folder));
    disposeAll(model);
    loaded.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  // The program's numbers are those of plain JavaScript.
  (NATIVE ? test.skip : test)('is read by stock tf.js in a program that knows nothing of us', async () => {
    const model = NETS.residual();
    const folder = newFolder();
    await saveLayersModel(model, join(folder, 'model'));
    const [probe] = probesOf(model);
    const input = join(folder, 'input.json');
    writeFileSync(input, JSON.stringify({ shape: probe.shape, data: Array.from(probe.dataSync()) }));
    const output = execFileSync(process.execPath, [join(__dirname, 'plainLoader.cjs'), join(folder, 'model'), input], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect([JSON.parse(output.toString())]).toEqual(await outputsOf(model));
    tf.dispose([probe]);
    model.dispose();
  });

  test('has shards of at most 4 MiB, read in their order', async () => {
    const hidden = layers.layers.dense({ name: 'hidden', units: 400_000, inputShape: [5] });
    const model = layers.sequential({ name: 'net', layers: [hidden, layers.layers.dense({ name: 'head', units: 3 })] });
    const folder = newFolder();
    await saveLayersModel(model, folder);
    const sizes = shardPaths(folder).map(path => statSync(path).size);
    const bytes = 4 * model.countParams();
    expect(sizes).toEqual([...new Array(sizes.length - 1).fill(4 * 1024 * 1024), bytes % (4 * 1024 * 1024)]);
    expect(sizes.length).toBe(4);
    const loaded = await loadLayersModel(join(folder, 'model.json'));
    expect(await outputsOf(loaded)).toEqual(await outputsOf(model));
    model.dispose();
    loaded.dispose();
  });

  test('keeps its metadata and the one given, and the model is not changed by it', async () => {
    const model = perceptron();
    model.setUserDefinedMetadata({ classes: ['a', 'b', 'c'] });
    const folder = newFolder();
    await saveLayersModel(model, folder, { metadata: { plan: { version: 1 } } });
    const loaded = await loadLayersModel(folder);
    expect(loaded.getUserDefinedMetadata()).toEqual({ classes: ['a', 'b', 'c'], plan: { version: 1 } });
    expect(model.getUserDefinedMetadata()).toEqual({ classes: ['a', 'b', 'c'] });
    model.dispose();
    loaded.dispose();
  });

  test('without weights comes back too', async () => {
    const x = layers.input({ shape: [3], name: 'x' });
    const model = layers.model({
      inputs: x,
      outputs: layers.layers.reLU({ name: 'r' }).apply(x) as never,
      name: 'net',
    });
    const folder = newFolder();
    await saveLayersModel(model, folder);
    const loaded = await loadLayersModel(folder);
    expect(await outputsOf(loaded)).toEqual(await outputsOf(model));
  });
});

test('a depth multiplier that tf.js forgot to write is found in the weights', async () => {
  const separable = layers.layers.separableConv2d({
    name: 's',
    filters: 3,
    kernelSize: 2,
    depthMultiplier: 2,
    inputShape: [4, 4, 2],
  });
  const model = randomize(layers.sequential({ name: 'net', layers: [separable] }));
  const folder = newFolder();
  await saveLayersModel(model, folder);
  editModelJson(folder, ({ modelTopology }) => {
    const [{ config }] = (modelTopology.config as { layers: { config: Record<string, unknown> }[] }).layers;
    expect(config.depth_multiplier).toBe(2);
    delete config.depth_multiplier;
  });
  await expect(plainLoad(folder)).rejects.toThrow();
  const loaded = await loadLayersModel(folder);
  expect(await outputsOf(loaded)).toEqual(await outputsOf(model));
  loaded.dispose();
  model.dispose();
});

describe('shared layers', () => {
  /** The first call of `shared` waits for two layers, the second only for the input, but three more follow it. */
  function swapped(): layers.LayersModel {
    const { dense } = layers.layers;
    const x = layers.input({ shape: [3], name: 'x' });
    const chain = (from: layers.SymbolicTensor, ...names: string[]) =>
      names.reduce((y, name) => dense({ name, units: 3 }).apply(y) as layers.SymbolicTensor, from);
    const shared = dense({ name: 'shared', units: 3 });
    const first = shared.apply(chain(x, 'a', 'b')) as layers.SymbolicTensor;
    const second = chain(shared.apply(x) as layers.SymbolicTensor, 'c', 'd', 'e');
    return randomize(layers.model({ inputs: x, outputs: [second, first], name: 'net' }));
  }

  test('whose calls tf.js would swap are saved in the order in which it makes them', async () => {
    const model = swapped();
    const folder = newFolder();
    await saveLayersModel(model, folder);
    const [plain, loaded] = [await plainLoad(folder), await loadLayersModel(folder)];
    const expected = await outputsOf(model);
    expect(await outputsOf(plain)).toEqual(expected);
    expect(await outputsOf(loaded)).toEqual(expected);
    // What tf.js makes of its own file, so that this spec can fail.
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(async artifacts => ((saved = artifacts), { modelArtifactsInfo: {} as never })),
    );
    expect(await outputsOf(await layers.loadLayersModel(tf.io.fromMemory(saved!)))).not.toEqual(expected);
  });
});

describe('saving', () => {
  test('replaces a model and leaves other files alone', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    const [first, second] = [perceptron(6), perceptron(4)];
    await saveLayersModel(first, folder);
    const [old] = shardPaths(folder);
    await saveLayersModel(second, folder);
    expect(existsSync(old)).toBe(false);
    expect(readdirSync(folder).sort()).toEqual([
      shardPaths(folder)[0].slice(folder.length + 1),
      'model.json',
      'notes.txt',
    ]);
    const loaded = await loadLayersModel(folder);
    expect(await outputsOf(loaded)).toEqual(await outputsOf(second));
    for (const model of [first, second, loaded]) model.dispose();
  });

  test('that fails half-way leaves the old model as it was', async () => {
    const folder = newFolder();
    const [first, second] = [perceptron(6), perceptron(4)];
    await saveLayersModel(first, folder);
    const before = contents(folder);
    const unwritable = { toJSON: () => ({ big: 1n }) } as never;
    await expect(saveLayersModel(second, folder, { metadata: { unwritable } })).rejects.toThrow();
    expect(contents(folder)).toEqual(before);
    // The name of a shard is taken by a folder, so that the rename fails after the shard was written.
    const elsewhere = newFolder();
    await saveLayersModel(second, elsewhere);
    const [shard] = shardPaths(elsewhere);
    mkdirSync(join(folder, shard.slice(elsewhere.length + 1), 'in the way'), { recursive: true });
    const error = await rejection(saveLayersModel(second, folder));
    expect(error.code).toBe('bad-file');
    expect(readdirSync(folder).filter(name => name.endsWith('.tmp'))).toEqual([]);
    const loaded = await loadLayersModel(folder);
    expect(await outputsOf(loaded)).toEqual(await outputsOf(first));
    for (const model of [first, second, loaded]) model.dispose();
  });

  test('into a new folder that fails leaves no folder behind', async () => {
    const folder = newFolder();
    const model = perceptron();
    writeFileSync(join(folder, 'file'), '');
    const error = await rejection(saveLayersModel(model, join(folder, 'file', 'deep')));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(/^saveLayersModel ".*deep": expected a folder to write into, got /);
    expect(readdirSync(folder)).toEqual(['file']);
    model.dispose();
  });

  test('refuses a file name, and names that tf.js could not tell apart when loading', async () => {
    const [model, twins] = [perceptron(), NETS.nestedFunctional()];
    const folder = newFolder();
    expect((await rejection(saveLayersModel(model, join(folder, 'model.json')))).code).toBe('bad-option');
    const error = await rejection(saveLayersModel(twins, folder));
    expect(error.code).toBe('bad-model');
    expect(error.message).toContain('got two weights "conv/kernel"');
    expect(readdirSync(folder)).toEqual([]);
    model.dispose();
    twins.dispose();
  });
});
