/** Texts of different lengths as one batch. */
import { ndarray, type NdArray } from '../core/array';
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';

export interface PadTokensOptions {
  /** The token that fills up; default 0. */
  readonly pad?: number;
  /** A longer text keeps its beginning and its last token, which ends it; default: as long as the longest. */
  readonly most?: number;
}

/**
 * What a model of `loadBert` takes, `[tokens, mask, types]`, each `[texts, time]`: the texts filled up behind, the mask 1 where they
 * are, and type 0 everywhere.
 * @throws PruneError `bad-data` when there are no texts or one without tokens, `bad-option`.
 */
export function padTokens(
  texts: readonly ArrayLike<number>[],
  { pad = 0, most = Infinity }: PadTokensOptions = {},
): [tokens: NdArray, mask: NdArray, types: NdArray] {
  checkNumber('padTokens', 'pad', pad, { least: 0, integer: true });
  if (most !== Infinity) checkNumber('padTokens', 'most', most, { least: 2, integer: true });
  requireTokens(texts);
  const cut = texts.map(text => shortened(Array.from(text), most));
  const time = cut.reduce((longest, { length }) => Math.max(longest, length), 0);
  const batch = (of: (text: readonly number[], place: number) => number): NdArray =>
    ndarray(
      Int32Array.from({ length: cut.length * time }, (_, i) => of(cut[Math.floor(i / time)], i % time)),
      [cut.length, time],
    );
  return [
    batch((text, place) => text[place] ?? pad),
    batch((text, place) => (place < text.length ? 1 : 0)),
    batch(() => 0),
  ];
}

function shortened(text: readonly number[], most: number): readonly number[] {
  return text.length > most ? [...text.slice(0, most - 1), text[text.length - 1]] : text;
}

function requireTokens(texts: readonly ArrayLike<number>[]): void {
  const empty = texts.findIndex(({ length }) => length === 0);
  if (texts.length > 0 && empty < 0) return;
  throw new PruneError('bad-data', {
    place: 'padTokens',
    expected: 'at least one text, each of at least one token',
    got: texts.length === 0 ? 'none' : `text ${empty} without`,
    cure: 'Encode texts with the special tokens of the model.',
  });
}
