/** Sentence embeddings: those of `transformers` with a mean over the places that count, and what is refused. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { loadBert, padTokens, sentenceEmbeddings } from 'tfjs-prune';
import { CPU_KERNELS } from '../backend';
import { refusal } from '../zoo/refusal';
import { answersOf, difference, fixture, integers } from './fixtures';

let model: LayersModel;
beforeAll(async () => {
  await tf.setBackend(CPU_KERNELS);
  ({ model } = await loadBert(fixture('bert')));
});
afterAll(() => model.dispose());

const TEXTS = [[2, 5, 7, 3], [2, 9, 3], [2, 4, 4, 8, 11, 3]]; // prettier-ignore

test('equal those of transformers, with padding', async () => {
  const { tokens, mask, types, sentences } = answersOf('bert');
  const { shape, data } = await sentenceEmbeddings(model, [tokens, mask, types].map(integers));
  expect(shape).toEqual([2, 16]);
  expect(difference(data, sentences)).toBeLessThan(1e-5);
});

test('are the same for a text alone, among others, and in batches; nothing is left behind', async () => {
  const before = tf.memory().numTensors;
  const together = await sentenceEmbeddings(model, padTokens(TEXTS));
  const cut = await sentenceEmbeddings(model, padTokens(TEXTS), { batchSize: 2 });
  expect(difference(cut.data, together.data)).toBeLessThan(1e-6);
  for (const [i, text] of TEXTS.entries()) {
    const { data } = await sentenceEmbeddings(model, padTokens([text]));
    expect(difference(data, together.data.subarray(16 * i, 16 * (i + 1)))).toBeLessThan(1e-6);
    expect(Math.hypot(...data)).toBeCloseTo(1, 6);
  }
  expect(tf.memory().numTensors).toBe(before);
});

test('a text of padding alone gives zeros', async () => {
  const [tokens, , types] = padTokens([[0, 0, 0]]);
  const { data } = await sentenceEmbeddings(model, [tokens, integers([[0, 0, 0]]), types]);
  expect([...data]).toEqual(new Array(16).fill(0));
});

test('texts are filled up behind, and cut before their last token', () => {
  const [tokens, mask, types] = padTokens(TEXTS, { pad: 1, most: 4 });
  expect([...tokens.data]).toEqual([2, 5, 7, 3, 2, 9, 3, 1, 2, 4, 4, 3]);
  expect([...mask.data]).toEqual([1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1]);
  expect([...types.data]).toEqual(new Array(12).fill(0));
  expect([tokens, mask, types].map(({ shape, dtype }) => [...shape, dtype])).toEqual(
    new Array(3).fill([3, 4, 'int32']),
  );
});

test('what does not fit is refused', async () => {
  expect(refusal(() => padTokens([])).message).toMatch(/at least one text, each of at least one token, got none/);
  expect(refusal(() => padTokens([[1], []])).message).toMatch(/got text 1 without/);
  expect(refusal(() => padTokens(TEXTS, { most: 1 })).code).toBe('bad-option');
  const [tokens, mask] = padTokens(TEXTS);
  await expect(sentenceEmbeddings(model, [tokens, mask])).rejects.toThrow(
    /tokens, mask and types, each \[texts, time\], got \[3,6\], \[3,6\]\. Make them with padTokens/,
  );
  const { model: pooler } = await loadBert(fixture('bert'), { head: 'pooler' });
  await expect(sentenceEmbeddings(pooler, padTokens(TEXTS))).rejects.toThrow(/got 3 inputs and outputs of 2 axes/);
  pooler.dispose();
  const signal = AbortSignal.abort();
  await expect(sentenceEmbeddings(model, padTokens(TEXTS), { signal })).rejects.toMatchObject({ code: 'aborted' });
});
