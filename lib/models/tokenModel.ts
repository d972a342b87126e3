/** What a model of tokens of a tokenizer.json has to tell, and files as text. */
import type { Json, Refuse } from '../core/json';
import type { WholeFile } from '../io/atomic';
import { decodeText } from '../io/bytes';
import type { TokenizerFiles } from './tokens';

/** A model of tokens, so far as tokens can be taken out of it. */
export interface TokenModel {
  readonly needed: Iterable<number>;
  readonly partsOf: TokenizerFiles['partsOf'];
  /** When `vocab` is what is left of its vocabulary: what of its JSON changes beside that, and files that repeat it. */
  readonly keep: (vocab: ReadonlyMap<string, number>) => {
    readonly changes: Json;
    readonly files: readonly WholeFile[];
  };
}

export interface TokenModelAt {
  readonly model: Json;
  readonly vocab: ReadonlyMap<string, number>;
  /** Whether its characters stand for bytes. */
  readonly isByteLevel: boolean;
  readonly refuse: Refuse;
}

/** The new number of a token, or the old one noted. */
export type NumberOf = (id: number) => number;

export function textOf(bytes: Uint8Array, refuse: Refuse): string {
  return decodeText(bytes) ?? refuse('text in UTF-8', 'other bytes');
}
