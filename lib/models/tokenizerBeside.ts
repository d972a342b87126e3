/** What lies beside a tokenizer.json and counts tokens as well. */
import { describe, isIndex, isRecord, parseObject, type Json, type Refuse } from '../core/json';
import { jsonFile, type WholeFile } from '../io/atomic';
import { joined } from '../io/bytes';
import { textOf, type NumberOf } from './tokenModel';

/** A `tokenizer.model` is not among them: it cannot be rewritten, and nobody needs it where there is a tokenizer.json. */
export const BESIDE_FILES =
  /^((tokenizer|generation)_config\.json|(special_tokens_map|added_tokens)\.json|vocab\.(txt|json)|merges\.txt|chat_template\.(jinja|json))$/;

/** All that belongs to a tokenizer. */
export const TOKENIZER_FILES = new RegExp(`^tokenizer\\.(json|model)$|${BESIDE_FILES.source}`);

export interface BesideAt {
  readonly numberOf: NumberOf;
  /** All tokens. */
  readonly all: ReadonlyMap<string, number>;
  readonly refuse: Refuse;
}

type MapJson = (json: Json, at: BesideAt) => Json;

const MAPS: Readonly<Record<string, MapJson>> = {
  'tokenizer_config.json': mapTokenizerConfig,
  'special_tokens_map.json': mapNames,
  'added_tokens.json': (json, { numberOf }) =>
    Object.fromEntries(Object.entries(json).map(([text, id]) => [text, numberOf(Number(id))])),
  'generation_config.json': mapGeneration,
};

/** `file` with the numbers of tokens that `numberOf` gives; one that repeats the vocabulary as it is. */
export function mapBeside(file: WholeFile, at: BesideAt): WholeFile {
  if (!Object.hasOwn(MAPS, file.name)) return file;
  const json = parseObject(textOf(joined(file.parts), at.refuse), at.refuse, `a ${file.name}`);
  return jsonFile(file.name, MAPS[file.name](json, at));
}

/** Tokens that are named stay: `numberOf` hears of them. */
function mapNames(json: Json, { numberOf, all }: BesideAt): Json {
  const named = Object.entries(json).flatMap(([key, value]) => (/_tokens?$/.test(key) ? [value].flat() : []));
  for (const token of named) {
    const id = all.get(String(isRecord(token) ? token.content : token));
    if (id !== undefined) numberOf(id);
  }
  return json;
}

function mapTokenizerConfig(json: Json, at: BesideAt): Json {
  mapNames(json, at);
  const { added_tokens_decoder: added } = json;
  if (!isRecord(added)) return json;
  const mapped = Object.entries(added).map(([id, token]) => [at.numberOf(Number(id)), token] as const);
  return { ...json, added_tokens_decoder: Object.fromEntries(mapped) };
}

/** Lists of tokens that are wanted or not. */
const LISTS = /(_words_ids|suppress_tokens|forced_decoder_ids|sequence_bias)$/;

function mapGeneration(json: Json, { numberOf, refuse }: BesideAt): Json {
  const mapped = Object.entries(json).map(([key, value]) => {
    if (value !== null && LISTS.test(key)) refuse(`no ${key} in generation_config.json`, describe(value), 'Remove it.');
    if (value === null || !key.endsWith('_token_id')) return [key, value] as const;
    const ids: unknown[] = [value].flat();
    if (!ids.every(isIndex)) return refuse(`${key} of generation_config.json to be numbers of tokens`, describe(value));
    return [key, Array.isArray(value) ? ids.map(numberOf) : numberOf(ids[0])] as const;
  });
  return Object.fromEntries(mapped);
}
