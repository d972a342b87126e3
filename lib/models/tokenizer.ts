/** Text to token numbers and back, by the tokenizer that comes with a model. */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PruneError } from '../core/errors';
import { isRecord, parseObject, type Json } from '../core/json';
import { fileBytes, fileRefuser, readText } from '../io/bytes';
import { isFolder } from '../io/folder';
import { short } from '../io/manifest';
import { importPackage, tryImport } from '../runtime/optional';
import { parseScoreTokenizer, requireTokens } from './scoreTokenizer';
import type { Tokenizer } from './tokens';

const PACKAGE = '@huggingface/tokenizers';
const [MAIN, CONFIG, LLAMA2C] = ['tokenizer.json', 'tokenizer_config.json', 'tokenizer.bin'];
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * Reads `tokenizer.json` with the `tokenizer_config.json` beside it, which needs the package `@huggingface/tokenizers`, or the
 * `tokenizer.bin` of llama2.c; `path` is one of them or the folder that holds it.
 * @throws PruneError `bad-file` when it is missing or damaged, or the package is not there.
 */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const file = await tokenizerFile(path);
  const source = await fileBytes(file, `a ${MAIN} or ${LLAMA2C}`);
  if (!file.endsWith('.json')) {
    const bytes = new Uint8Array(Math.min(source.size, MOST_BYTES));
    await source.read(bytes, 0);
    return parseScoreTokenizer(bytes, file);
  }
  const config = await fileBytes(join(file, '..', CONFIG)).then(
    beside => readText(beside, MOST_BYTES),
    () => '{}',
  );
  return parseTokenizer(await readText(source, MOST_BYTES), config, file);
}

/**
 * The same from the text of both files; `name` names the first in errors.
 * @throws PruneError `bad-file` when they cannot be understood, or the package is not there.
 */
export async function parseTokenizer(json: string, config = '{}', name = MAIN): Promise<Tokenizer> {
  const place = `loadTokenizer "${name}"`;
  const refuse = fileRefuser(place);
  const module = (await importPackage(short(place), PACKAGE, 'reads it')) as {
    readonly Tokenizer: new (json: Json, config: Json) => Inner;
  };
  const settings = parseObject(config, refuse, `a ${CONFIG}`);
  const parsed = parseObject(json, refuse, `a ${MAIN}`);
  if (!isRecord(parsed.model)) refuse('a model of tokens', 'none', `Pass a ${MAIN}.`);
  try {
    const inner = new module.Tokenizer(parsed, settings);
    return wrap(inner, settings, inner.get_vocab(true));
  } catch (cause) {
    const [got] = String((cause as Error).message).split('\n');
    return refuse('a tokenizer that can be built', `"${got}"`, `Save it again with transformers.`);
  }
}

/** Whether the package that reads a tokenizer.json is there. */
export async function canReadTokenizers(): Promise<boolean> {
  return (await tryImport(PACKAGE)) === undefined;
}

/**
 * @throws PruneError `bad-file` when the tokenizer has tokens that the model has not.
 */
export function requireTokenizer(place: string, tokenizer: Tokenizer, vocabSize: number): void {
  if (tokenizer.size <= vocabSize) return;
  const cure = 'Take both from one folder.';
  fileRefuser(place)(`a tokenizer of at most ${vocabSize} tokens, as the model has`, String(tokenizer.size), cure);
}

/** What we use of the package. */
interface Inner {
  readonly encode: (text: string, options: { add_special_tokens: boolean }) => { readonly ids: readonly unknown[] };
  readonly decode: (
    ids: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ) => string;
  readonly token_to_id: (token: string) => number | undefined;
  readonly get_vocab: (added: boolean) => ReadonlyMap<string, number>;
}

function wrap(inner: Inner, settings: Json, vocab: ReadonlyMap<string, number>): Tokenizer {
  let size = 0;
  for (const id of vocab.values()) size = Math.max(size, id + 1);
  const known = new Set(vocab.values());
  return {
    size,
    ...named(inner, settings),
    encode(text, { special = true } = {}) {
      const { ids } = inner.encode(text, { add_special_tokens: special });
      return ids.map(id => (typeof id === 'number' && known.has(id) ? id : refuseText(text)));
    },
    decode(ids, { special = false } = {}) {
      const list = Array.from(ids);
      requireTokens(list, id => known.has(id), size);
      if (list.length === 0) return '';
      const clean = settings.clean_up_tokenization_spaces === true;
      return inner.decode(list, { skip_special_tokens: !special, clean_up_tokenization_spaces: clean });
    },
  };
}

/** The special tokens that the config names, be it by their text or as an object that holds it. */
function named(inner: Inner, settings: Json): Pick<Tokenizer, 'bos' | 'eos' | 'pad'> {
  const idOf = (key: string): number | undefined => {
    const token = settings[`${key}_token`];
    const text = isRecord(token) ? token.content : token;
    return typeof text === 'string' ? inner.token_to_id(text) : undefined;
  };
  const found = ['bos', 'eos', 'pad'].map(key => [key, idOf(key)] as const).filter(([, id]) => id !== undefined);
  return Object.fromEntries(found);
}

function refuseText(text: string): never {
  const got = JSON.stringify(text.length > 40 ? `${text.slice(0, 37)}...` : text);
  const cure = 'This tokenizer has no token for what is unknown; leave such characters out.';
  throw new PruneError('bad-option', { place: 'encode', expected: 'text that it has tokens for', got, cure });
}

/** `path`, or the file of a tokenizer in the folder `path`. @throws PruneError `bad-file` when there is none. */
export async function tokenizerFile(path: string): Promise<string> {
  return (await isFolder(path)) ? mainFile(path) : path;
}

async function mainFile(folder: string): Promise<string> {
  for (const name of [MAIN, LLAMA2C]) {
    const file = join(folder, name);
    if ((await stat(file).catch(() => undefined)) !== undefined) return file;
  }
  const cure = `Save the tokenizer of "${basename(folder)}" with transformers, which writes a ${MAIN}.`;
  return fileRefuser(`loadTokenizer "${folder}"`)(`a ${MAIN} or ${LLAMA2C}`, 'a folder without', cure);
}
