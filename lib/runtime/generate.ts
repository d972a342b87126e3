/** Text from a causal language model, token by token. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import { random } from '../core/random';
import { startDecoding } from '../layers/decoding';
import { nextToken } from './nextToken';
import { pause } from './pause';
import { forward } from './predict';

export interface GenerateOptions {
  /** New tokens at most; default 100. */
  readonly maxTokens?: number;
  /** 0 takes the most likely token, the first of several; 1 draws as the model says. Default 0. */
  readonly temperature?: number;
  /** Draws only from the most likely tokens whose probabilities together reach it; in (0, 1], default 1. */
  readonly topP?: number;
  /** Of the draws; default 0. */
  readonly seed?: number;
  /** Tokens that end the text, and do not belong to it. */
  readonly stop?: readonly number[];
  /** Called with each new token as it comes, and, of several texts, the number of its prompt. */
  readonly onToken?: (token: number, row: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * The tokens that `model` (tokens `[batch, time]` to logits `[batch, time, vocabulary]`) puts behind `prompt`. Keys and values of
 * what was seen are remembered, so that each new token costs one place. Deterministic; the model is left as it was.
 * @throws PruneError `bad-option` for options out of range or a model that is no causal language model, `bad-data` for a prompt
 * without tokens or with others than the model has, `aborted`.
 */
export async function generate(
  model: LayersModel,
  prompt: ArrayLike<number>,
  options: GenerateOptions = {},
): Promise<number[]> {
  const tokens: number[] = [];
  for await (const token of generateTokens(model, prompt, options)) tokens.push(token);
  return tokens;
}

/** The same, one token at a time as they come; whoever stops listening stops it. @throws as {@link generate}. */
export async function* generateTokens(
  model: LayersModel,
  prompt: ArrayLike<number>,
  options: GenerateOptions = {},
): AsyncGenerator<number, void, undefined> {
  checkPrompt('generate', model, prompt);
  for await (const { token } of steps('generate', model, [prompt], options)) yield token;
}

/**
 * What {@link generate} puts behind each of `prompts`, which may have different lengths, in one batch: row i draws by `seed + i`, so that
 * it is the text that `generate` makes with this seed, up to rounding. A text that has ended costs nothing more.
 * @throws as {@link generate}.
 */
export async function generateBatch(
  model: LayersModel,
  prompts: readonly ArrayLike<number>[],
  options: GenerateOptions = {},
): Promise<number[][]> {
  prompts.forEach((prompt, row) => checkPrompt(`generateBatch, prompt ${row}`, model, prompt));
  const made: number[][] = prompts.map(() => []);
  for await (const { row, token } of steps('generateBatch', model, prompts, options)) made[row].push(token);
  return made;
}

interface Made {
  readonly row: number;
  readonly token: number;
}

async function* steps(
  place: string,
  model: LayersModel,
  prompts: readonly ArrayLike<number>[],
  { maxTokens = 100, temperature = 0, topP = 1, seed = 0, stop = [], onToken, signal }: GenerateOptions,
): AsyncGenerator<Made, void, undefined> {
  checkNumber(place, 'maxTokens', maxTokens, { least: 0, integer: true });
  checkNumber(place, 'temperature', temperature, { least: 0 });
  checkNumber(place, 'topP', topP, { above: 0, most: 1 });
  if (maxTokens === 0 || prompts.length === 0) return;
  const breathe = pause(place, signal);
  const longest = Math.max(...prompts.map(({ length }) => length));
  const padding = prompts.map(({ length }) => longest - length);
  const decoding = startDecoding(model, { padding });
  try {
    let going = prompts.map((_, row) => ({ row, draws: random(seed + row, 'generate') }));
    // Nothing hears what is fed in front of a text.
    let fed = prompts.map((prompt, i) => [...new Array<number>(padding[i]).fill(0), ...Array.from(prompt)]);
    for (let step = 0; step < maxTokens; step++) {
      await breathe();
      const logits = await lastLogits(model, fed);
      const next = going.map(({ draws }, i) => nextToken(logits[i], { temperature, topP }, draws));
      const open = [...next.keys()].filter(i => !stop.includes(next[i]));
      for (const i of open) {
        onToken?.(next[i], going[i].row);
        yield { row: going[i].row, token: next[i] };
      }
      if (open.length === 0) return;
      if (open.length < going.length) decoding.keepRows(open);
      going = open.map(i => going[i]);
      fed = open.map(i => [next[i]]);
    }
  } finally {
    decoding.dispose();
  }
}

/** Of the last place of each of `rows` of tokens, which go on where the last ones ended. */
async function lastLogits(model: LayersModel, rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
  const last = tf.tidy(() => {
    const [logits] = forward(model, [tf.tensor2d(rows.flat(), [rows.length, rows[0].length], 'int32')]);
    return lastPlace(logits);
  });
  try {
    const all = (await last.data()) as Float32Array;
    const [, size] = last.shape;
    return rows.map((_, row) => all.subarray(row * size, (row + 1) * size));
  } finally {
    last.dispose();
  }
}

/** `[batch, vocabulary]` of `[batch, time, vocabulary]`. */
export function lastPlace(logits: tf.Tensor): tf.Tensor2D {
  const [batch, time, size] = logits.shape;
  return tf.reshape(tf.slice(logits, [0, time - 1, 0], [batch, 1, size]), [batch, size]);
}

function checkPrompt(place: string, model: LayersModel, prompt: ArrayLike<number>): void {
  const size = vocabularySize(place, model);
  const wrong = Array.from(prompt).find(token => !Number.isInteger(token) || token < 0 || token >= size);
  if (prompt.length > 0 && wrong === undefined) return;
  const expected = `tokens from 0 to ${size - 1}, at least one`;
  const got = wrong === undefined ? 'none' : String(wrong);
  throw new PruneError('bad-data', {
    place,
    expected,
    got,
    cure: 'Begin with the token that begins texts.',
  });
}

/** Number of tokens of a language model. @throws PruneError `bad-option` for another one. */
export function vocabularySize(place: string, { inputs, outputs, name }: LayersModel): number {
  const size = outputs[0]?.shape[2];
  if (inputs.length === 1 && inputs[0].shape.length === 2 && outputs.length === 1 && size != null) return size;
  throw new PruneError('bad-option', {
    place: `${place} "${name}"`,
    expected: 'a model from tokens [batch, time] to logits [batch, time, vocabulary]',
    got: `[${inputs.map(({ shape }) => shape.length).join()}] axes to [${outputs.map(({ shape }) => shape.length).join()}]`,
    cure: 'Take a causal language model, for example of loadLlama.',
  });
}
