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
  /** Called with each new token as it comes. */
  readonly onToken?: (token: number) => void;
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
  { maxTokens = 100, temperature = 0, topP = 1, seed = 0, stop = [], onToken, signal }: GenerateOptions = {},
): AsyncGenerator<number, void, undefined> {
  checkNumber('generate', 'maxTokens', maxTokens, { least: 0, integer: true });
  checkNumber('generate', 'temperature', temperature, { least: 0 });
  checkNumber('generate', 'topP', topP, { above: 0, most: 1 });
  checkPrompt(model, prompt);
  if (maxTokens === 0) return;
  const draws = random(seed, 'generate');
  const breathe = pause('generate', signal);
  const decoding = startDecoding(model);
  try {
    let fed = Int32Array.from(prompt);
    for (let made = 0; made < maxTokens; made++) {
      await breathe();
      const token = nextToken(await lastLogits(model, fed), { temperature, topP }, draws);
      if (stop.includes(token)) return;
      onToken?.(token);
      yield token;
      fed = Int32Array.of(token);
    }
  } finally {
    decoding.dispose();
  }
}

/** Of the last place of `tokens`, which go on where the last ones ended. */
async function lastLogits(model: LayersModel, tokens: Int32Array): Promise<Float32Array> {
  const last = tf.tidy(() => {
    const [logits] = forward(model, [tf.tensor2d(tokens, [1, tokens.length], 'int32')]);
    const [, time, size] = logits.shape;
    return tf.reshape(tf.slice(logits, [0, time - 1, 0], [1, 1, size]), [size]);
  });
  try {
    return (await last.data()) as Float32Array;
  } finally {
    last.dispose();
  }
}

function checkPrompt(model: LayersModel, prompt: ArrayLike<number>): void {
  const size = vocabularyOf('generate', model);
  const wrong = Array.from(prompt).find(token => !Number.isInteger(token) || token < 0 || token >= size);
  if (prompt.length > 0 && wrong === undefined) return;
  const expected = `tokens from 0 to ${size - 1}, at least one`;
  const got = wrong === undefined ? 'none' : String(wrong);
  throw new PruneError('bad-data', {
    place: 'generate',
    expected,
    got,
    cure: 'Begin with the token that begins texts.',
  });
}

/** Number of tokens of a language model. @throws PruneError `bad-option` for another one. */
export function vocabularyOf(place: string, { inputs, outputs, name }: LayersModel): number {
  const size = outputs[0]?.shape[2];
  if (inputs.length === 1 && inputs[0].shape.length === 2 && outputs.length === 1 && size != null) return size;
  throw new PruneError('bad-option', {
    place: `${place} "${name}"`,
    expected: 'a model from tokens [batch, time] to logits [batch, time, vocabulary]',
    got: `[${inputs.map(({ shape }) => shape.length).join()}] axes to [${outputs.map(({ shape }) => shape.length).join()}]`,
    cure: 'Take a causal language model, for example of loadLlama.',
  });
}
