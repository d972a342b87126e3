/** Tiny models as `transformers` saves them, with its answers; fixtures/transformers.py makes them. */
import { spawnSync } from 'node:child_process';
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
  /** Embeddings of sentences. */
  readonly sentences: readonly number[];
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

/**
 * What fixtures/transformers.py answers, on the Python named by TFJS_PRUNE_PYTHON; undefined, and said so, where it is not there or
 * has no `transformers`.
 */
export function askTransformers<T>(task: Iterable<string>, given: unknown): T | undefined {
  canAsk ??= run(['-c', 'import torch, transformers']).status === 0;
  if (!canAsk) {
    console.log(`not compared: "${PYTHON}" has no transformers; name one that has in TFJS_PRUNE_PYTHON`);
    return undefined;
  }
  const { status, stdout, stderr } = run([fixture('transformers.py'), ...task], JSON.stringify(given));
  if (status !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString()) as T;
}

const PYTHON = process.env.TFJS_PRUNE_PYTHON ?? 'python3';
let canAsk: boolean | undefined;

function run(args: readonly string[], input = '') {
  return spawnSync(PYTHON, args, { input, maxBuffer: 2 ** 28 });
}

/** What the models in `folders` give for `inputs`, by the names that `transformers` has for outputs. */
export function outputsOf(
  folders: readonly string[],
  inputs: Readonly<Record<string, unknown>>,
): readonly Readonly<Record<string, number[]>>[] | undefined {
  return askTransformers(['outputs', ...folders], inputs);
}

export function tensorOf({ data, shape, dtype }: NdArray): tf.Tensor {
  return tf.tensor(data, [...shape], dtype);
}
