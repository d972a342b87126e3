/** Cut encoders in `transformers`: it loads what we save of them, head by head, and gives our numbers; or it says that it cannot. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  attentionUnits,
  capture,
  compress,
  loadBert,
  loadVit,
  materialize,
  prune,
  random,
  saveHuggingFace,
  uniform,
  type BertHead,
  type Group,
  type ModelConfig,
  type VitHead,
} from 'tfjs-prune';
import { ndarray, type NdArray } from '../../lib/core/array';
import { predict } from '../../lib/runtime/predict';
import { CPU_KERNELS } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { answersOf, askTransformers, difference, fixture, integers, outputsOf } from './fixtures';

let folder: string;
beforeAll(() => tf.setBackend(CPU_KERNELS));
beforeEach(() => (folder = newFolder()));
afterEach(removeFolders);

const neurons = ({ kind, name }: Group): boolean => kind === 'neurons' && name.includes('feed_forward');
const heads = ({ kind }: Group): boolean => kind === 'heads';
const firstHeads = ({ kind, name }: Group): boolean => kind === 'heads' && name.includes('layers_0');
const dimensions = ({ kind }: Group): boolean => /(query|value) dimensions/.test(kind);

type Head = BertHead | VitHead;
const OUTPUTS: Readonly<Record<Head, string>> = {
  hidden: 'last_hidden_state',
  pooler: 'pooler_output',
  classifier: 'logits',
  maskedLM: 'logits',
};

/** What goes into a fixture, as we take it and as they do. */
function inputsOf(name: string): { readonly ours: NdArray[]; readonly theirs: Record<string, unknown> } {
  const { tokens, mask, types, image } = answersOf(name);
  if (tokens) {
    const theirs = { input_ids: tokens, attention_mask: mask, token_type_ids: types };
    return { ours: [tokens, mask, types].map(integers), theirs };
  }
  const [size, channels] = name === 'vit' ? [12, 2] : [8, 1];
  const ours = [ndarray(Float32Array.from(image), [2, size, size, channels])];
  const side = Array.from({ length: size }, (_, i) => i);
  const pixel = (i: number, c: number, y: number, x: number): number =>
    image[((i * size + y) * size + x) * channels + c];
  const planes = (i: number) =>
    Array.from({ length: channels }, (_, c) => side.map(y => side.map(x => pixel(i, c, y, x))));
  return { ours, theirs: { pixel_values: [planes(0), planes(1)] } };
}

/** Halves `groups` of a fixture and saves what is left. */
async function saved(name: string, head: Head, groups: (group: Group) => boolean): Promise<NdArray> {
  const { model: whole, config } = await loaded(name, head);
  const dense = groups === dimensions ? materialize(attentionUnits(await capture(whole), 'dimensions')) : whole;
  const method = prune({ criterion: random(), budget: uniform({ ratio: 0.5 }), groups });
  const { model, report } = await compress(dense, method, { latency: false });
  expect(report.after.parameters).toBeLessThan(report.before.parameters);
  await saveHuggingFace(model, folder, { config });
  const [answer] = await predict(model, inputsOf(name).ours);
  for (const each of new Set([whole, dense, model])) each.dispose();
  return answer;
}

function loaded(name: string, head: Head): Promise<{ model: LayersModel; config: ModelConfig }> {
  const path = fixture(name);
  return name.startsWith('bert') ? loadBert(path, { head: head }) : loadVit(path, { head: head as VitHead });
}

test.each([
  ['bert', 'hidden'],
  ['bert', 'pooler'],
  ['bert', 'classifier'],
  ['bert-masked', 'maskedLM'],
  ['bert-untied', 'maskedLM'],
  ['vit', 'hidden'],
  ['vit', 'classifier'],
  ['vit-pooler', 'pooler'],
] as const)(
  '%s (%s) without half of the neurons of its feed-forward parts',
  async (name, head) => {
    const ours = await saved(name, head, neurons);
    expect(readFileSync(join(folder, 'config.json'), 'utf8')).not.toContain('tfjs_prune');
    const theirs = outputsOf([folder], inputsOf(name).theirs);
    if (theirs) expect(difference(theirs[0][OUTPUTS[head]], ours.data)).toBeLessThan(1e-4);
  },
  180_000,
);

test.each([
  ['from 5 on', 'vit', 'heads of every layer', heads],
  ['from 5 on', 'vit', 'dimensions of its heads', dimensions],
  ['before 5', 'vit', 'heads of one layer', firstHeads],
  ['before 5', 'bert', 'heads of every layer', heads],
  ['before 5', 'bert', 'heads of one layer', firstHeads],
] as const)(
  'versions %s: %s without half of the %s',
  async (versions, name, _, groups) => {
    const ours = await saved(name, 'classifier', groups);
    expect(readFileSync(join(folder, 'config.json'), 'utf8')).not.toContain('tfjs_prune');
    const version = askTransformers<number>(['version'], null);
    if (version === undefined) return;
    const ask = () => outputsOf([folder], inputsOf(name).theirs)!;
    if (version < 5 === (versions === 'before 5')) expect(difference(ask()[0].logits, ours.data)).toBeLessThan(1e-4);
    else expect(ask).toThrow(/mismatch/);
  },
  180_000,
);
