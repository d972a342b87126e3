/** Perplexity against the same sums over whole predictions. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { loadLlama, perplexity } from 'tfjs-prune';
import { random } from '../../lib/core/random';
import { predict } from '../../lib/runtime/predict';
import { CPU_KERNELS } from '../backend';
import { fixture, integers } from './fixtures';

let model: LayersModel;
beforeAll(async () => {
  await tf.setBackend(CPU_KERNELS);
  ({ model } = await loadLlama(fixture('llama-tied')));
});
afterAll(() => model.dispose());

const { integer } = random(5, 'tokens');
const TOKENS = Array.from({ length: 23 }, () => integer(19));

/** Minus log of the probability of `tokens[to]` behind `tokens[from .. to - 1]`. */
async function nats(tokens: readonly number[], from: number, to: number): Promise<number> {
  const [{ data, shape }] = await predict(model, [integers([tokens.slice(from, to)])]);
  const row = data.subarray(data.length - shape[2]);
  const sum = Array.from(row).reduce((total, logit) => total + Math.exp(logit), 0);
  return Math.log(sum) - row[tokens[to]];
}

async function mean(tokens: readonly number[], pairs: readonly (readonly [number, number])[]): Promise<number> {
  let sum = 0;
  for (const [from, to] of pairs) sum += await nats(tokens, from, to);
  return sum / pairs.length;
}

const places = Array.from({ length: 22 }, (_, i) => i + 1);

test('windows that do not overlap: every token but the first, once', async () => {
  const { nats: got, perplexity: raised, tokens, protocol } = await perplexity(model, TOKENS, { window: 6 });
  expect(tokens).toBe(22);
  expect(got).toBeCloseTo(
    await mean(
      TOKENS,
      places.map(to => [6 * Math.floor((to - 1) / 6), to]),
    ),
    5,
  );
  expect(raised).toBeCloseTo(Math.exp(got), 9);
  expect(protocol).toBe('windows of 6 tokens that do not overlap');
});

test('with a stride each token has at least window - stride others before it', async () => {
  const { nats: got, tokens, protocol } = await perplexity(model, TOKENS, { window: 6, stride: 2, batch: 3 });
  const begin = (to: number): number => (to <= 6 ? 0 : 2 * Math.ceil((to - 6) / 2));
  expect(tokens).toBe(22);
  expect(got).toBeCloseTo(
    await mean(
      TOKENS,
      places.map(to => [begin(to), to]),
    ),
    5,
  );
  expect(protocol).toBe('windows of 6 tokens, 2 apart, each token scored once');
});

test('behind a beginning the first token counts as well', async () => {
  const { nats: got, tokens, protocol } = await perplexity(model, TOKENS, { window: 6, begin: 1 });
  expect(tokens).toBe(23);
  let sum = 0;
  for (const to of TOKENS.keys()) {
    const text = [1, ...TOKENS.slice(6 * Math.floor(to / 6), to + 1)];
    sum += await nats(text, 0, text.length - 1);
  }
  expect(got).toBeCloseTo(sum / 23, 5);
  expect(protocol).toBe('windows of 6 tokens that do not overlap, each behind token 1');
});

test('accuracy is the share of tokens that are the most likely ones, each counted once', async () => {
  const likeliest = async (tokens: readonly number[]): Promise<number> => {
    const [{ data, shape }] = await predict(model, [integers([tokens])]);
    const row = data.subarray(data.length - shape[2]);
    return row.indexOf(Math.max(...row));
  };
  const text = [...TOKENS];
  for (const to of [2, 3, 8, 9, 10, 22]) text[to] = await likeliest(text.slice(6 * Math.floor((to - 1) / 6), to));
  const hits = await Promise.all(places.map(async to => text[to] === (await likeliest(text.slice(6 * Math.floor((to - 1) / 6), to))))); // prettier-ignore
  const right = hits.filter(Boolean).length;
  expect(right).toBeGreaterThanOrEqual(6);
  expect(right).toBeLessThan(22);
  expect((await perplexity(model, text, { window: 6 })).accuracy).toBe(right / 22);
});

test('the batch changes nothing, and nothing is left behind', async () => {
  const before = tf.memory().numTensors;
  const one = await perplexity(model, TOKENS, { window: 4, batch: 1 });
  const many = await perplexity(model, TOKENS, { window: 4, batch: 5 });
  expect(many.nats).toBeCloseTo(one.nats, 6);
  expect(tf.memory().numTensors).toBe(before);
});

test.each([
  [TOKENS, { window: 1 }, /expected window to be an integer >= 2, got 1/],
  [TOKENS, { window: 4, stride: 5 }, /expected stride to be an integer >= 1 and <= 4, got 5/],
  [[1], { window: 4 }, /expected at least 2 tokens, each from 0 to 18, got 1/],
  [[1, 19], { window: 4 }, /got token 19\. Use the tokenizer of the model/],
])('refused: %j %j', async (tokens, options, message) => {
  await expect(perplexity(model, tokens, options)).rejects.toThrow(message);
});
