/** Which tokens a corpus needs, and a tokenizer that has these alone. */
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import type { WholeFile } from '../io/atomic';
import { decodeText, joined } from '../io/bytes';
import { pause } from '../runtime/pause';
import { parseScoreTokenizer } from './scoreTokenizer';
import { loadTokenizer, parseTokenizer } from './tokenizer';
import type { Tokenizer } from './tokens';
import { openTokenizerFiles } from './tokenizerFiles';

/** Texts, or what a tokenizer made of them. */
export type Corpus = Iterable<string | ArrayLike<number>> | AsyncIterable<string | ArrayLike<number>>;

export interface VocabularyOptions {
  /** The file or folder of the tokenizer, as `loadTokenizer` takes it; what it needs is kept too. Texts cannot do without. */
  readonly tokenizer?: string;
  /** Tokens that occur less often go; default 1. */
  readonly atLeast?: number;
  /** Tokens to keep in any case. */
  readonly also?: readonly number[];
  readonly signal?: AbortSignal;
}

/**
 * The tokens to keep for `corpus`, ascending: those that occur `atLeast` so many times; those they are merged from, so that they are made
 * as before; and what the tokenizer needs: special and added tokens, the one for what is unknown, and single bytes where it has them
 * (single characters where it has neither). Of WordPiece, the letters of the kept pieces too.
 * A text whose tokens are all kept is encoded as before. Any other one still is, in smaller pieces: down to bytes where the tokenizer has
 * them, otherwise to letters, and to the token for what is unknown where there are none.
 * @throws PruneError `bad-data` for an empty corpus or numbers that are no tokens, `bad-option`, `bad-file` as {@link pruneTokenizer},
 * `aborted`.
 */
export async function vocabularyOf(
  corpus: Corpus,
  { tokenizer: path, atLeast = 1, also = [], signal }: VocabularyOptions = {},
): Promise<Int32Array> {
  checkNumber('vocabularyOf', 'atLeast', atLeast, { least: 1, integer: true });
  const files = path === undefined ? undefined : await openTokenizerFiles(path);
  const counts = await countTokens(corpus, path, signal);
  const most = files?.size ?? Infinity;
  const wrong = [...counts.keys(), ...also].find(id => !(Number.isInteger(id) && id >= 0 && id < most));
  if (counts.size === 0 || wrong !== undefined) throw noTokens(wrong, most);
  const often = [...counts].flatMap(([id, count]) => (count >= atLeast ? [id] : []));
  const open = [...(files?.needed ?? []), ...also, ...often];
  const kept = new Set<number>();
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (kept.has(id)) continue;
    kept.add(id);
    for (const part of files?.partsOf(id) ?? []) open.push(part);
  }
  return Int32Array.from(kept).sort();
}

export interface PrunedTokenizer {
  readonly tokenizer: Tokenizer;
  /** What `saveHuggingFace` takes as its `tokenizer`. */
  readonly files: readonly WholeFile[];
}

/**
 * The tokenizer at `path` with the tokens `kept` alone, the i-th of them as number i: BPE and WordPiece of Hugging Face, where merges go
 * with any of their tokens, and llama2.c's. Its files are a tokenizer.json with what lies beside it and counts tokens (not a
 * tokenizer.model), or a tokenizer.bin.
 * @throws PruneError `bad-option` unless `kept` is ascending and holds what the tokenizer needs, `bad-file` when it is missing, damaged, or
 * of a kind whose tokens cannot be taken out.
 */
export async function pruneTokenizer(path: string, kept: Int32Array): Promise<PrunedTokenizer> {
  const { size, needed, keep } = await openTokenizerFiles(path);
  requireKept('pruneTokenizer', kept, size);
  const all = new Set(kept);
  const missing = [...needed].find(id => !all.has(id));
  if (missing !== undefined) throw badKept('pruneTokenizer', 'all that the tokenizer needs', `none of ${missing}`);
  const files = keep(kept);
  return { tokenizer: await parsed(files), files };
}

/**
 * The numbers that `ids` have once `kept` alone are left.
 * @throws PruneError `bad-data` for a token that is not kept.
 */
export function remapTokens(ids: ArrayLike<number>, kept: Int32Array): Int32Array {
  const numbers = new Map(Array.from(kept, (id, i) => [id, i]));
  return Int32Array.from(ids, id => numbers.get(id) ?? refuseToken(id));
}

/** @throws PruneError `bad-option` unless `kept` is ascending, and below `size`. */
export function requireKept(place: string, kept: Int32Array, size: number): void {
  const wrong = kept.findIndex((id, i) => id < 0 || id >= size || (i > 0 && id <= kept[i - 1]));
  const expected = `ascending numbers of tokens, below ${size}`;
  if (kept.length === 0 || wrong >= 0)
    throw badKept(place, expected, wrong < 0 ? 'none' : `${kept[wrong]} at ${wrong}`);
}

export function badKept(place: string, expected: string, got: string): PruneError {
  return new PruneError('bad-option', {
    place,
    expected: `kept to be ${expected}`,
    got,
    cure: 'Pass what vocabularyOf gives, which keeps others where they are named as { also }.',
  });
}

async function countTokens(corpus: Corpus, path: string | undefined, signal: AbortSignal | undefined) {
  const breathe = pause('vocabularyOf', signal);
  const counts = new Map<number, number>();
  let tokenizer: Tokenizer | undefined;
  for await (const text of corpus) {
    await breathe();
    if (typeof text === 'string') tokenizer ??= await loadTokenizer(path ?? refuseText());
    const ids = typeof text === 'string' ? tokenizer!.encode(text) : Array.from(text);
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

function parsed(files: readonly WholeFile[]): Tokenizer | Promise<Tokenizer> {
  const bytesOf = (name: string): Uint8Array | undefined => {
    const file = files.find(each => each.name === name);
    return file && joined(file.parts);
  };
  const json = bytesOf('tokenizer.json');
  if (json === undefined) return parseScoreTokenizer(bytesOf('tokenizer.bin')!, 'tokenizer.bin');
  const config = bytesOf('tokenizer_config.json');
  return parseTokenizer(decodeText(json)!, config && decodeText(config));
}

function noTokens(wrong: number | undefined, most: number): PruneError {
  const bound = most === Infinity ? '' : `, below ${most}`;
  return new PruneError('bad-data', {
    place: 'vocabularyOf',
    expected: `at least one token, and only numbers of tokens${bound}`,
    got: wrong === undefined ? 'none' : String(wrong),
    cure: 'Pass texts, or what the tokenizer of the model makes of them.',
  });
}

function refuseText(): never {
  throw new PruneError('bad-option', {
    place: 'vocabularyOf',
    expected: 'a tokenizer for texts',
    got: 'none',
    cure: 'Pass its folder as { tokenizer }.',
  });
}

function refuseToken(id: number): never {
  throw new PruneError('bad-data', {
    place: 'remapTokens',
    expected: 'tokens that are kept',
    got: String(id),
    cure: 'Encode the text with the tokenizer of pruneTokenizer, which knows other tokens for it.',
  });
}
