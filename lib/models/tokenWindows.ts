/** Texts as examples for a language model. */
import { ndarray, type NdArray } from '../core/array';
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';

/** Both `[windows, window]`. */
export interface TokenWindows {
  readonly inputs: NdArray;
  /** What follows each token. */
  readonly targets: NdArray;
}

/**
 * Cuts the tokens of a text into windows, one behind the other, each with the same tokens moved by one as targets; what does not fill a window
 * is left out. For `data` with the loss `sparseCategoricalCrossentropy`.
 * @throws PruneError `bad-option`; `bad-data` for fewer than `window` + 1 tokens.
 */
export function tokenWindows(tokens: ArrayLike<number>, window: number): TokenWindows {
  checkNumber('tokenWindows', 'window', window, { least: 1, integer: true });
  const count = Math.floor((tokens.length - 1) / window);
  if (count < 1) {
    throw new PruneError('bad-data', {
      place: 'tokenWindows',
      expected: `at least ${window + 1} tokens, a window and what follows it`,
      got: String(tokens.length),
      cure: 'Give a longer text or a smaller window.',
    });
  }
  const from = (shift: number): NdArray =>
    ndarray(
      Int32Array.from({ length: count * window }, (_, i) => tokens[i + shift]),
      [count, window],
    );
  return { inputs: from(0), targets: from(1) };
}
