/** Texts that two models write together: what is noted of each token is what the models say of the whole text. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { capture, compress, loadLlama, magnitude, materialize, prune, uniform } from 'tfjs-prune';
import { random } from '../../lib/core/random';
import { predict } from '../../lib/runtime/predict';
import { rollOut, type Rollout, type RolloutOptions } from '../../lib/runtime/rollout';
import { fixture, integers } from '../models/fixtures';
import { onWasm } from './help';

let teacher: LayersModel;
let student: LayersModel;
onWasm();
beforeAll(async () => {
  ({ model: teacher } = await loadLlama(fixture('llama-tied')));
  const cut = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5, minimum: 1 }) });
  ({ model: student } = await compress(teacher, cut, { latency: false }));
});
afterAll(() => [teacher, student].forEach(model => model.dispose()));

const prompts = [Int32Array.of(3, 1, 4), Int32Array.of(1, 5, 9), Int32Array.of(2, 6, 5)];

function write(options: Partial<RolloutOptions> = {}, seed = 0, begin = prompts): Promise<Rollout> {
  const draws = random(seed, 'spec');
  return rollOut(begin, {
    student,
    teacher,
    mix: 0.2,
    length: 6,
    stop: [],
    draws,
    breathe: async () => {},
    ...options,
  });
}

/** Log probabilities `[rows, length]` of the tokens of `rollout` by the whole text at once. */
async function thoughtBy(model: LayersModel, { rows, prompt, length, tokens }: Rollout): Promise<number[]> {
  const width = prompt + length;
  const texts = Array.from({ length: rows }, (_, row) => [...tokens.subarray(row * width, (row + 1) * width)]);
  const [logits] = await predict(model, [integers(texts)]);
  const size = logits.shape[2];
  return texts.flatMap((text, row) =>
    text.slice(prompt).map((token, i) => {
      const at = (row * width + prompt + i - 1) * size;
      const values = [...logits.data.subarray(at, at + size)];
      const top = Math.max(...values);
      return values[token] - top - Math.log(values.reduce((sum, each) => sum + Math.exp(each - top), 0));
    }),
  );
}

test('what both models think of each token, and nothing is left behind', async () => {
  const before = tf.memory().numTensors;
  const rollout = await write();
  expect(tf.memory().numTensors).toBe(before);
  expect([...rollout.lengths]).toEqual([6, 6, 6]);
  prompts.forEach((each, row) => expect([...rollout.tokens.subarray(row * 9, row * 9 + 3)]).toEqual([...each]));
  for (const [name, model] of Object.entries({ student, teacher })) {
    const whole = await thoughtBy(model, rollout);
    const noted = rollout[name as 'student' | 'teacher'];
    whole.forEach((value, i) => expect(noted[i]).toBeCloseTo(value, 4));
  }
  expect(rollout.student).not.toEqual(rollout.teacher);
});

test('a row ends at a stop token, which belongs to it', async () => {
  const free = await write({ length: 8 });
  const width = 11;
  const stop = [free.tokens[3 + 2]];
  const { tokens, lengths } = await write({ length: 8, stop });
  lengths.forEach((length, row) => {
    const text = [...free.tokens.subarray(row * width + 3, (row + 1) * width)];
    const end = text.indexOf(stop[0]);
    expect(length).toBe(end < 0 ? 8 : end + 1);
    expect([...tokens.subarray(row * width + 3, row * width + 3 + length)]).toEqual(text.slice(0, length));
  });
  expect(lengths[0]).toBeLessThanOrEqual(3);
});

test.each([0, 0.5, 1])('tokens are drawn from the mixture (share of the teacher %p)', async mix => {
  const same = Array.from({ length: 400 }, () => prompts[0]);
  const [q, p] = await Promise.all(
    [student, teacher].map(async model => {
      const [{ data, shape }] = await predict(model, [integers([[3, 1, 4]])]);
      const values = [...data.subarray(2 * shape[2])].map(Math.exp);
      const sum = values.reduce((all, each) => all + each, 0);
      return values.map(each => each / sum);
    }),
  );
  const { tokens } = await write({ mix, length: 1 }, 7, same);
  const counts = new Array<number>(q.length).fill(0);
  for (let row = 0; row < 400; row++) counts[tokens[row * 4 + 3]]++;
  counts.forEach((count, token) => {
    const likely = mix * p[token] + (1 - mix) * q[token];
    const spread = Math.sqrt(400 * likely * (1 - likely));
    expect(Math.abs(count - 400 * likely)).toBeLessThan(5 * spread + 1);
  });
});

test('the same seed writes the same texts, another one others; an abort leaves nothing', async () => {
  const [first, again, other] = [await write(), await write(), await write({}, 1)];
  expect(again).toEqual(first);
  expect(other.tokens).not.toEqual(first.tokens);
  const before = tf.memory().numTensors;
  let calls = 0;
  const breathe = async (): Promise<void> => {
    if (++calls === 3) throw new Error('enough');
  };
  await expect(write({ breathe })).rejects.toThrow('enough');
  expect(tf.memory().numTensors).toBe(before);
  expect((await write()).tokens).toEqual(first.tokens); // the models remember nothing
});

test('a copy of the student writes what the student writes', async () => {
  const copy = materialize(await capture(student));
  expect((await write({ student: copy })).tokens).toEqual((await write()).tokens);
  copy.dispose();
});
