/** Models with fewer tokens: the same logits at those that are kept, in tf.js, in files, and in `transformers`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  addLora,
  capture,
  compress,
  loadBert,
  loadConfig,
  loadLlama,
  loadTokenizer,
  padTokens,
  prune,
  pruneTokenizer,
  pruneVocabulary,
  random,
  remapTokens,
  saveHuggingFace,
  uniform,
  vocabularyOf,
  type BertConfig,
  type BertHead,
  type LlamaConfig,
} from 'tfjs-prune';
import { gather, type NdArray } from '../../lib/core/array';
import { predict } from '../../lib/runtime/predict';
import { CPU_KERNELS } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { rejection } from '../zoo/refusal';
import { askTransformers, difference, fixture, outputsOf } from './fixtures';
import { tinyBert, tinyLlama } from './tiny';

beforeAll(() => tf.setBackend(CPU_KERNELS));
afterEach(removeFolders);

const CORPUS = ['Once upon a time there was a little dog.', 'The king counted the stars.', 'A red ball'];

type Config = LlamaConfig | BertConfig;
interface Case {
  readonly model: LayersModel;
  readonly config: Config;
  readonly tokenizer: string;
}

async function llama(kind: string, tied: boolean): Promise<Case> {
  const { size } = await loadTokenizer(fixture(kind));
  // More rows than tokens, as some checkpoints have.
  const own = { vocabSize: size + 4, tied, beginIds: [], endIds: [2], padIds: [0] };
  const config = { ...(await loadConfig(fixture('llama-tied'))), ...own } as LlamaConfig;
  return { model: await tinyLlama(config), config, tokenizer: fixture(kind) };
}

async function bert(head: BertHead, tied = true): Promise<Case> {
  const { size } = await loadTokenizer(fixture('wordPiece'));
  const own = { vocabSize: size, tied, padIds: [0], maxPositions: 40 };
  const config = { ...(await loadConfig(fixture('bert'))), ...own } as BertConfig;
  return { model: await tinyBert(config, head), config, tokenizer: fixture('wordPiece') };
}

function inputsOf(config: Config, texts: readonly (readonly number[])[]): NdArray[] {
  const inputs = padTokens(texts, { pad: config.padIds[0] });
  return config.kind === 'llama' ? inputs.slice(0, 1) : inputs;
}

const CASES: [string, () => Promise<Case>][] = [
  ['a tied Llama with byte-level BPE', () => llama('byteLevel', true)],
  ['an untied Llama with byte fallback', () => llama('llama', false)],
  ['a Llama with the scores of llama2.c', () => llama('llama2c', true)],
  ['a BERT for masked tokens', () => bert('maskedLM')],
  ['one whose decoder is not tied', () => bert('maskedLM', false)],
  ['a BERT of hidden states', () => bert('hidden')],
  ['a BERT that classifies', () => bert('classifier')],
];

describe.each(CASES)('%s', (_, make) => {
  const both = async () => {
    const { model, config, tokenizer: path } = await make();
    const old = await loadTokenizer(path);
    const kept = await vocabularyOf(CORPUS, { tokenizer: path, also: [0, 2] });
    const small = await pruneVocabulary({ model, config }, kept);
    const texts = CORPUS.map(text => old.encode(text));
    const remapped = texts.map(text => Array.from(remapTokens(text, kept)));
    return { model, config, path, kept, small, texts, remapped };
  };

  test('the same number for number, cut or not, and the old one stays as it was', async () => {
    const { model, config, kept, small, texts, remapped } = await both();
    const [before] = await predict(model, inputsOf(config, texts));
    const [after] = await predict(small.model, inputsOf(small.config, remapped));
    const tells = before.shape[2] === config.vocabSize;
    expect(after.data).toEqual(tells ? gather(before, 2, kept).data : before.data);
    expect(small.certificate).toEqual({ error: 0, tolerance: 1e-5, probes: 2 });
    expect(small.config).toEqual({
      ...config,
      vocabSize: kept.length,
      padIds: [0],
      ...(config.kind === 'llama' && { endIds: [Array.from(kept).indexOf(2)] }),
    });
    const rows = (each: LayersModel) => each.countParams();
    expect(rows(small.model)).toBeLessThan(rows(model));
    const [again] = await predict(model, inputsOf(config, texts));
    expect(again.data).toEqual(before.data);
    const method = prune({ criterion: random(), budget: uniform({ ratio: 0.5 }) });
    const cut = await compress(model, method, { latency: false });
    const cutSmall = await pruneVocabulary({ model: cut.model, config }, kept);
    const [wanted] = await predict(cut.model, inputsOf(config, texts));
    const [got] = await predict(cutSmall.model, inputsOf(config, remapped));
    expect(got.data).toEqual(tells ? gather(wanted, 2, kept).data : wanted.data);
    for (const each of [model, small.model, cut.model, cutSmall.model]) each.dispose();
  });

  test('files of it and of its tokenizer belong together', async () => {
    const { model, config, path, kept, small, texts } = await both();
    const folder = newFolder();
    const { files, tokenizer } = await pruneTokenizer(path, kept);
    await saveHuggingFace(small.model, folder, { config: small.config, tokenizer: files });
    expect(await loadConfig(folder)).toMatchObject({ vocabSize: kept.length, padIds: [0] });
    const back = await loadTokenizer(folder);
    expect(CORPUS.map(text => back.encode(text))).toEqual(CORPUS.map(text => tokenizer.encode(text)));
    const { model: read } = await (config.kind === 'llama'
      ? loadLlama(folder)
      : loadBert(folder, { head: headOf(small.model) }));
    const [got] = await predict(read, inputsOf(small.config, CORPUS.map(text => back.encode(text)))); // prettier-ignore
    const [before] = await predict(model, inputsOf(config, texts));
    expect(got.data).toEqual(before.shape[2] === config.vocabSize ? gather(before, 2, kept).data : before.data);
    for (const each of [model, small.model, read]) each.dispose();
  });
});

function headOf(model: LayersModel): BertHead {
  const names = model.layers.map(({ name }) => name);
  if (names.includes('predictions_dense')) return 'maskedLM';
  return names.includes('classifier') ? 'classifier' : 'hidden';
}

test.each([
  ['a Llama', () => llama('llama', true)],
  ['a BERT', () => bert('maskedLM')],
])(
  'transformers reads both, and gives the same: %s',
  async (_, make) => {
    const { model, config, tokenizer: path } = await make();
    const kept = await vocabularyOf(CORPUS, { tokenizer: path, also: [0, 2] });
    const small = await pruneVocabulary({ model, config }, kept);
    const { files, tokenizer } = await pruneTokenizer(path, kept);
    const folder = newFolder();
    await saveHuggingFace(small.model, folder, { config: small.config, tokenizer: files });
    writeFileSync(join(folder, 'tokenizer_config.json'), '{"tokenizer_class": "PreTrainedTokenizerFast"}');
    const theirs = askTransformers<{ ids: number[] }[]>(['encode', folder], CORPUS);
    const texts = CORPUS.map(text => tokenizer.encode(text));
    if (theirs) {
      expect(theirs.map(({ ids }) => ids)).toEqual(texts);
      const given = padTokens(texts.map(text => text.slice(0, 6))).map(rowsOf);
      const names = ['input_ids', 'attention_mask', 'token_type_ids'].slice(0, config.kind === 'llama' ? 1 : 3);
      const [{ logits }] = outputsOf([folder], Object.fromEntries(names.map((name, i) => [name, given[i]])))!;
      const [ours] = await predict(small.model, inputsOf(config, texts.map(text => text.slice(0, 6)))); // prettier-ignore
      expect(difference(logits, ours.data)).toBeLessThan(1e-4);
    }
    model.dispose();
    small.model.dispose();
  },
  180_000,
);

function rowsOf({ shape: [rows, width], data }: NdArray): number[][] {
  return Array.from({ length: rows }, (_, row) => Array.from(data.subarray(row * width, (row + 1) * width)));
}

test('what does not fit is refused, and nothing is left behind', async () => {
  const { model, config } = await llama('llama', false);
  const before = tf.memory().numTensors;
  const refused = (kept: Int32Array, signal?: AbortSignal) =>
    rejection(pruneVocabulary({ model, config }, kept, { signal }));
  const missing = /all tokens that the config names, got none of 2\..*\{ also \}/;
  expect((await refused(Int32Array.of(0, 1))).message).toMatch(missing);
  const tooLarge = /ascending numbers of tokens, below 424, got 424 at 2/;
  expect((await refused(Int32Array.of(0, 2, 424))).message).toMatch(tooLarge);
  expect((await refused(Int32Array.of(0, 2), AbortSignal.abort())).code).toBe('aborted');
  expect(tf.memory().numTensors).toBe(before);
  const { model: other } = await bert('hidden');
  const strange = await rejection(
    pruneVocabulary({ model: other, config: config as LlamaConfig }, Int32Array.of(0, 2)),
  );
  expect(strange.message).toMatch(/layer "embed_tokens": expected to be there, got none/);
  const adapted = await addLora(model, { rank: 2, layers: path => path === 'lm_head' });
  const wrapped = await rejection(
    pruneVocabulary({ model: adapted, config: config as LlamaConfig }, Int32Array.of(0, 2)),
  );
  expect(wrapped.message).toMatch(
    /layer "lm_head": expected a layer of class Dense, got PruneLoraDense\..*adapters merged/,
  );
  for (const each of [model, other, adapted]) each.dispose();
});

test('a model whose numbers are no numbers any more is refused', async () => {
  const { model, config } = await llama('llama', true);
  const table = (await capture(model)).weights.get('embed_tokens')![0];
  const huge = tf.tensor2d(Float32Array.from(table.data).fill(3e38, 0, 16), table.shape as [number, number]);
  model.getLayer('embed_tokens').setWeights([huge]);
  huge.dispose();
  const before = tf.memory().numTensors;
  const error = await rejection(pruneVocabulary({ model, config }, Int32Array.of(0, 2)));
  expect(error.code).toBe('not-exact');
  expect(error.message).toMatch(/expected the same logits within 0\.00001, got outputs that are not finite/);
  expect(tf.memory().numTensors).toBe(before);
  model.dispose();
});
