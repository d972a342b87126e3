/** The tokenizer of llama2.c: pairs of tokens become one, the best score first. */
import { PruneError } from '../core/errors';
import { fileRefuser } from '../io/bytes';
import type { Tokenizer } from './tokenizer';

/** Bytes as text with one character each, which maps and sets can compare. */
type Bytes = string;

interface Vocabulary {
  readonly pieces: readonly Bytes[];
  readonly scores: readonly number[];
  readonly ids: ReadonlyMap<Bytes, number>;
}

const [BEGIN, END] = [1, 2];
/** After these come a token for each byte, for what has no token of its own. */
const SPECIAL = 3;
/** Tokens with scores from here on down come only from single characters. */
const NEVER = -1e10;
const BYTE = /^<0x([0-9A-F]{2})>$/;

/** @throws PruneError `bad-file` when the bytes of a tokenizer.bin end within a token, or do not begin with the tokens of bytes. */
export function parseScoreTokenizer(bytes: Uint8Array, name: string): Tokenizer {
  const vocabulary = readVocabulary(bytes, name);
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

function readVocabulary(bytes: Uint8Array, name: string): Vocabulary {
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

function encode(text: string, { pieces, scores, ids }: Vocabulary): number[] {
  if (text === '') return [];
  const tokens: number[] = [];
  // A space before the first word makes it the same token as within a text.
  for (const character of ` ${text}`) {
    const bytes = new TextEncoder().encode(character);
    const id = ids.get(toText(bytes));
    if (id !== undefined) tokens.push(id);
    else for (const byte of bytes) tokens.push(SPECIAL + byte);
  }
  return merge(tokens, (left, right) => {
    const id = ids.get(pieces[left] + pieces[right]);
    return id !== undefined && scores[id] > NEVER ? { id, score: scores[id] } : undefined;
  });
}

interface Pair {
  readonly left: number;
  readonly right: number;
  /** What was at both when the pair was seen. */
  readonly before: readonly [number, number];
  readonly id: number;
  readonly score: number;
}

/**
 * Merges the pair with the best score, the first of equals, until there is none; as looking through all pairs each time would,
 * but in time that grows with n log n.
 */
function merge(
  tokens: readonly number[],
  find: (left: number, right: number) => { readonly id: number; readonly score: number } | undefined,
): number[] {
  const now = [...tokens];
  const next = now.map((_, i) => i + 1);
  const previous = now.map((_, i) => i - 1);
  const heap: Pair[] = [];
  const look = (left: number): void => {
    const right = next[left];
    if (left < 0 || right >= now.length) return;
    const found = find(now[left], now[right]);
    if (found) push(heap, { left, right, before: [now[left], now[right]], ...found });
  };
  now.forEach((_, left) => look(left));
  for (let pair = pop(heap); pair; pair = pop(heap)) {
    const { left, right, before, id } = pair;
    const isStale = now[left] !== before[0] || now[right] !== before[1] || next[left] !== right;
    if (isStale) continue;
    now[left] = id;
    now[right] = -1;
    next[left] = next[right];
    if (next[left] < now.length) previous[next[left]] = left;
    look(previous[left]);
    look(left);
  }
  return now.filter(id => id >= 0);
}

function isBetter(a: Pair, b: Pair): boolean {
  return a.score > b.score || (a.score === b.score && a.left < b.left);
}

function push(heap: Pair[], pair: Pair): void {
  let at = heap.push(pair) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBetter(pair, heap[parent])) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = pair;
}

function pop(heap: Pair[]): Pair | undefined {
  const [best] = heap;
  const last = heap.pop();
  if (heap.length === 0) return best;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child + 1 < heap.length && isBetter(heap[child + 1], heap[child])) child++;
    if (child >= heap.length || !isBetter(heap[child], last!)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last!;
  return best;
}

function decode(ids: readonly number[], { pieces }: Vocabulary): string {
  const text = ids.map(id => {
    const [, byte] = BYTE.exec(pieces[id]) ?? [];
    return byte === undefined ? pieces[id] : String.fromCharCode(parseInt(byte, 16));
  });
  // The space that encode put before the first word.
  const first = ids[0] === BEGIN ? 1 : 0;
  if (text[first]?.startsWith(' ')) text[first] = text[first].slice(1);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    Uint8Array.from(text.join(''), byte => byte.charCodeAt(0)),
  );
}

function toText(bytes: Uint8Array): Bytes {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
