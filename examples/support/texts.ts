/** A text as what a language model is calibrated on, and what it must foretell. */
import type { Data } from 'tfjs-prune';

export interface Text {
  readonly calibration: Data;
  /** Tokens that nothing was calibrated on. */
  readonly heldOut: readonly number[];
}

/** The first 90 % in examples of `window` tokens, with the same one token later as targets; at most `most` tokens of either part. */
export function splitText(tokens: readonly number[], window: number, most: number): Text {
  const end = Math.floor(0.9 * tokens.length);
  const heldOut = tokens.slice(end, end + most);
  const count = Math.floor((Math.min(end, most) - 1) / window);
  const train = examples(tokens, count, window);
  // Reports measure every stage: a few examples are enough for them.
  const test = examples(heldOut, Math.max(1, Math.min(8, Math.floor((heldOut.length - 1) / window))), window);
  return { calibration: { train, test, loss: 'sparseCategoricalCrossentropy' }, heldOut };
}

function examples(tokens: readonly number[], count: number, window: number): Data['train'] {
  const cut = (from: number) => ({
    shape: [count, window],
    dtype: 'int32' as const,
    data: Int32Array.from({ length: count * window }, (_, i) => tokens[i + from]),
  });
  return { inputs: cut(0), targets: cut(1) };
}
