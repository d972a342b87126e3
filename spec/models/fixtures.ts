/** Tiny models as `transformers` saves them, with its answers; fixtures/transformers.py makes them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { ndarray, type NdArray } from '../../lib/core/array';

export interface Answers {
  readonly tokens: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
  readonly types: readonly (readonly number[])[];
  readonly image: readonly number[];
  readonly logits: readonly number[];
  readonly pooled: readonly number[];
  readonly last: readonly number[];
  /** The embeddings, then one for every layer. */
  readonly hiddenStates: readonly (readonly number[])[];
  readonly greedy: readonly number[];
}

export function fixture(name: string): string {
  return join(__dirname, 'fixtures', name);
}

export function answersOf(name: string): Answers {
  return JSON.parse(readFileSync(join(fixture(name), 'answers.json'), 'utf8')) as Answers;
}

export function integers(rows: readonly (readonly number[])[]): NdArray {
  return ndarray(Int32Array.from(rows.flat()), [rows.length, rows[0].length]);
}

/** Largest difference of two lists of numbers. */
export function difference(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (got.length !== wanted.length) return Infinity;
  return Array.from(got).reduce((largest, value, i) => Math.max(largest, Math.abs(value - wanted[i])), 0);
}

export function tensorOf({ data, shape, dtype }: NdArray): tf.Tensor {
  return tf.tensor(data, [...shape], dtype);
}
