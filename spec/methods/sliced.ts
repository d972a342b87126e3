/** Small transformers to be cut by SliceGPT, what to measure their directions by, and what NumPy says of them. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  capture,
  compress,
  loadLlama,
  type Checkpoint,
  type CompressOptions,
  type Data,
  type Method,
  type SliceGptOptions,
} from 'tfjs-prune';
import type { NdArray } from '../../lib/core/array';
import { leaves } from '../../lib/core/checkpoint';
import { predict } from '../../lib/runtime/predict';
import { fixture, integers } from '../models/fixtures';
import { ownTransformer, type Recipe } from '../zoo/ownTransformer';
import { randomize } from '../zoo/weights';

interface Answers {
  readonly texts: readonly (readonly number[])[];
  readonly asked: readonly (readonly number[])[];
  readonly cases: readonly {
    readonly model: string;
    readonly kept: number;
    readonly options: Pick<SliceGptOptions, 'sliceHead' | 'measure' | 'shared'>;
    readonly logits: readonly number[];
  }[];
}

export const answers = JSON.parse(readFileSync(join(__dirname, 'fixtures', 'sliceGpt.json'), 'utf8')) as Answers;
export const texts = integers(answers.texts);
export const asked = integers(answers.asked);
export const data: Data = {
  train: { inputs: texts, targets: texts },
  loss: 'sparseCategoricalCrossentropy',
};

export type All = 'data' | 'training';

export async function run(net: LayersModel, method: Method<All>, options: Partial<CompressOptions<All>> = {}) {
  const { model, ...account } = await compress(net, method, { data, latency: false, ...options });
  return { model, ...account, checkpoint: await capture(model) };
}

export async function logitsOf(net: LayersModel, inputs: readonly NdArray[] = [asked]): Promise<ArrayLike<number>> {
  return (await predict(net, inputs))[0].data;
}

export const llama = async (name = 'llama-untied'): Promise<LayersModel> => (await loadLlama(fixture(name))).model;
export const pathsOf = ({ topology }: Checkpoint): string[] => leaves(topology).map(({ path }) => path);

/** What Llama, OPT (with the norm of tf.js and with ours) and BERT are built like. */
export const BUILDS: Readonly<Record<string, Partial<Recipe>>> = {
  llama: {},
  opt: { norm: 'layer', rotary: undefined, gated: false, bias: true, kvHeads: 4 },
  'opt, norms of tf.js': { norm: 'stock', rotary: undefined, gated: false, bias: true, kvHeads: 4, tied: false },
  bert: { norm: 'layer', place: 'post', rotary: undefined, gated: false, bias: true, kvHeads: 4, tied: false, causal: false }, // prettier-ignore
};

export const VOCABULARY = 11;
export const places = (count: number, seed: number): NdArray =>
  integers(Array.from({ length: count }, (_, i) => Array.from({ length: 5 }, (_, j) => (7 * i * seed + 3 * j + i * j) % VOCABULARY))); // prettier-ignore
export const few: Data = {
  train: { inputs: places(24, 1), targets: places(24, 2) },
  loss: 'sparseCategoricalCrossentropy',
};

/** Its vectors have a mean that is far from zero, which RMSNorm sees and LayerNorm does not. */
export function built(recipe: Partial<Recipe>): LayersModel {
  const net = randomize(ownTransformer(recipe), 8);
  const embed = net.getLayer('embed');
  const [table] = embed.getWeights();
  tf.tidy(() => embed.setWeights([tf.add(table, 0.7)]));
  return net;
}
