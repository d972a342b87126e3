/** Texts that language models write together, and what they think of each token. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Random } from '../core/random';
import { startDecoding } from '../layers/decoding';
import { lastPlace } from './generate';
import { forward } from './predict';

/** Texts of one length, row by row; what stands behind the end of a row counts for nothing. */
export interface Rollout {
  readonly rows: number;
  /** Tokens of each prompt, and of what follows, at most. */
  readonly prompt: number;
  readonly length: number;
  /** `[rows, prompt + length]`. */
  readonly tokens: Int32Array;
  /** Of each row, how many tokens follow its prompt; the one that ended it is among them. */
  readonly lengths: Int32Array;
  /** `[rows, length]`: the logarithm of the probability that the student, and the teacher, gave the token. */
  readonly student: Float32Array;
  readonly teacher: Float32Array;
}

export interface RolloutOptions {
  readonly student: LayersModel;
  readonly teacher: LayersModel;
  /** Share of the teacher in the distribution that tokens are drawn from, in [0, 1]. */
  readonly mix: number;
  /** New tokens at most. */
  readonly length: number;
  /** Tokens that end a text. */
  readonly stop: readonly number[];
  readonly draws: Random;
  /** Called before every token. */
  readonly breathe: () => Promise<void>;
}

/** Goes on behind `prompts`, all of one length, drawing each token from mix * teacher + (1 - mix) * student. */
export async function rollOut(prompts: readonly Int32Array[], options: RolloutOptions): Promise<Rollout> {
  const { student, teacher, mix, length, stop, draws, breathe } = options;
  const [rows, prompt] = [prompts.length, prompts[0].length];
  const width = prompt + length;
  const tokens = new Int32Array(rows * width);
  prompts.forEach((each, row) => tokens.set(each, row * width));
  const thought = { student: new Float32Array(rows * length), teacher: new Float32Array(rows * length) };
  const lengths = new Int32Array(rows).fill(length);
  const decodings: { dispose(): void }[] = [];
  try {
    for (const model of [student, teacher]) decodings.push(startDecoding(model));
    let fed = tf.tensor2d(Int32Array.from(prompts.flatMap(each => [...each])), [rows, prompt], 'int32');
    for (let place = 0; place < length && lengths.some(known => known > place); place++) {
      await breathe().catch((reason: unknown) => {
        fed.dispose();
        throw reason;
      });
      const [q, p] = await lastOf([student, teacher], fed);
      fed.dispose();
      const size = q.length / rows;
      const next = Int32Array.from({ length: rows }, (_, row) => {
        const [own, known] = [q, p].map(all => all.subarray(row * size, (row + 1) * size));
        const token = draw(own, known, mix, draws.uniform());
        thought.student[row * length + place] = own[token];
        thought.teacher[row * length + place] = known[token];
        if (lengths[row] > place && stop.includes(token)) lengths[row] = place + 1;
        return token;
      });
      next.forEach((token, row) => (tokens[row * width + prompt + place] = token));
      fed = tf.tensor2d(next, [rows, 1], 'int32');
    }
    fed.dispose();
  } finally {
    for (const decoding of decodings) decoding.dispose();
  }
  return { rows, prompt, length, tokens, lengths, ...thought };
}

/** Of each model the logarithms of the probabilities at the last place, `[rows, vocabulary]`. */
async function lastOf(models: readonly LayersModel[], fed: tf.Tensor2D): Promise<Float32Array[]> {
  const all = tf.tidy(() => models.map(model => tf.logSoftmax(lastPlace(forward(model, [fed])[0]))));
  try {
    return (await Promise.all(all.map(each => each.data()))) as Float32Array[];
  } finally {
    tf.dispose(all);
  }
}

/** The token at which the mixed probabilities, added up, pass `at`, in [0, 1). */
function draw(student: Float32Array, teacher: Float32Array, mix: number, at: number): number {
  let left = at;
  for (let token = 0; token < student.length; token++) {
    left -= mix * Math.exp(teacher[token]) + (1 - mix) * Math.exp(student[token]);
    if (left < 0) return token;
  }
  return student.length - 1; // the probabilities were rounded to a little less than 1
}
