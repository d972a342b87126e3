/** Whose weight is whose, however a file names them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type * as layers from '@tensorflow/tfjs-layers';
import { loadLayersModel, saveLayersModel } from '../../lib/runtime/files';
import { CPU_KERNELS } from '../backend';
import { NETS } from '../zoo/nets';
import { rejection } from '../zoo/refusal';
import { editModelJson, newFolder, plainLoad, removeFolders, shardPaths } from './folder';
import { outputsOf, perceptron, recurrent } from './models';

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend(CPU_KERNELS);
});
afterEach(removeFolders);

/** A saved model with its weights renamed. */
async function renamed(model: layers.LayersModel, rename: (name: string, i: number) => string): Promise<string> {
  const folder = newFolder();
  await saveLayersModel(model, folder);
  editModelJson(folder, ({ weightsManifest: [{ weights }] }) => {
    weights.forEach((weight, i) => (weight.name = rename(weight.name as string, i)));
  });
  return folder;
}

const layerOf = (name: string): string => name.split('/')[0];
const lastOf = (name: string): string => name.split('/').pop()!;

const WRITERS: [string, boolean, (name: string, i: number) => string][] = [
  ['tf.js', true, name => name],
  ['Keras 3 (tf.js knows them)', true, (name, i) => `${layerOf(name)}/${i % 2}`],
  ['TensorFlow 2, with a cell', true, name => `${layerOf(name)}/cell/${lastOf(name)}`],
  ['TensorFlow 1', false, name => `${name}:0`],
  ['a model in a scope', false, name => `model/${name}`],
  ['a model in two scopes', false, name => `a/b/${name}:0`],
  ['scopes of several kinds', false, name => (name.startsWith('head') ? `other/${name}` : `model/sub/${name}`)],
  ['the folders of a .keras file', false, (_, i) => `layers/dense${i < 2 ? '' : '_1'}/vars/${i % 2}`],
  ['a scope and a cell', false, name => `model/${layerOf(name)}/cell/${lastOf(name)}`],
];

test.each(WRITERS)('names of %s', async (_, known, rename) => {
  const model = perceptron();
  const folder = await renamed(model, rename);
  const loaded = await loadLayersModel(folder);
  expect(await outputsOf(loaded)).toEqual(await outputsOf(model));
  if (known) expect(await outputsOf(await plainLoad(folder))).toEqual(await outputsOf(model));
  else await expect(plainLoad(folder)).rejects.toThrow('no target variable');
  loaded.dispose();
  model.dispose();
});

test('cells and directions of recurrent layers, with and without a scope', async () => {
  const model = recurrent();
  const cell = (name: string): string => name.replace(/(forward_|backward_)?(lstm|gru|each)\//, '$&a_cell/');
  for (const rename of [cell, (name: string) => `model/${cell(name)}`]) {
    const loaded = await loadLayersModel(await renamed(model, rename));
    expect(await outputsOf(loaded)).toEqual(await outputsOf(model));
    loaded.dispose();
  }
  model.dispose();
});

test('twins in nested models are told apart by their paths, which tf.js cannot', async () => {
  const model = NETS.nestedFunctional();
  const artifacts = await new Promise<tf.io.ModelArtifacts>(resolve => {
    const handler = tf.io.withSaveHandler(async saved => (resolve(saved), { modelArtifactsInfo: {} as never }));
    void model.save(handler);
  });
  const folder = newFolder();
  const write = (names: readonly string[]): void => {
    const weights = artifacts.weightSpecs!.map((spec, i) => ({ ...spec, name: names[i] }));
    const weightsManifest = [{ paths: ['shard.bin'], weights }];
    writeFileSync(join(folder, 'model.json'), JSON.stringify({ ...artifacts, weightData: 0, weightsManifest }));
    writeFileSync(join(folder, 'shard.bin'), Buffer.from(artifacts.weightData as ArrayBuffer));
  };
  const plain = artifacts.weightSpecs!.map(({ name }) => name);
  const inner = (name: string, i: number): boolean => plain.indexOf(name) < i || name.startsWith('bn/');
  write(plain.map((name, i) => (inner(name, i) ? `block/${name}` : name)));
  const loaded = await loadLayersModel(folder);
  expect(await outputsOf(loaded)).toEqual(await outputsOf(model));
  write(plain);
  expect((await rejection(loadLayersModel(folder))).message).toContain('two weights "conv/kernel"');
  write(plain.map((name, i) => `${inner(name, i) ? 'there' : 'here'}/${name}`));
  expect((await rejection(loadLayersModel(folder))).message).toMatch(
    /got ".*conv\/.*", which fits no layer, or several/,
  );
  for (const each of [model, loaded]) each.dispose();
});

describe('refused is', () => {
  const cases: [string, (name: string, i: number) => string][] = [
    ['a name that ends like nothing', name => (name === 'head/bias' ? 'head/shift' : name)],
    ['a name that two layers could have', (_, i) => ['a/kernel', 'a/bias', 'b/kernel', 'b/bias'][i]],
    ['two ends for one slot', (name, i) => (i === 0 ? 'x/hidden/kernel' : i === 2 ? 'y/hidden/kernel' : name)],
    ['a number that no weight has', (name, i) => `${layerOf(name)}/${i === 3 ? 2 : i % 2}`],
    ['a folder of another class', (_, i) => `layers/conv2d${i < 2 ? '' : '_1'}/vars/${i % 2}`],
    ['the name of what every object has', (name, i) => (i === 0 ? '__proto__' : name)],
    ['no name at all', (name, i) => (i === 0 ? '' : name)],
  ];
  test.each(cases)('%s', async (_, rename) => {
    const model = perceptron();
    const before = tf.memory().numTensors;
    const error = await rejection(loadLayersModel(await renamed(model, rename)));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(/expected weights? .*, got /);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});

test('several groups of several shards, cut inside of values, with the state of an optimizer between', async () => {
  const model = perceptron();
  const folder = newFolder();
  await saveLayersModel(model, folder);
  const [shard] = shardPaths(folder);
  const bytes = readFileSync(shard);
  const [first, second] = [bytes.subarray(0, 120 + 24), bytes.subarray(120 + 24)];
  const files = {
    a: first.subarray(0, 7),
    b: first.subarray(7, 7),
    c: first.subarray(7),
    d: Buffer.alloc(12),
    e: second,
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, `${name}.bin`), content);
  editModelJson(folder, json => {
    const [{ weights }] = json.weightsManifest;
    const state = { name: 'hidden/kernel/momentum', shape: [3], dtype: 'float32', group: 'optimizer' };
    json.weightsManifest = [
      { paths: ['a.bin', 'b.bin', 'c.bin'], weights: weights.slice(0, 2) },
      { paths: ['d.bin'], weights: [state] },
      { paths: [], weights: [] },
      { paths: ['e.bin'], weights: weights.slice(2) },
    ];
  });
  const loaded = await loadLayersModel(folder);
  expect(await outputsOf(loaded)).toEqual(await outputsOf(model));
  for (const each of [model, loaded]) each.dispose();
});
