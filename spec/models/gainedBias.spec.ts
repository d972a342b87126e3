/** A Llama whose layers gained biases is saved so that we, and `transformers`, read the same model. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  capture,
  compress,
  flap,
  loadConfig,
  loadLlama,
  materialize,
  repair,
  saveHuggingFace,
  wandaSp,
  type Data,
  type LlamaConfig,
  type Method,
} from 'tfjs-prune';
import type { NdArray } from '../../lib/core/array';
import { leaves } from '../../lib/core/checkpoint';
import { llamaTopology } from '../../lib/models/llama';
import { predict } from '../../lib/runtime/predict';
import { CPU_KERNELS } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { noise } from '../zoo/topology';
import { answersOf, askTransformers, difference, fixture, integers } from './fixtures';

let folder: string;
beforeAll(() => tf.setBackend(CPU_KERNELS));
beforeEach(() => (folder = newFolder()));
afterEach(removeFolders);

const { tokens } = answersOf('llama-tied');
const data: Data = {
  train: { inputs: integers(tokens), targets: integers(tokens) },
  loss: 'sparseCategoricalCrossentropy',
};

interface Saved {
  readonly logits: NdArray;
  readonly json: Readonly<Record<string, unknown>>;
  /** Layers that gained a bias. */
  readonly biased: readonly string[];
}

/** Saves what `method` makes of a model, which it disposes, and reads it back. */
async function saved(
  { model: dense, config }: { model: LayersModel; config: LlamaConfig },
  method: Method<'data'>,
  name = 'one',
): Promise<Saved> {
  const { model } = await compress(dense, method, { data, latency: false });
  const biased = leaves((await capture(model)).topology).filter(({ path, spec: { config } }) => /_(output|down)$/.test(path) && config.useBias).map(({ path }) => path); // prettier-ignore
  expect(biased.length).toBeGreaterThan(0);
  await saveHuggingFace(model, join(folder, name), { config });
  const { model: back } = await loadLlama(join(folder, name));
  const [[logits], [got]] = await Promise.all([model, back].map(each => predict(each, [integers(tokens)])));
  expect(difference(got.data, logits.data)).toBeLessThan(1e-5);
  for (const each of [dense, model, back]) each.dispose();
  const json = JSON.parse(readFileSync(join(folder, name, 'config.json'), 'utf8')) as Saved['json'];
  return { logits, json, biased };
}

/** Four heads of keys: without one of them three are left, which do not divide the width. */
async function fourHeads(): Promise<{ model: LayersModel; config: LlamaConfig }> {
  const { config: untied, model } = await loadLlama(fixture('llama-untied'));
  const { weights } = await capture(model);
  model.dispose();
  const config = { ...untied, layers: untied.layers.map(layer => ({ ...layer, keyValueHeads: 4 })) };
  const keys = [...weights.keys()].filter(path => /_(key|value)$/.test(path));
  const wider = keys.map(path => [path, [noise([16, 16], path)]] as const);
  return { model: materialize({ topology: llamaTopology(config), weights: new Map([...weights, ...wider]) }), config };
}

test('layers of different widths, of which some have biases', async () => {
  for (const ratio of [0.3, 0.5]) {
    const { json, biased } = await saved(await loadLlama(fixture('llama-untied')), flap({ ratio }));
    const [attention, feedForward] = ['attention', 'feed_forward'].map(part =>
      biased.some(path => path.includes(part)),
    );
    expect(json).toMatchObject({ attention_bias: attention, mlp_bias: feedForward });
    expect(json).toHaveProperty('tfjs_prune');
    const back = await loadConfig(join(folder, 'one'));
    expect(back).toMatchObject({ attentionBias: attention, feedForwardBias: feedForward });
  }
});

test('transformers gives the same logits: a Llama, tied or not, and where it refuses one a Granite', async () => {
  const runs = [
    [await loadLlama(fixture('llama-tied')), 0.5, 'llama'],
    [await loadLlama(fixture('llama-untied')), 0.5, 'llama'],
    [await fourHeads(), 0.25, 'granite'],
  ] as const;
  const ours: Saved[] = [];
  for (const [i, [loaded, ratio, type]] of runs.entries()) {
    const method = repair(wandaSp({ ratio }), { kind: 'mean', addBias: true });
    const result = await saved(loaded, method, String(i));
    expect(result.json).toMatchObject({ model_type: type, attention_bias: true, mlp_bias: true });
    expect(result.json).not.toHaveProperty('tfjs_prune');
    ours.push(result);
  }
  const folders = runs.map((_, i) => join(folder, String(i)));
  const theirs = askTransformers<number[][]>(['logits', ...folders], tokens);
  theirs?.forEach((logits, i) => {
    const scale = Math.max(1, ...Array.from(ours[i].logits.data, Math.abs));
    expect(difference(logits, ours[i].logits.data) / scale).toBeLessThan(1e-4);
  });
}, 180_000);
