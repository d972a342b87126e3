/** What a tokenizer does, and what can be done with the files it is made of. */
import type { WholeFile } from '../io/atomic';

/** Nothing is padded or cut off, whatever a tokenizer.json says of that. */
export interface Tokenizer {
  /** One more than the largest number of a token. */
  readonly size: number;
  /** The token that begins a text, where the model has one. */
  readonly bos?: number;
  /** The token that ends a text, where the model has one. */
  readonly eos?: number;
  /** The token that fills a batch up, where the model has one. */
  readonly pad?: number;
  /** With `special`, which is the default, also the tokens that the model wants around a text, such as one for its begin. */
  readonly encode: (text: string, options?: SpecialOptions) => number[];
  /** The text; without special tokens unless `special`. @throws PruneError `bad-option` for a number that is no token. */
  readonly decode: (ids: ArrayLike<number>, options?: SpecialOptions) => string;
}

export interface SpecialOptions {
  readonly special?: boolean;
}

/** A tokenizer as its files, so far as tokens can be taken out of it. */
export interface TokenizerFiles {
  /** One more than the largest number of a token. */
  readonly size: number;
  /** Tokens that it cannot do without, or that stand for what has no token. */
  readonly needed: ReadonlySet<number>;
  /** Tokens that have to stay with `id`: those it is made of on the way, and what tells a word from which it is gone. */
  readonly partsOf: (id: number) => Iterable<number>;
  /** The files with the tokens `kept` alone, the i-th of them as number i. */
  readonly keep: (kept: Int32Array) => readonly WholeFile[];
}
