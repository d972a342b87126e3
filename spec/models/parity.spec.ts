/** Tiny seeded models of `transformers`: our logits and hidden states are theirs. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { hiddenStates, loadBert, loadLlama, loadVit } from 'tfjs-prune';
import { ndarray, type NdArray } from '../../lib/core/array';
import { predict } from '../../lib/runtime/predict';
import { CPU_KERNELS } from '../backend';
import { answersOf, difference, fixture, integers } from './fixtures';

const TOLERANCE = 1e-4;

beforeAll(() => tf.setBackend(CPU_KERNELS));

test.each(['llama-tied', 'llama-untied'])('%s: logits and the hidden states of every layer', async name => {
  const { model } = await loadLlama(fixture(name));
  const { tokens, logits, hiddenStates: wanted } = answersOf(name);
  const [got] = await predict(model, [integers(tokens)]);
  expect(got.shape).toEqual([2, 9, 19]);
  expect(difference(got.data, logits)).toBeLessThan(TOLERANCE);
  const [embeddings, first, , normed, ...others] = await hiddenStates(model, integers(tokens));
  expect(others).toEqual([]);
  // The last of theirs has passed the last norm.
  expectSame([embeddings, first, normed], wanted);
  model.dispose();
});

test('BERT: hidden states of every layer, with padding and types', async () => {
  const { tokens, mask, types, hiddenStates: wanted } = answersOf('bert');
  const inputs = [tokens, mask, types].map(integers);
  const { model } = await loadBert(fixture('bert'));
  const [last] = await predict(model, inputs);
  expect(last.shape).toEqual([2, 7, 16]);
  const states = await hiddenStates(model, inputs);
  expectSame(states, wanted);
  expectSame([last], [wanted[2]]);
  model.dispose();
});

test.each([
  ['pooler', 'pooled', 16],
  ['classifier', 'logits', 3],
] as const)('BERT: what comes out of the %s', async (head, answer, size) => {
  const answers = answersOf('bert');
  const { model, config } = await loadBert(fixture('bert'), { head });
  const [got] = await predict(model, [answers.tokens, answers.mask, answers.types].map(integers));
  expect(got.shape).toEqual([2, size]);
  expect(difference(got.data, answers[answer])).toBeLessThan(TOLERANCE);
  expect(config.labels).toHaveLength(3);
  model.dispose();
});

test.each(['bert-masked', 'bert-untied'])('%s: logits of every token, with padding', async name => {
  const { tokens, mask, types, logits } = answersOf(name);
  const { model } = await loadBert(fixture(name), { head: 'maskedLM' });
  const [got] = await predict(model, [tokens, mask, types].map(integers));
  expect(got.shape).toEqual([2, 7, 19]);
  expect(difference(got.data, logits)).toBeLessThan(TOLERANCE);
  model.dispose();
});

test('ViT: what comes out of the pooler, of its own width and activation', async () => {
  const { image, pooled } = answersOf('vit-pooler');
  const { model } = await loadVit(fixture('vit-pooler'), { head: 'pooler' });
  const [got] = await predict(model, [ndarray(Float32Array.from(image), [2, 8, 8, 1])]);
  expect(got.shape).toEqual([2, 10]);
  expect(difference(got.data, pooled)).toBeLessThan(TOLERANCE);
  model.dispose();
});

test('ViT: logits and the hidden states of every layer', async () => {
  const { image, logits, last, hiddenStates: wanted } = answersOf('vit');
  const pixels = ndarray(Float32Array.from(image), [2, 12, 12, 2]);
  const { model } = await loadVit(fixture('vit'));
  const [got] = await predict(model, [pixels]);
  expect(got.shape).toEqual([2, 3]);
  expect(difference(got.data, logits)).toBeLessThan(TOLERANCE);
  const states = await hiddenStates(model, pixels);
  expectSame(states, [...wanted, last]);
  model.dispose();
});

test('nothing is left behind', async () => {
  const before = tf.memory().numTensors;
  const { model } = await loadLlama(fixture('llama-tied'));
  await hiddenStates(model, integers([[1, 2, 3]]));
  model.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

function expectSame(got: readonly NdArray[], wanted: readonly (readonly number[])[]): void {
  expect(got).toHaveLength(wanted.length);
  got.forEach(({ data }, i) => expect(difference(data, wanted[i])).toBeLessThan(TOLERANCE));
}
