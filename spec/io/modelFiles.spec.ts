import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as layers from '@tensorflow/tfjs-layers';
import { loadLayersModel, saveLayersModel } from '../../lib/runtime/files';
import { NET_NAMES, NETS } from '../zoo/nets';
import { rejection } from '../zoo/refusal';
import { leafLayers, probesOf, randomize } from '../zoo/weights';
import { contents, editModelJson, newFolder, removeFolders, shardPaths } from './folder';

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
});
afterEach(removeFolders);

const HAS_TWIN_NAMES = /nested|sequentialOf|calledElsewhere/;

async function outputsOf(model: layers.LayersModel): Promise<number[][]> {
  const probes = probesOf(model);
  const outputs = [model.predict(probes)].flat();
  const values = await Promise.all(outputs.map(async output => Array.from(await output.data())));
  tf.dispose([probes, outputs]);
  return values;
}

/** A layer called twice outlives `model.dispose()`, which lets go of it only once. */
function disposeAll(model: layers.LayersModel): void {
  model.dispose();
  for (const layer of leafLayers(model) as unknown as { _refCount?: number; dispose(): unknown }[]) {
    while ((layer._refCount ?? 0) > 0) layer.dispose();
  }
}

function perceptron(units = 6): layers.LayersModel {
  const net = layers.sequential({ name: 'net' });
  net.add(layers.layers.dense({ name: 'hidden', units, inputShape: [5], activation: 'relu' }));
  net.add(layers.layers.dense({ name: 'head', units: 3, activation: 'softmax' }));
  return randomize(net);
}

/** Orthogonal initializers need the chained ops of the union package, hence the others. */
function recurrent(): layers.LayersModel {
  const recurrentInitializer = 'glorotUniform';
  const net = layers.sequential({ name: 'net' });
  const cell = layers.layers.lstm({ name: 'lstm', units: 3, returnSequences: true, recurrentInitializer });
  net.add(layers.layers.bidirectional({ name: 'both', layer: cell, mergeMode: 'concat', inputShape: [4, 2] }));
  net.add(layers.layers.timeDistributed({ name: 'each', layer: layers.layers.dense({ name: 'inner', units: 2 }) }));
  net.add(layers.layers.gru({ name: 'gru', units: 3, recurrentInitializer }));
  return net;
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
    expect(contents(again)).toEqual(contents(folder));
    disposeAll(model);
    disposeAll(loaded);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('is read by stock tf.js in a program that knows nothing of us', async () => {
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
    const model = perceptron(400_000);
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

describe('loading refuses', () => {
  type Damage = (folder: string) => unknown;
  const shard = (folder: string): string => shardPaths(folder)[0];
  const json = (folder: string): string => join(folder, 'model.json');
  const edit =
    (change: Parameters<typeof editModelJson>[1]): Damage =>
    folder =>
      editModelJson(folder, change);
  const group = (change: (group: { paths: unknown[]; weights: Record<string, unknown>[] }) => unknown): Damage =>
    edit(({ weightsManifest }) => void change(weightsManifest[0]));
  const weight = (change: object): Damage => group(({ weights }) => Object.assign(weights[0], change));

  const cases: [string, Damage, RegExp][] = [
    ['nothing there', folder => writeFileSync(json(folder), ''), /expected JSON, got an empty file\./],
    ['no JSON', folder => writeFileSync(json(folder), '\x89HDF\r\n'), /expected JSON, got ".*HDF/],
    ['half of the JSON', folder => writeFileSync(json(folder), readFileSync(json(folder)).subarray(0, 99)), /JSON/],
    ['JSON of something else', folder => writeFileSync(json(folder), '[1]'), /expected a JSON object, got \[1\]/],
    ['a graph-model', edit(file => ({ ...file, format: 'graph-model' })), /got a graph-model.*tfjs_layers_model/],
    ['an old graph-model', edit(file => ({ ...file, format: undefined, modelTopology: { node: [] } })), /graph-model/],
    ['another format', edit(file => ({ ...file, format: 'onnx' })), /format "layers-model", got "onnx"/],
    ['no topology', edit(file => ({ ...file, modelTopology: undefined })), /a modelTopology, got none/],
    ['no weights', edit(file => ({ ...file, weightsManifest: undefined })), /a weightsManifest, got none/],
    ['a group without paths', group(part => Object.assign(part, { paths: 'x' })), /paths of shards, got "x"/],
    ['a weight without name', weight({ name: 1 }), /a name for every weight, got 1/],
    ['a shape that is none', weight({ shape: [2, -1] }), /a shape for weight "hidden\/kernel", got \[2,-1\]/],
    ['strings as weights', weight({ dtype: 'string' }), /dtype float32, int32 or bool .* got "string"/],
    ['an unknown quantization', weight({ quantization: { dtype: 'int4' } }), /uint8, uint16, float16 .* got "int4"/],
    ['a shard that is missing', group(part => (part.paths = ['gone.bin'])), /gone\.bin": expected a shard named in/],
    ['a short shard', folder => writeFileSync(shard(folder), 'short'), /228 bytes of weights in 1 shards, got 5 \(/],
    ['a long shard', folder => writeFileSync(shard(folder), Buffer.alloc(232)), /228 bytes .* got 232/],
    ['a weight too few', group(part => part.weights.pop()), /216 bytes .* got 228/],
    ['a weight of another name', weight({ name: 'other/kernel' }), /has no target variable: other\/kernel/],
    ['a shape that does not fit', weight({ shape: [6, 5] }), /a model that tf.js can build.*save the model again/],
  ];
  const outside = ['../secret.bin', '/etc/hostname', 'C:\\secret', 'a/../../b', '..\\x', 'file:///x', 'a\0b'];
  for (const path of outside) {
    cases.push([`the path ${JSON.stringify(path)}`, group(part => (part.paths = [path])), /inside the folder/]);
  }

  test.each(cases)('%s', async (_, damage, message) => {
    const model = perceptron();
    const folder = newFolder();
    await saveLayersModel(model, folder);
    model.dispose();
    damage(folder);
    const error = await rejection(loadLayersModel(folder));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(folder);
    expect(error.message.split('\n').length).toBe(1);
  });

  test('a path with nothing at it', async () => {
    const path = join(newFolder(), 'nothing');
    const error = await rejection(loadLayersModel(path));
    expect(error.message).toBe(
      `loadLayersModel "${path}": expected a model file, got no such file. Check the path, or copy the whole model folder again.`,
    );
  });

  test('a layer class that is not registered', async () => {
    const model = perceptron();
    const folder = newFolder();
    await saveLayersModel(model, folder);
    model.dispose();
    writeFileSync(
      json(folder),
      readFileSync(json(folder), 'utf8').replace('"class_name":"Dense"', '"class_name":"Mine"'),
    );
    const error = await rejection(loadLayersModel(folder));
    expect(error.message).toContain('Unknown layer: Mine');
    expect(error.message).toContain('registerClass');
  });
});

test('a quantized file, as tensorflowjs_converter writes it, is read', async () => {
  const model = perceptron();
  const folder = newFolder();
  await saveLayersModel(model, folder);
  editModelJson(folder, ({ weightsManifest: [group] }) => {
    for (const weight of group.weights) weight.quantization = { dtype: 'uint8', min: -1, scale: 0.5 };
  });
  const [shard] = shardPaths(folder);
  writeFileSync(shard, new Uint8Array(57).fill(3));
  const loaded = await loadLayersModel(folder);
  expect(Array.from(loaded.getWeights()[0].dataSync())).toEqual(new Array(30).fill(0.5));
  model.dispose();
  loaded.dispose();
});
