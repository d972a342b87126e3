/** Tokens that are merged from pairs (BPE), without some of them. */
import { describe, type Json, type Refuse } from '../core/json';
import { jsonFile, textFile } from '../io/atomic';
import { mergePairs, type Merged } from './mergePairs';
import type { TokenModel, TokenModelAt } from './tokenModel';

const BYTE = /^<0x[0-9A-F]{2}>$/;

/** @throws what `refuse` throws for merges by chance, or of tokens that are not there. */
export function bytePairs({ model, vocab, isByteLevel, refuse }: TokenModelAt): TokenModel {
  const cure = 'Tokens cannot be taken out of such a tokenizer.';
  if (model.dropout) refuse('no dropout', describe(model.dropout), cure);
  const prefix = model.continuing_subword_prefix;
  if (prefix) refuse('no continuing_subword_prefix', describe(prefix), cure);
  const merges = mergesOf(model.merges) ?? refuse('merges of two tokens each', describe(model.merges));
  const suffix = String(model.end_of_word_suffix ?? '');
  const texts = new Map([...vocab].map(([text, id]) => [id, text]));
  const find = finderOf(merges, vocab, refuse);
  const unknown = vocab.get(String(model.unk_token ?? ''));
  const hasBytes = model.byte_fallback === true;
  const hasAlphabet = isByteLevel || (unknown === undefined && !hasBytes);
  const isNeeded = (text: string): boolean =>
    (hasBytes && BYTE.test(text)) || (hasAlphabet && symbolsOf(text, suffix).length === 1);
  const needed = [...vocab].flatMap(([text, id]) => (isNeeded(text) ? [id] : []));
  return {
    needed: unknown === undefined ? needed : [...needed, unknown],
    partsOf(id) {
      const parts: number[] = [];
      const symbols = symbolsOf(texts.get(id) ?? '', suffix).map(symbol => vocab.get(symbol));
      // Of bytes or unknown characters it is not made.
      if (symbols.includes(undefined)) return parts;
      const [made, ...more] = mergePairs(symbols as number[], find, part => parts.push(part));
      return made === id && more.length === 0 ? parts : [];
    },
    keep(left) {
      const stays = ([a, b]: Merge): boolean => [a, b, a + b].every(text => left.has(text));
      const kept = (model.merges as unknown[]).filter((_, i) => stays(merges[i]));
      const lines = merges.filter(stays).map(pair => pair.join(' '));
      const files = [
        jsonFile('vocab.json', Object.fromEntries(left)),
        textFile('merges.txt', ['#version: 0.2', ...lines, ''].join('\n')),
      ];
      return { changes: { merges: kept } satisfies Json, files };
    },
  };
}

type Merge = readonly [left: string, right: string];

/** What two tokens become: the merge that was learned first comes first. */
function finderOf(merges: readonly Merge[], vocab: TokenModelAt['vocab'], refuse: Refuse) {
  const size = [...vocab.values()].reduce((most, id) => Math.max(most, id + 1), 0);
  const found = new Map<number, Merged>();
  merges.forEach(([left, right], rank) => {
    const [a, b, id] = [left, right, left + right].map(text => vocab.get(text));
    if (a === undefined || b === undefined || id === undefined) {
      return refuse(`merge ${rank} to be of tokens`, describe([left, right]));
    }
    if (!found.has(a * size + b)) found.set(a * size + b, { id, score: -rank });
  });
  return (a: number, b: number): Merged | undefined => found.get(a * size + b);
}

/** Older files write the two with a space between. */
function mergesOf(merges: unknown): readonly Merge[] | undefined {
  if (!Array.isArray(merges)) return undefined;
  const pairs = merges.map((merge: unknown) => (typeof merge === 'string' ? merge.split(' ') : merge));
  const sound = pairs.every(
    pair => Array.isArray(pair) && pair.length === 2 && pair.every(text => typeof text === 'string'),
  );
  return sound ? (pairs as unknown as Merge[]) : undefined;
}

/** The characters that `text` is merged from; the last of a word carries `suffix`. */
function symbolsOf(text: string, suffix: string): string[] {
  const ends = suffix !== '' && text.endsWith(suffix) && text.length > suffix.length;
  const characters = Array.from(ends ? text.slice(0, -suffix.length) : text);
  return characters.map((character, i) => (ends && i === characters.length - 1 ? character + suffix : character));
}
