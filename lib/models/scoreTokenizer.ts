/** The tokenizer of llama2.c: pairs of tokens become one, the best score first. */
import { PruneError } from '../core/errors';
import { fileRefuser } from '../io/bytes';
import { mergePairs } from './mergePairs';
import type { Tokenizer } from './tokens';

/** Bytes as text with one character each, which maps and sets can compare. */
export type Bytes = string;

export interface ScoreVocabulary {
  readonly pieces: readonly Bytes[];
  readonly scores: readonly number[];
  readonly ids: ReadonlyMap<Bytes, number>;
}

const [BEGIN, END] = [1, 2];
/** After these come a token for each byte, for what has no token of its own. */
const SPECIAL = 3;
/** Tokens that have to be there, at their places. */
export const FIXED_TOKENS = SPECIAL + 256;
/** Tokens with scores from here on down come only from single characters. */
const NEVER = -1e10;
const BYTE = /^<0x([0-9A-F]{2})>$/;

/** @throws PruneError `bad-file` when the bytes of a tokenizer.bin end within a token, or do not begin with the tokens of bytes. */
export function parseScoreTokenizer(bytes: Uint8Array, name: string): Tokenizer {
  const vocabulary = readScoreVocabulary(bytes, name);
  const size = vocabulary.pieces.length;
  return {
    size,
    bos: BEGIN,
    eos: END,
    encode: (text, { special = true } = {}) => [...(special ? [BEGIN] : []), ...encode(text, vocabulary)],
    decode(ids, { special = false } = {}) {
      const list = Array.from(ids);
      requireTokens(list, id => Number.isInteger(id) && id >= 0 && id < size, size);
      return decode(special ? list : list.filter(id => id >= SPECIAL), vocabulary);
    },
  };
}

/** @throws PruneError `bad-option` for the first that is no token. */
export function requireTokens(ids: readonly number[], isToken: (id: number) => boolean, size: number): void {
  const wrong = ids.find(id => !isToken(id));
  if (wrong === undefined) return;
  const expected = `numbers of tokens, below ${size}`;
  throw new PruneError('bad-option', { place: 'decode', expected, got: String(wrong), cure: 'Pass what encode gave.' });
}

/** @throws PruneError `bad-file` as {@link parseScoreTokenizer}. */
export function readScoreVocabulary(bytes: Uint8Array, name: string): ScoreVocabulary {
  const refuse = fileRefuser(`loadTokenizer "${name}"`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pieces: Bytes[] = [];
  const scores: number[] = [];
  for (let at = 4; at < bytes.length || pieces.length === 0;) {
    const rest = bytes.length - at - 8;
    const length = rest >= 0 ? view.getInt32(at + 4, true) : 0;
    const token = `token ${pieces.length}`;
    if (rest < 0 || length < 0 || length > rest)
      refuse(`${token} to end within the file`, `${bytes.length} bytes in all`);
    const score = view.getFloat32(at, true);
    if (Number.isNaN(score)) refuse(`a score for ${token}`, 'NaN');
    scores.push(score);
    pieces.push(toText(bytes.subarray(at + 8, at + 8 + length)));
    at += 8 + length;
  }
  for (let byte = 0; byte < 256; byte++) {
    const expected = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
    const got = pieces[SPECIAL + byte];
    const cure = 'Pass a tokenizer.bin of llama2.c.';
    if (got !== expected) refuse(`token ${SPECIAL + byte} to be ${expected}`, JSON.stringify(got ?? 'none'), cure);
  }
  const ids = new Map<Bytes, number>();
  pieces.forEach((piece, id) => ids.has(piece) || ids.set(piece, id));
  return { pieces, scores, ids };
}

function encode(text: string, vocabulary: ScoreVocabulary): number[] {
  if (text === '') return [];
  // A space before the first word makes it the same token as within a text.
  const characters = Array.from(` ${text}`, character => toText(new TextEncoder().encode(character)));
  return mergeScores(characters, vocabulary);
}

/** The tokens of `characters`, each as its bytes; `made` hears of every token on the way. */
export function mergeScores(
  characters: readonly Bytes[],
  { pieces, scores, ids }: ScoreVocabulary,
  made?: (id: number) => void,
): number[] {
  const tokens = characters.flatMap(bytes => {
    const id = ids.get(bytes);
    return id !== undefined ? [id] : Array.from(bytes, byte => SPECIAL + byte.charCodeAt(0));
  });
  const find = (left: number, right: number) => {
    const id = ids.get(pieces[left] + pieces[right]);
    return id !== undefined && scores[id] > NEVER ? { id, score: scores[id] } : undefined;
  };
  return mergePairs(tokens, find, made);
}

function decode(ids: readonly number[], { pieces }: ScoreVocabulary): string {
  const text = ids.map(id => {
    const [, byte] = BYTE.exec(pieces[id]) ?? [];
    return byte === undefined ? pieces[id] : String.fromCharCode(parseInt(byte, 16));
  });
  // The space that encode put before the first word.
  const first = ids[0] === BEGIN ? 1 : 0;
  if (text[first]?.startsWith(' ')) text[first] = text[first].slice(1);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(fromText(text.join('')));
}

export function fromText(text: Bytes): Uint8Array {
  return Uint8Array.from(text, byte => byte.charCodeAt(0));
}

export function toText(bytes: Uint8Array): Bytes {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
