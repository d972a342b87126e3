/** How well a language model foretells a text, and by which protocol: numbers of other protocols do not compare. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import { vocabularySize } from './generate';
import { pause } from './pause';
import { forward } from './predict';

export interface PerplexityOptions {
  /** Tokens that the model sees at once. */
  readonly window: number;
  /** Tokens from the beginning of a window to that of the next; default `window`, so that each token is seen once. */
  readonly stride?: number;
  /** A token put before every window, which then foretells its first; default none. */
  readonly begin?: number;
  /** Windows per forward pass; default 8. */
  readonly batch?: number;
  readonly signal?: AbortSignal;
}

export interface Perplexity {
  /** Mean negative logarithm of the probability of a token. */
  readonly nats: number;
  /** exp(nats). */
  readonly perplexity: number;
  /** Share in [0, 1] of the tokens that the model held the most likely ones, of equal ones the first. */
  readonly accuracy: number;
  /** How many tokens were foretold. */
  readonly tokens: number;
  /** What was measured, in words. */
  readonly protocol: string;
}

/**
 * Foretells `tokens` window by window, each token once: all but the first, or, with `begin`, all. With a `stride` below `window` those
 * behind the first window have at least `window - stride` tokens before them.
 * @throws PruneError `bad-option` for options out of range or a model that is no language model, `bad-data` for fewer than 2
 * tokens or others than the model has, `aborted`.
 */
export async function perplexity(
  model: LayersModel,
  tokens: ArrayLike<number>,
  { window, stride = window, begin, batch = 8, signal }: PerplexityOptions,
): Promise<Perplexity> {
  checkNumber('perplexity', 'window', window, { least: 2, integer: true });
  checkNumber('perplexity', 'stride', stride, { least: 1, most: window, integer: true });
  checkNumber('perplexity', 'batch', batch, { least: 1, integer: true });
  const all = checkTokens(model, tokens, begin);
  const breathe = pause('perplexity', signal);
  const windows = windowsOf(all, { window, stride, begin });
  let [sum, right, count] = [0, 0, 0];
  for (const together of runsOf(windows, batch)) {
    await breathe();
    const [{ fed }] = together;
    const [nats, hits] = await foretold(model, together);
    together.forEach(({ scored }, row) => {
      for (let i = (row + 1) * fed.length - scored; i < (row + 1) * fed.length; i++) {
        sum += nats[i];
        right += hits[i];
      }
      count += scored;
    });
  }
  const nats = sum / count;
  const protocol = describe({ window, stride, begin });
  return { nats, perplexity: Math.exp(nats), accuracy: right / count, tokens: count, protocol };
}

interface Window {
  readonly fed: Int32Array;
  /** The token behind each of `fed`. */
  readonly wanted: Int32Array;
  /** Of the last so many places. */
  readonly scored: number;
}

type Cut = Pick<PerplexityOptions, 'window' | 'begin'> & { readonly stride: number };

function windowsOf(tokens: Int32Array, { window, stride, begin }: Cut): Window[] {
  const windows: Window[] = [];
  // Without a beginning there is nothing that foretells the first token.
  const foretold = begin === undefined ? tokens.subarray(1) : tokens;
  for (let from = 0, done = 0; done < foretold.length; from += stride) {
    const wanted = foretold.subarray(from, from + window);
    const before = tokens.subarray(from, from + wanted.length);
    const fed = begin === undefined ? before : Int32Array.of(begin, ...before.subarray(0, -1));
    windows.push({ fed, wanted, scored: from + wanted.length - done });
    done = from + wanted.length;
  }
  return windows;
}

/** Runs of at most `size` windows of one length. */
function runsOf(windows: readonly Window[], size: number): Window[][] {
  const runs: Window[][] = [];
  for (const each of windows) {
    const last = runs[runs.length - 1];
    if (last !== undefined && last.length < size && last[0].fed.length === each.fed.length) last.push(each);
    else runs.push([each]);
  }
  return runs;
}

/** Of each wanted token, window by window, minus the logarithm of its probability, and 1 where it is the most likely one. */
async function foretold(
  model: LayersModel,
  windows: readonly Window[],
): Promise<readonly [Float32Array, Float32Array]> {
  const [{ fed }] = windows;
  const rows = windows.length * fed.length;
  const both = tf.tidy(() => {
    const join = (part: 'fed' | 'wanted'): Int32Array => Int32Array.from(windows.flatMap(each => [...each[part]]));
    const [logits] = forward(model, [tf.tensor2d(join('fed'), [windows.length, fed.length], 'int32')]);
    const size = logits.shape[2]!;
    const wanted = join('wanted');
    const places = wanted.map((token, row) => row * size + token);
    const chosen = tf.gather(tf.reshape(logits, [rows * size]), tf.tensor1d(places, 'int32'));
    const all = tf.reshape(logits, [rows, size]);
    const hits = tf.equal(tf.argMax(all, -1), tf.tensor1d(wanted, 'int32'));
    return tf.stack([tf.sub(tf.logSumExp(all, -1), chosen), tf.cast(hits, 'float32')]);
  });
  try {
    const values = (await both.data()) as Float32Array;
    return [values.subarray(0, rows), values.subarray(rows)];
  } finally {
    both.dispose();
  }
}

function checkTokens(model: LayersModel, tokens: ArrayLike<number>, begin: number | undefined): Int32Array {
  const size = vocabularySize('perplexity', model);
  const all = Array.from(tokens);
  const wrong = [...all, begin ?? 0].find(token => !Number.isInteger(token) || token < 0 || token >= size);
  if (wrong === undefined && all.length >= 2) return Int32Array.from(all);
  const expected = `at least 2 tokens, each from 0 to ${size - 1}`;
  const got = wrong === undefined ? String(all.length) : `token ${wrong}`;
  throw new PruneError('bad-data', { place: 'perplexity', expected, got, cure: 'Use the tokenizer of the model.' });
}

function describe({ window, stride, begin }: Cut): string {
  const windows = `windows of ${window} tokens`;
  const apart =
    stride === window ? `${windows} that do not overlap` : `${windows}, ${stride} apart, each token scored once`;
  return begin === undefined ? apart : `${apart}, each behind token ${begin}`;
}
