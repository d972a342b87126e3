/** Models of random weights by the keys of a config.json. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import {
  capture,
  createBert,
  createLlama,
  loadBert,
  loadLlama,
  perplexity,
  saveHuggingFace,
  tokenWindows,
  train,
  useBackend,
} from 'tfjs-prune';
import { hashOf } from '../../lib/core/hash';
import { WASM } from '../backend';
import { rejection } from '../zoo/refusal';

let folder: string;
beforeAll(async () => void (await useBackend(WASM)));
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'create-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const SMALL = { vocab_size: 20, hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 64 };

test.each([false, true])('a Llama, tied %s, is what loadLlama makes of its files', async tied => {
  const { model, config } = await createLlama({ ...SMALL, tie_word_embeddings: tied }, { seed: 3 });
  expect(config).toMatchObject({ kind: 'llama', vocabSize: 20, hiddenSize: 32, tied });
  await saveHuggingFace(model, folder, { config });
  const again = await loadLlama(folder);
  expect(await hashOf(await capture(again.model))).toBe(await hashOf(await capture(model)));
  [model, again.model].forEach(each => each.dispose());
});

test.each(['hidden', 'pooler', 'maskedLM'] as const)('a BERT with head %s likewise', async head => {
  const { model, config } = await createBert(SMALL, { head, seed: 3 });
  await saveHuggingFace(model, folder, { config });
  const again = await loadBert(folder, { head });
  expect(await hashOf(await capture(again.model))).toBe(await hashOf(await capture(model)));
  [model, again.model].forEach(each => each.dispose());
});

test('weights are normal, norms begin as 1, biases as 0; the seed decides', async () => {
  const weightsOf = async (seed: number, deviation?: number) => {
    const { model } = await createBert(SMALL, { seed, deviation });
    const { weights } = await capture(model);
    model.dispose();
    return weights;
  };
  const count = tf.memory().numTensors;
  const [once, again, other] = [await weightsOf(1), await weightsOf(1), await weightsOf(2)];
  expect(tf.memory().numTensors).toBe(count);
  expect(again).toEqual(once);
  const values = (weights: typeof once, layer: string, weight = 0) => [...weights.get(layer)![weight].data];
  const [kernel, different] = [once, other].map(weights => values(weights, 'layers_0_feed_forward_up'));
  expect(kernel).not.toEqual(different);
  expect(kernel).not.toEqual(values(once, 'layers_1_feed_forward_up'));
  const [mean, spread] = momentsOf(kernel);
  expect(Math.abs(mean)).toBeLessThan(0.002);
  expect(Math.abs(spread / 0.02 - 1)).toBeLessThan(0.1);
  expect(momentsOf(values(await weightsOf(1, 0.2), 'layers_0_feed_forward_up'))[1] / spread).toBeCloseTo(10, 4);
  expect(new Set(values(once, 'layers_0_feed_forward_up', 1))).toEqual(new Set([0]));
  expect(new Set(values(once, 'embeddings_norm'))).toEqual(new Set([1]));
  expect(new Set(values(once, 'embeddings_norm', 1))).toEqual(new Set([0]));
});

test('it learns: a text that counts round and round', async () => {
  const { model } = await createLlama(SMALL, { deviation: 0.1 });
  const tokens = Array.from({ length: 641 }, (_, i) => (3 * i) % 20);
  const data = { train: tokenWindows(tokens, 16), loss: 'sparseCategoricalCrossentropy' } as const;
  const trained = await train(model, { data, epochs: 4, batchSize: 8, learningRate: 0.01 });
  const of = async (one: typeof model) => (await perplexity(one, tokens.slice(0, 200), { window: 16 })).perplexity;
  expect(await of(model)).toBeGreaterThan(10);
  expect(await of(trained)).toBeLessThan(1.5);
  [model, trained].forEach(each => each.dispose());
});

test('a config that is not understood, and a deviation that is none', async () => {
  const error = await rejection(createLlama({ ...SMALL, wings: 2 }));
  expect([error.code, error.message]).toEqual(['bad-file', expect.stringContaining('wings')]);
  expect((await rejection(createBert({ ...SMALL, hidden_size: 30 }))).code).toBe('bad-file');
  const negative = await rejection(createLlama(SMALL, { deviation: -1 }));
  expect([negative.code, negative.message]).toEqual(['bad-option', expect.stringContaining('createLlama')]);
});

function momentsOf(values: readonly number[]): [mean: number, deviation: number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return [mean, Math.sqrt(squares / values.length)];
}
