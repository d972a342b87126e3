/** What was cut and saved is read back, by us and by `transformers`, and answers as before. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import {
  attentionUnits,
  capture,
  compress,
  loadBert,
  loadConfig,
  loadLlama,
  loadVit,
  materialize,
  prune,
  random,
  saveHuggingFace,
  uniform,
  type Group,
  type ModelConfig,
} from 'tfjs-prune';
import type { NdArray } from '../../lib/core/array';
import { leaves } from '../../lib/core/checkpoint';
import { llamaTopology } from '../../lib/models/llama';
import { predict } from '../../lib/runtime/predict';
import { probeInputs } from '../../lib/runtime/probes';
import { CPU_KERNELS } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { answersOf, difference, fixture, integers, outputsOf } from './fixtures';

let folder: string;
beforeAll(() => tf.setBackend(CPU_KERNELS));
beforeEach(() => (folder = newFolder()));
afterEach(removeFolders);

const halve = (groups: (group: Group) => boolean) =>
  prune({ criterion: random(), budget: uniform({ ratio: 0.5 }), groups });
const of = (kind: string) => (group: Group) => group.kind === kind;
const all = (): boolean => true;

/** What both answer to the same random inputs. */
async function answers(models: readonly layers.LayersModel[], seed = 3): Promise<NdArray[]> {
  const inputs = probeInputs(models[0], seed, 2);
  if (inputs[0].shape[1] === 32) {
    // An open length; BERT has places for 12.
    inputs.forEach((input, i) => (inputs[i] = { ...input, shape: [2, 9], data: input.data.slice(0, 18) }));
  }
  return Promise.all(models.map(async model => (await predict(model, inputs))[0]));
}

const loaders = { llama: loadLlama, bert: loadBert, vit: loadVit };

async function roundTrip(model: layers.LayersModel, config: ModelConfig, head?: string): Promise<number> {
  await saveHuggingFace(model, folder, { config });
  const back = await loaders[config.kind](folder, { head } as object);
  const [wanted, got] = await answers([model, back.model]);
  back.model.dispose();
  return difference(got.data, wanted.data);
}

test.each(['llama-tied', 'llama-untied', 'bert', 'vit'])(
  '%s: as it is, the files have the tensors they came from',
  async name => {
    const kind = name.split('-')[0] as keyof typeof loaders;
    const { model, config } = await loaders[kind](fixture(name));
    expect(await roundTrip(model, config)).toBe(0);
    expect(await loadConfig(folder)).toEqual(config);
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
    model.dispose();
  },
);

test.each([
  ['llama-tied', 'neurons', of('neurons')],
  ['llama-tied', 'heads', of('heads')],
  ['llama-untied', 'dimensions', of('dimensions')],
  ['llama-untied', 'everything', all],
  ['bert', 'neurons', of('neurons')],
  ['bert', 'heads', of('heads')],
  ['bert', 'everything', all],
  ['vit', 'heads', of('heads')],
  ['vit', 'everything', all],
])('%s without half of its %s', async (name, _, groups) => {
  const kind = name.split('-')[0] as keyof typeof loaders;
  const { model: dense, config } = await loaders[kind](fixture(name));
  const { model, report } = await compress(dense, halve(groups), { latency: false });
  expect(report.after.parameters).toBeLessThan(0.85 * report.before.parameters);
  expect(await roundTrip(model, config)).toBeLessThan(1e-5);
  dense.dispose();
  model.dispose();
});

test.each([
  ['bert', 'pooler'],
  ['bert', 'classifier'],
  ['bert-masked', 'maskedLM'],
  ['bert-untied', 'maskedLM'],
  ['vit-pooler', 'pooler'],
])('%s (%s) as it is, and without half of everything', async (name, head) => {
  const kind = name.split('-')[0] as keyof typeof loaders;
  const { model: dense, config } = await loaders[kind](fixture(name), { head } as object);
  expect(await roundTrip(dense, config, head)).toBe(0);
  expect(await loadConfig(folder)).toEqual(config);
  const { model } = await compress(dense, halve(all), { latency: false });
  expect(await roundTrip(model, config, head)).toBeLessThan(1e-5);
  // And once more, from what was saved.
  const { model: again, config: half } = await loaders[kind](folder, { head } as object);
  const { model: quarter } = await compress(again, halve(all), { latency: false });
  expect(await roundTrip(quarter, half, head)).toBeLessThan(1e-5);
  for (const each of [dense, model, again, quarter]) each.dispose();
});

