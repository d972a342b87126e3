/** Text token by token: the same as the whole text at once, and as `transformers` makes it. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { generate, generateBatch, generateTokens, loadBert, loadLlama } from 'tfjs-prune';
import { ownTransformer } from '../zoo/ownTransformer';
import { randomize } from '../zoo/weights';
import { predict } from '../../lib/runtime/predict';
import { nextToken } from '../../lib/runtime/nextToken';
import { random } from '../../lib/core/random';
import { CPU_KERNELS } from '../backend';
import { answersOf, fixture, integers } from './fixtures';

let model: LayersModel;
beforeAll(async () => {
  await tf.setBackend(CPU_KERNELS);
  ({ model } = await loadLlama(fixture('llama-tied')));
});
afterAll(() => model.dispose());

const PROMPT = [3, 1, 4];

test.each(['llama-tied', 'llama-untied'])('%s: the greedy text of transformers', async name => {
  const { model: other } = await loadLlama(fixture(name));
  const { greedy } = answersOf(name);
  const made = await generate(other, greedy.slice(0, 3), { maxTokens: 12 });
  expect(made).toEqual(greedy.slice(3));
  other.dispose();
});

test('each token is what the whole text before it makes most likely', async () => {
  const made = await generate(model, PROMPT, { maxTokens: 10 });
  const [logits] = await predict(model, [integers([[...PROMPT, ...made]])]);
  const size = logits.shape[2];
  const likely = made.map((_, i) => {
    const row = Array.from(logits.data.subarray((PROMPT.length - 1 + i) * size, (PROMPT.length + i) * size));
    return row.indexOf(Math.max(...row));
  });
  expect(made).toEqual(likely);
});

test('draws follow from the seed alone, and differ between seeds', async () => {
  const draw = (seed: number) => generate(model, PROMPT, { maxTokens: 20, temperature: 1.5, topP: 0.95, seed });
  const [first, again, other] = [await draw(1), await draw(1), await draw(2)];
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});

test('tokens are told as they come, and listening may stop', async () => {
  const heard: number[] = [];
  const made = await generate(model, PROMPT, { maxTokens: 5, onToken: token => heard.push(token) });
  expect(heard).toEqual(made);
  const taken: number[] = [];
  for await (const token of generateTokens(model, PROMPT)) {
    taken.push(token);
    if (taken.length === 2) break;
  }
  expect(taken).toEqual(made.slice(0, 2));
  expect(await generate(model, PROMPT, { maxTokens: 5, stop: [made[3]] })).toEqual(
    made.slice(0, made.indexOf(made[3])),
  );
});

test('nothing is left behind, also when it is aborted', async () => {
  const before = tf.memory().numTensors;
  await generate(model, PROMPT, { maxTokens: 3 });
  const controller = new AbortController();
  const stopped = generate(model, PROMPT, { onToken: () => controller.abort(), signal: controller.signal });
  await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
  expect(tf.memory().numTensors).toBe(before);
  expect(await generate(model, PROMPT, { maxTokens: 3 })).toHaveLength(3);
});

describe('several prompts at once', () => {
  const PROMPTS = [[3, 1, 4], [7], [2, 9, 5, 6, 5, 3], [8, 9]]; // prettier-ignore
  const models: [string, () => Promise<LayersModel>][] = [
    ['rotary positions', async () => (await loadLlama(fixture('llama-untied'))).model],
    ['learned positions', async () => randomize(ownTransformer({ rotary: undefined, time: null }), 4)],
  ];

  test.each(models)('%s: each text is the one that its prompt has alone', async (_, make) => {
    const other = await make();
    const alone: number[][] = [];
    for (const prompt of PROMPTS) alone.push(await generate(other, prompt, { maxTokens: 6 }));
    expect(await generateBatch(other, PROMPTS, { maxTokens: 6 })).toEqual(alone);
    expect(new Set(alone.map(text => text.join())).size).toBeGreaterThan(1);
    other.dispose();
  });

  test('draws too, by seeds that count up', async () => {
    const options = { maxTokens: 12, temperature: 1.2, topP: 0.9 };
    const alone: number[][] = [];
    for (const [row, prompt] of PROMPTS.entries())
      alone.push(await generate(model, prompt, { ...options, seed: 5 + row }));
    expect(await generateBatch(model, PROMPTS, { ...options, seed: 5 })).toEqual(alone);
  });

  test('a text that ends leaves the others as they are', async () => {
    const whole = await generateBatch(model, PROMPTS, { maxTokens: 10 });
    // What ends the first text at its third token, and perhaps others elsewhere.
    const stop = [whole[0][2]];
    const ends = whole.map(text => (text.includes(stop[0]) ? text.indexOf(stop[0]) : text.length));
    const alone: number[][] = [];
    for (const prompt of PROMPTS) alone.push(await generate(model, prompt, { maxTokens: 10, stop }));
    expect(alone).toEqual(whole.map((text, row) => text.slice(0, ends[row])));
    expect(new Set(ends).size).toBeGreaterThan(1);
    expect(await generateBatch(model, PROMPTS, { maxTokens: 10, stop })).toEqual(alone);
  });

  test('tokens are told with their row as they come', async () => {
    const heard: number[][] = PROMPTS.map(() => []);
    const rows: number[] = [];
    const onToken = (token: number, row: number) => {
      heard[row].push(token);
      rows.push(row);
    };
    const made = await generateBatch(model, PROMPTS, { maxTokens: 3, onToken });
    expect(heard).toEqual(made);
    expect(rows).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
  });

  test('nothing is left behind, also when it is aborted or a row has ended', async () => {
    const before = tf.memory().numTensors;
    const [[, second]] = await generateBatch(model, PROMPTS, { maxTokens: 2 });
    await generateBatch(model, PROMPTS, { maxTokens: 4, stop: [second] });
    const controller = new AbortController();
    const onToken = () => controller.abort();
    const stopped = generateBatch(model, PROMPTS, { onToken, signal: controller.signal });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    expect(tf.memory().numTensors).toBe(before);
    expect(await generateBatch(model, [], {})).toEqual([]);
    expect(await generateBatch(model, PROMPTS, { maxTokens: 0 })).toEqual([[], [], [], []]);
    expect(await generate(model, PROMPT, { maxTokens: 3 })).toHaveLength(3);
  });

  test('a prompt that does not fit is named', async () => {
    await expect(generateBatch(model, [[1], []])).rejects.toThrow(
      /generateBatch, prompt 1: expected tokens from 0 to 18, at least one, got none/,
    );
    await expect(generateBatch(model, [[1]], { topP: 2 })).rejects.toThrow(/generateBatch: expected topP/);
  });
});

test('a token is drawn as often as the model says, among the likely ones', () => {
  const draws = random(3, 'spec');
  const logits = [Math.log(0.5), Math.log(0.3), Math.log(0.15), Math.log(0.05)];
  const count = (choice: { temperature: number; topP: number }): number[] => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) counts[nextToken(logits, choice, draws)]++;
    return counts.map(value => value / 4000);
  };
  const near = (wanted: readonly number[], got: readonly number[]): void =>
    got.forEach((share, i) => expect(Math.abs(share - wanted[i])).toBeLessThan(0.03));
  near([0.5, 0.3, 0.15, 0.05], count({ temperature: 1, topP: 1 }));
  // The first two reach 0.8 together.
  near([0.625, 0.375, 0, 0], count({ temperature: 1, topP: 0.75 }));
  near([0.25 / 0.365, 0.09 / 0.365, 0.0225 / 0.365, 0.0025 / 0.365], count({ temperature: 0.5, topP: 1 }));
  expect(count({ temperature: 0, topP: 1 })).toEqual([1, 0, 0, 0]);
});

test.each([
  [{ maxTokens: -1 }, /expected maxTokens to be an integer >= 0, got -1/],
  [{ temperature: -1 }, /expected temperature to be a number >= 0/],
  [{ topP: 0 }, /expected topP to be a number > 0 and <= 1/],
])('%j is refused', async (options, message) => {
  await expect(generate(model, PROMPT, options)).rejects.toThrow(message);
});

test('prompts and models that do not fit are refused', async () => {
  await expect(generate(model, [])).rejects.toThrow(/expected tokens from 0 to 18, at least one, got none/);
  await expect(generate(model, [19])).rejects.toThrow(/got 19/);
  const { model: bert } = await loadBert(fixture('bert'));
  await expect(generate(bert, PROMPT)).rejects.toThrow(/from tokens \[batch, time\] to logits/);
  bert.dispose();
});
