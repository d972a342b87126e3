/** Learning to write as the teacher: on a small Llama that lost half of its heads and neurons. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  capture,
  chain,
  compress,
  loadLlama,
  magnitude,
  miniLlm,
  prune,
  sequenceDistill,
  uniform,
  type Data,
  type Method,
  type MiniLlmOptions,
  type Need,
} from 'tfjs-prune';
import { random } from '../../lib/core/random';
import { predict } from '../../lib/runtime/predict';
import { fixture } from '../models/fixtures';
import { bits, dense, examples, mlp, onWasm, withoutLeak } from '../runtime/help';

onWasm();
let teacher: LayersModel;
let size: number;
let data: Data;
beforeAll(async () => {
  ({ model: teacher } = await loadLlama(fixture('llama-tied')));
  size = teacher.outputs[0].shape[2]!;
  data = { train: windows(24, 12, 1), loss: 'sparseCategoricalCrossentropy' };
});
afterAll(() => teacher.dispose());

const cut = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5, minimum: 1 }) });
const options: MiniLlmOptions = { rounds: 2, texts: 16, batchSize: 8, prompt: 3, length: 6, learningRate: 3e-3 };

function windows(count: number, length: number, seed: number) {
  const draws = random(seed, 'windows');
  const tokens = Array.from({ length: count }, () => Array.from({ length: length + 1 }, () => draws.integer(size)));
  const part = (from: number) => ({
    shape: [count, length],
    dtype: 'int32' as const,
    data: Int32Array.from(tokens.flatMap(each => each.slice(from, from + length))),
  });
  return { inputs: part(0), targets: part(1) };
}

async function run(method: Method<Need>, more: object = {}) {
  const { model, report } = await compress(teacher, chain<Need>(cut, method), { data, latency: false, ...more });
  const { weights } = await capture(model);
  const probe = windows(8, 10, 2).inputs;
  const [logits] = await predict(model, [{ ...probe }]);
  model.dispose();
  return { weights, logits, report };
}

/** Mean over places of KL(q || p) or KL(p || q) on texts that are nobody's. */
async function divergence(logits: { data: ArrayLike<number> }, reverse = true): Promise<number> {
  const [known] = await predict(teacher, [{ ...windows(8, 10, 2).inputs }]);
  return tf.tidy(() => {
    const [q, p] = [logits, known].map(({ data: all }) =>
      tf.logSoftmax(tf.tensor2d(Float32Array.from(all), [80, size])),
    );
    const [a, b] = reverse ? [q, p] : [p, q];
    return tf.mean(tf.sum(tf.mul(tf.exp(a), tf.sub(a, b)), -1)).dataSync()[0];
  });
}

const idle = { ...sequenceDistill({ rounds: 1 }), name: 'idle', run: async (model: never) => model } as Method<Need>;

const briefly = { ...options, rounds: 6, languageModel: 0 };

test.each<[string, Method<Need>, boolean]>([
  ['both terms', miniLlm(briefly), true],
  ['the single-step term alone', miniLlm({ ...briefly, longTerm: false }), true],
  ['sequences', sequenceDistill({ ...briefly, texts: 48, epochs: 2 }), false],
])('%s: the student comes nearer to its teacher', async (_, method, reverse) => {
  const before = await divergence((await run(idle)).logits, reverse);
  const { logits, report } = await run(method);
  expect(await divergence(logits, reverse)).toBeLessThan(0.8 * before);
  expect(report.stages.map(({ name }) => name)).toContain('imitated');
});

test('a student that is its teacher stays as it is', async () => {
  const { weights } = await capture(teacher);
  const still = miniLlm({ ...options, languageModel: 0, optimizer: 'momentum' });
  const { model } = await compress(teacher, still, { data, latency: false });
  const after = await capture(model);
  model.dispose();
  for (const [path, own] of weights) {
    own.forEach(({ data: values }, i) => {
      const { data: found } = after.weights.get(path)![i];
      values.forEach((value, at) => expect(Math.abs(found[at] - value)).toBeLessThan(1e-5));
    });
  }
});

test('another teacher than the first model, and the task beside it', async () => {
  const { model: other } = await loadLlama(fixture('llama-untied'));
  const [first, second, third] = [
    await run(miniLlm(options)),
    await run(miniLlm({ ...options, teacher: await capture(other) })),
    await run(miniLlm({ ...options, languageModel: 0 })),
  ];
  other.dispose();
  expect(bits(second as never)).not.toEqual(bits(first as never));
  expect(bits(third as never)).not.toEqual(bits(first as never));
});

test('the same seed gives the same bytes, another seed others; the teacher is left alone and nothing leaks', async () => {
  const weights = bits(await capture(teacher));
  await run(miniLlm(options)); // compiles what is compiled once
  const first = await withoutLeak(() => run(miniLlm(options)));
  expect(bits((await run(miniLlm(options))) as never)).toEqual(bits(first as never));
  expect(bits((await run(miniLlm(options), { seed: 1 })) as never)).not.toEqual(bits(first as never));
  expect(bits(await capture(teacher))).toEqual(weights);
});

test('progress is told round by round, and an abort ends it and leaves nothing', async () => {
  const seen: string[] = [];
  const controller = new AbortController();
  const progress = (event: { stage: string; done: number; total: number; detail?: string }): void => {
    if (event.stage !== 'miniLlm') return;
    seen.push(`${event.done} of ${event.total}: ${event.detail}`);
    if (event.done === 2) controller.abort();
  };
  const long = miniLlm({ ...options, rounds: 50 });
  await withoutLeak(async () => {
    await expect(run(long, { progress, signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
  });
  expect(seen).toHaveLength(2);
  expect(seen[1]).toMatch(/^2 of 50: loss -?\d+\.\d{4}, log q - log p -?\d+\.\d{4} a token$/);
});

test.each<[string, Partial<MiniLlmOptions>, string, RegExp]>([
  ['no rounds', { rounds: 0 }, 'bad-option', /rounds/],
  ['half a text', { texts: 0.5 }, 'bad-option', /texts/],
  ['a mixture beyond one', { mix: 1.5 }, 'bad-option', /mix/],
  ['a clip of zero', { clip: 0 }, 'bad-option', /clip/],
  ['a prompt longer than the examples', { prompt: 13 }, 'bad-data', /at least 13 tokens/],
  ['a rate that blows up', { learningRate: 1e18, rounds: 3 }, 'bad-option', /finite/],
])('%s is refused', async (_, wrong, code, message) => {
  const attempt = async (): Promise<unknown> => run(miniLlm({ ...options, ...wrong }));
  await withoutLeak(async () => {
    await expect(attempt()).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});

test('a teacher of another vocabulary, and a student that writes no text, are refused', async () => {
  const tokens = layers.input({ shape: [null] });
  const embedded = layers.layers.embedding({ inputDim: size, outputDim: 4 }).apply(tokens);
  const other = layers.model({
    inputs: tokens,
    outputs: dense({ units: size + 1 }).apply(embedded) as layers.SymbolicTensor,
  });
  const stranger = await capture(other);
  other.dispose();
  await expect(run(miniLlm({ ...options, teacher: stranger }))).rejects.toMatchObject({
    code: 'bad-option',
    message: expect.stringContaining(`${size + 1} tokens`) as string,
  });
  const net = mlp();
  const attempt = compress(net, miniLlm({ ...options, prompt: 2 }), { data: { train: examples(20) }, latency: false });
  await expect(attempt).rejects.toMatchObject({
    code: 'bad-option',
    message: expect.stringContaining('[batch, time, vocabulary]') as string,
  });
  net.dispose();
});