test.each(['llama-tied', 'bert', 'vit'])('%s without half of the dimensions of its heads', async name => {
  const kind = name.split('-')[0] as keyof typeof loaders;
  const { model: whole, config } = await loaders[kind](fixture(name));
  const dense = materialize(attentionUnits(await capture(whole), 'dimensions'));
  const { model } = await compress(
    dense,
    halve(({ kind: of }) => /(query|value) dimensions/.test(of)),
    { latency: false },
  );
  expect(await roundTrip(model, config)).toBeLessThan(1e-5);
  const { layers: shapes } = await loadConfig(folder);
  expect(shapes.map(({ headSize, valueSize }) => [headSize, valueSize])).toEqual([[2, 2], [2, 2]]); // prettier-ignore
  for (const each of [whole, dense, model]) each.dispose();
});

test('layers of different widths are told under a key of our own', async () => {
  const { model: dense, config } = await loadLlama(fixture('llama-tied'));
  const groups = ({ kind, name }: Group): boolean => kind === 'neurons' && name.includes('layers_0');
  const { model } = await compress(dense, halve(groups), { latency: false });
  expect(await roundTrip(model, config)).toBeLessThan(1e-6);
  const json = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { tfjs_prune: { layers: object[] } };
  expect(json.tfjs_prune.layers).toMatchObject([{ intermediate_size: 10 }, { intermediate_size: 20 }]);
  dense.dispose();
  model.dispose();
});

test.each([
  ['the first layer', [1], {}],
  ['the attention of the first layer', [0, 1], { heads: 0, keyValueHeads: 0 }],
  ['the feed-forward part of the first layer', [0, 1], { intermediateSize: 0 }],
])('without %s', async (_, numbers, less) => {
  const { model: dense, config } = await loadLlama(fixture('llama-untied'));
  const shapes = numbers.map(number => ({ ...config.layers[number], ...(number === 0 && less) }));
  const topology = llamaTopology({ ...config, layers: shapes }, {}, numbers);
  const left = new Set(leaves(topology).map(({ path }) => path));
  const { weights } = await capture(dense);
  const model = materialize({ topology, weights: new Map([...weights].filter(([path]) => left.has(path))) });
  expect(await roundTrip(model, config)).toBe(0);
  const { layers: back } = await loadConfig(folder);
  expect(back.map(({ heads, intermediateSize }) => [heads, intermediateSize])).toEqual(
    shapes.map(({ heads, intermediateSize }) => [heads, intermediateSize]),
  );
  dense.dispose();
  model.dispose();
});

test('transformers loads pruned Llamas and gives their logits', async () => {
  const cuts = [
    ['llama-tied', of('neurons')],
    ['llama-tied', of('heads')],
    ['llama-untied', all],
  ] as const;
  const { tokens } = answersOf('llama-tied');
  const ours: NdArray[] = [];
  for (const [i, [name, groups]] of cuts.entries()) {
    const { model: dense, config } = await loadLlama(fixture(name));
    const { model } = await compress(dense, halve(groups), { latency: false });
    await saveHuggingFace(model, join(folder, String(i)), { config });
    ours.push((await predict(model, [integers(tokens)]))[0]);
    dense.dispose();
    model.dispose();
  }
  const folders = cuts.map((_, i) => join(folder, String(i)));
  const theirs = outputsOf(folders, { input_ids: tokens });
  theirs?.forEach(({ logits }, i) => expect(difference(logits, ours[i].data)).toBeLessThan(1e-4));
}, 180_000);

test('what no file could say is refused', async () => {
  const { model, config } = await loadLlama(fixture('llama-tied'));
  const other = layers.model({ inputs: model.inputs, outputs: layers.layers.activation({ name: 'end', activation: 'tanh' }).apply(model.outputs[0]) as layers.SymbolicTensor }); // prettier-ignore
  await expect(saveHuggingFace(other, folder, { config })).rejects.toThrow(
    /layer "end": expected to belong to such a model, got Activation\. Save models of loadLlama/,
  );
  expect(readdirSync(folder)).toEqual([]);
  const { model: bert } = await loadBert(fixture('bert'));
  await expect(saveHuggingFace(bert, folder, { config })).rejects.toThrow(
    /layer "norm": expected to be there, got none/,
  );
  model.dispose();
  bert.dispose();
});
