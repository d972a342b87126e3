/** A tokenizer.json of Hugging Face, and the files beside it that count tokens too, without some of the tokens. */
import { describe, isIndex, isRecord, parseObject, type Json, type Refuse } from '../core/json';
import { jsonFile, type WholeFile } from '../io/atomic';
import { fileRefuser } from '../io/bytes';
import { bytePairs } from './bytePairs';
import { textOf, type NumberOf, type TokenModel, type TokenModelAt } from './tokenModel';
import { mapBeside } from './tokenizerBeside';
import type { TokenizerFiles } from './tokens';
import { wordPieces } from './wordPieces';

const MODELS: Readonly<Record<string, (at: TokenModelAt) => TokenModel>> = { BPE: bytePairs, WordPiece: wordPieces };

/** Files that say once more what the tokens are. */
const REPEATS = /^(vocab|merges)\./;

/**
 * @throws PruneError `bad-file` for a tokenizer that is damaged, that is neither BPE nor WordPiece, or of which something that holds
 * numbers of tokens is not understood.
 */
export function openTokenizerJson(bytes: Uint8Array, name: string, beside: readonly WholeFile[]): TokenizerFiles {
  const refuse = fileRefuser(`tokenizer "${name}"`);
  const json = parseObject(textOf(bytes, refuse), refuse, 'a tokenizer.json');
  const { model, vocab, ...inner } = tokenModel(json, refuse);
  const added = addedTokens(json, refuse);
  const all = new Map([...vocab, ...added.map(({ content, id }) => [content, id] as const)]);
  const [ids, addedIds] = [new Set(all.values()), new Set(added.map(({ id }) => id))];
  const needed = new Set(inner.needed);
  const note: NumberOf = id => {
    if (!ids.has(id))
      refuse('only numbers of its tokens', `${id} elsewhere in its files`, 'Save it again with transformers.');
    needed.add(id);
    return id;
  };
  const rewrite = (numberOf: NumberOf) => ({
    main: renumbered(json, added, numberOf, refuse),
    beside: beside.map(file => mapBeside(file, { numberOf, all, refuse })),
  });
  rewrite(note);
  return {
    size: [...ids].reduce((most, id) => Math.max(most, id + 1), 0),
    needed,
    // Added tokens are found in the text itself.
    partsOf: id => (addedIds.has(id) ? [] : inner.partsOf(id)),
    keep(kept) {
      const numbers = new Map(Array.from(kept, (id, i) => [id, i]));
      const left = [...vocab].flatMap(([text, id]) => (numbers.has(id) ? [[text, numbers.get(id)!] as const] : []));
      const small = new Map(left.sort(([, a], [, b]) => a - b));
      const { changes, files } = inner.keep(small);
      const { main, beside: others } = rewrite(id => numbers.get(id)!);
      const changed = { ...main, model: { ...model, vocab: Object.fromEntries(small), ...changes } };
      const repeated = new Map(files.map(file => [file.name, file]));
      const besides = others.map(file => (REPEATS.test(file.name) ? repeated.get(file.name) : file));
      return [jsonFile('tokenizer.json', changed), ...besides.filter(file => file !== undefined)];
    },
  };
}

function tokenModel(json: Json, refuse: Refuse): TokenModel & Pick<TokenModelAt, 'model' | 'vocab'> {
  const model = isRecord(json.model) ? json.model : refuse('a model of tokens', describe(json.model));
  // Files of long ago do not say what they are.
  const type = String(model.type ?? ('merges' in model ? 'BPE' : 'WordPiece'));
  const known = Object.keys(MODELS).join(' or ');
  if (!Object.hasOwn(MODELS, type)) refuse(`a model of tokens ${known}`, type, 'Tokens of others cannot be taken out.');
  const entries = isRecord(model.vocab) ? Object.entries(model.vocab) : refuse('a vocab', describe(model.vocab));
  const wrong = entries.find(([, id]) => !isIndex(id));
  if (wrong) refuse(`a number for token ${describe(wrong[0])}`, describe(wrong[1]));
  const vocab = new Map(entries as [string, number][]);
  if (new Set(vocab.values()).size < vocab.size) refuse('a number of its own for each token', 'one that comes twice');
  const { normalizer, pre_tokenizer, decoder } = json;
  const isByteLevel = JSON.stringify([normalizer, pre_tokenizer, decoder]).includes('"type":"ByteLevel"');
  return { model, vocab, ...MODELS[type]({ model, vocab, isByteLevel, refuse }) };
}

interface AddedToken extends Json {
  readonly id: number;
  readonly content: string;
}

function addedTokens({ added_tokens: added = [] }: Json, refuse: Refuse): readonly AddedToken[] {
  const sound =
    Array.isArray(added) &&
    added.every(token => isRecord(token) && isIndex(token.id) && typeof token.content === 'string');
  return sound ? (added as AddedToken[]) : refuse('added_tokens with id and content', describe(added));
}

/** `json` with the numbers outside of its vocabulary as `numberOf` gives them. */
function renumbered(json: Json, added: readonly AddedToken[], numberOf: NumberOf, refuse: Refuse): Json {
  const { padding } = json;
  return {
    ...json,
    added_tokens: added.map(token => ({ ...token, id: numberOf(token.id) })),
    post_processor: mapProcessor(json.post_processor, numberOf, refuse),
    ...(isRecord(padding) && { padding: { ...padding, pad_id: numberOf(Number(padding.pad_id)) } }),
  };
}

function mapProcessor(processor: unknown, numberOf: NumberOf, refuse: Refuse): unknown {
  if (processor == null) return processor;
  const { type, ...rest } = isRecord(processor) ? processor : refuse('a post_processor', describe(processor));
  const pair = (value: unknown): unknown => {
    const [text, id] = Array.isArray(value) ? (value as unknown[]) : [];
    return isIndex(id) ? [text, numberOf(id)] : refuse(`a ${String(type)} of tokens with numbers`, describe(value));
  };
  const each = (value: unknown): unknown => mapProcessor(value, numberOf, refuse);
  switch (type) {
    case 'ByteLevel':
      return processor;
    case 'Sequence':
      return { type, ...rest, processors: [rest.processors].flat().map(each) };
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { type, ...rest, sep: pair(rest.sep), cls: pair(rest.cls) };
    case 'TemplateProcessing':
      return { type, ...rest, special_tokens: mapTemplate(rest.special_tokens, numberOf, refuse) };
    default:
      return refuse('a post_processor that is understood', describe(type), 'It may hold numbers of tokens.');
  }
}

function mapTemplate(special: unknown, numberOf: NumberOf, refuse: Refuse): Json {
  const mapped = Object.entries(Object(special) as Json).map(([name, token]) => {
    const ids = isRecord(token) && Array.isArray(token.ids) ? (token.ids as unknown[]) : [undefined];
    if (!ids.every(isIndex)) return refuse(`ids of ${name} in the post_processor`, describe(token));
    return [name, { ...(token as Json), ids: ids.map(numberOf) }] as const;
  });
  return Object.fromEntries(mapped);
}
