/** Fewer tokens: what is kept of a corpus is encoded, and told, as before. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { loadTokenizer, pruneTokenizer, remapTokens, vocabularyOf, writeSafetensors, type Tokenizer } from 'tfjs-prune';
import { newFolder, removeFolders } from '../io/folder';
import { refusal, rejection } from '../zoo/refusal';
import { fixture } from './fixtures';

afterEach(removeFolders);

const CORPUS = [
  'Once upon a time there was a little dog.',
  'The king counted the stars, and she said, "Come here!"',
  'There was a little girl who had a red ball; the dog had none.',
];
const WORDS = CORPUS.join(' ').split(' ');
/** Words of letters that are in the corpus, but in other tokens. */
const OTHER = 'handles cellar stone';
const KINDS = ['llama', 'byteLevel', 'wordPiece', 'llama2c'];

describe.each(KINDS)('%s', kind => {
  const path = fixture(kind);
  let old: Tokenizer;
  beforeAll(async () => {
    old = await loadTokenizer(path);
  });

  const cut = async (corpus: readonly string[], atLeast = 1) => {
    const kept = await vocabularyOf(corpus, { tokenizer: path, atLeast });
    return { kept, ...(await pruneTokenizer(path, kept)) };
  };

  test('the corpus has the same tokens as before, by their new numbers', async () => {
    const { kept, tokenizer } = await cut(CORPUS);
    expect(kept.length).toBeLessThan(old.size);
    expect(tokenizer.size).toBe(kept.length);
    for (const text of CORPUS) {
      const before = old.encode(text);
      expect(tokenizer.encode(text)).toEqual(Array.from(remapTokens(before, kept)));
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(old.decode(before));
    }
    const texts = (of: Tokenizer, ids: readonly number[]) => ids.map(id => of.decode([id], { special: true }));
    expect(texts(tokenizer, [...kept.keys()])).toEqual(texts(old, [...kept]));
    expect([tokenizer.bos, tokenizer.eos, tokenizer.pad].map(id => id !== undefined && kept[id])).toEqual(
      [old.bos, old.eos, old.pad].map(id => id !== undefined && id),
    );
  });

  test('so has every corpus', async () => {
    const corpora = fc.array(
      fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 6 }).map(words => words.join(' ')),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(corpora, async corpus => {
        const { kept, tokenizer } = await cut(corpus);
        for (const text of corpus) {
          expect(tokenizer.encode(text)).toEqual(Array.from(remapTokens(old.encode(text), kept)));
        }
      }),
      { seed: 5, numRuns: 25 },
    );
  });

  test('another text is still encoded, in more and smaller pieces', async () => {
    const { kept, tokenizer } = await cut(CORPUS.slice(0, 1));
    const [before, after] = [old.encode(CORPUS[1]), tokenizer.encode(CORPUS[1])];
    expect(before.some(id => !kept.includes(id))).toBe(true);
    expect(after.length).toBeGreaterThan(before.length);
    expect(Math.max(...after)).toBeLessThan(kept.length);
    if (kind !== 'wordPiece') expect(tokenizer.decode(after)).toBe(CORPUS[1]);
    // Of letters that the corpus has; WordPiece writes no spaces that a text has not, and small letters.
    const whole = await cut(CORPUS);
    expect(whole.tokenizer.decode(whole.tokenizer.encode(OTHER))).toBe(OTHER);
  });

  test('tokens that come less often than asked go, and texts of the others are encoded as before', async () => {
    const { kept, tokenizer } = await cut(CORPUS, 2);
    expect(kept.length).toBeLessThan((await cut(CORPUS)).kept.length);
    const texts = WORDS.filter(word => old.encode(word).every(id => kept.includes(id)));
    expect(texts.length).toBeGreaterThan(3);
    for (const text of texts) expect(tokenizer.encode(text)).toEqual(Array.from(remapTokens(old.encode(text), kept)));
  });

  test('numbers of tokens are a corpus as well, one at a time', async () => {
    async function* stream() {
      for (const text of CORPUS) yield Int32Array.from(old.encode(text));
    }
    expect(await vocabularyOf(stream(), { tokenizer: path })).toEqual((await cut(CORPUS)).kept);
  });

  test('what the tokenizer needs has to be kept', async () => {
    const { kept } = await cut(CORPUS);
    const error = await rejection(pruneTokenizer(path, kept.slice(1)));
    expect(error.code).toBe('bad-option');
    expect(error.message).toMatch(
      /kept to be all that the tokenizer needs, got none of 0\. Pass what vocabularyOf gives/,
    );
  });

  test('files that are written are read back', async () => {
    const { files, tokenizer } = await cut(CORPUS);
    const folder = newFolder();
    await writeSafetensors(folder, [], { beside: files });
    const back = await loadTokenizer(folder);
    for (const text of [...CORPUS, OTHER]) expect(back.encode(text)).toEqual(tokenizer.encode(text));
  });
});

test('what is unknown to a WordPiece of few letters has the token for that', async () => {
  const kept = await vocabularyOf(['the dog'], { tokenizer: fixture('wordPiece') });
  const { tokenizer } = await pruneTokenizer(fixture('wordPiece'), kept);
  const { encode, decode } = tokenizer;
  const unknown = Array.from(kept).indexOf(1);
  expect(encode('zoo', { special: false })).toEqual([unknown]);
  expect(decode(encode('the god'))).toBe('the god');
});

test('of numbers alone those that occur and those that are asked for are kept', async () => {
  expect([...(await vocabularyOf([[9, 3, 9], [4]], { also: [0, 3] }))]).toEqual([0, 3, 4, 9]);
  expect([...(await vocabularyOf([[9, 3, 9], [4]], { atLeast: 2 }))]).toEqual([9]);
  expect([...remapTokens([9, 4, 9], Int32Array.of(0, 4, 9))]).toEqual([2, 1, 2]);
});

/** A tokenizer.json, so far as it is changed and looked at here. */
interface Main {
  model: { vocab: Record<string, unknown>; merges: (string | string[])[]; [key: string]: unknown };
  post_processor: { special_tokens: Record<string, { ids?: number[] }>; [key: string]: unknown };
  padding: { pad_id: number };
  [key: string]: unknown;
}

function mainOf(kind: string): Main {
  return JSON.parse(readFileSync(join(fixture(kind), 'tokenizer.json'), 'utf8')) as Main;
}

/** A folder with the tokenizer `kind`, its JSON changed, and other files beside it. */
function changed(kind: string, change: (json: Main) => void, beside: Readonly<Record<string, unknown>> = {}): string {
  const folder = newFolder();
  cpSync(fixture(kind), folder, { recursive: true });
  const json = mainOf(kind);
  change(json);
  for (const [name, content] of Object.entries({ ...beside, 'tokenizer.json': json })) {
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

/** The files of a tokenizer cut to `CORPUS`, as text. */
async function filesOf(folder: string) {
  const kept = await vocabularyOf(CORPUS, { tokenizer: folder });
  const { files } = await pruneTokenizer(folder, kept);
  const texts = new Map(files.map(({ name, parts }) => [name, Buffer.concat(parts).toString()]));
  const json = (name: string) => JSON.parse(texts.get(name)!) as Record<string, unknown>;
  return { kept, texts, json, main: json('tokenizer.json') as Main };
}

test('what lies beside counts the tokens anew', async () => {
  const { vocab, merges } = mainOf('llama').model;
  const and = vocab['\u2581and'] as number;
  const folder = changed('llama', () => undefined, {
    'tokenizer_config.json': {
      bos_token: '<s>',
      pad_token: '\u2581and',
      added_tokens_decoder: { 2: { content: '</s>' } },
    },
    'special_tokens_map.json': { eos_token: { content: '</s>' } },
    'added_tokens.json': { '</s>': 2 },
    'generation_config.json': {
      eos_token_id: [2, and],
      pad_token_id: 1,
      temperature: 0.5,
      suppress_tokens: null,
    },
    'vocab.json': vocab,
    'merges.txt': merges.map(spaced).join('\n'),
    'tokenizer.model': 'opaque',
  });
  const { kept, texts, json, main } = await filesOf(folder);
  const numberOf = (id: number) => Array.from(kept).indexOf(id);
  expect([...texts.keys()].sort()).toEqual([
    'added_tokens.json',
    'generation_config.json',
    'merges.txt',
    'special_tokens_map.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'vocab.json',
  ]);
  expect(json('generation_config.json')).toEqual({
    eos_token_id: [numberOf(2), numberOf(and)],
    pad_token_id: numberOf(1),
    temperature: 0.5,
    suppress_tokens: null,
  });
  expect(json('tokenizer_config.json').added_tokens_decoder).toEqual({ [numberOf(2)]: { content: '</s>' } });
  expect(json('added_tokens.json')).toEqual({ '</s>': numberOf(2) });
  const { model } = main;
  expect(json('vocab.json')).toEqual(model.vocab);
  expect(Object.values(model.vocab)).toEqual([...kept.keys()]);
  expect(texts.get('merges.txt')!.split('\n').slice(1, -1)).toEqual(model.merges.map(spaced));
  expect(model.merges.length).toBeLessThan(merges.length);
});

test('a WordPiece has its list of pieces beside it, and numbers in its templates', async () => {
  const folder = changed('wordPiece', () => undefined, { 'vocab.txt': 'old' });
  const { kept, texts, main } = await filesOf(folder);
  expect(texts.get('vocab.txt')!.trimEnd().split('\n')).toEqual(Object.keys(main.model.vocab));
  expect(main.post_processor.special_tokens['[SEP]'].ids).toEqual([Array.from(kept).indexOf(3)]);
  expect(main.padding.pad_id).toBe(Array.from(kept).indexOf(0));
});

test('other post_processors, merges as text, and ends of words', async () => {
  const processors = [
    { type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 1] },
    { type: 'ByteLevel', trim_offsets: true },
  ];
  const roberta = changed('llama', json => Object.assign(json, { post_processor: { type: 'Sequence', processors } }));
  const { kept, main } = await filesOf(roberta);
  const [first, second] = main.post_processor.processors as typeof processors;
  expect([first.sep, first.cls, second]).toEqual([
    ['</s>', Array.from(kept).indexOf(2)],
    ['<s>', Array.from(kept).indexOf(1)],
    processors[1],
  ]);
  const text = changed('byteLevel', ({ model }) => {
    model.merges = model.merges.map(spaced);
    delete model.type;
  });
  const whole = changed('byteLevel', () => undefined);
  const [asText, asPairs] = [await filesOf(text), await filesOf(whole)];
  expect(asText.kept).toEqual(asPairs.kept);
  expect(asText.main.model.merges).toEqual(asPairs.main.model.merges.map(spaced));
});

function spaced(pair: string | string[]): string {
  return [pair].flat().join(' ');
}

test('a token is kept with what it is merged from, to the end of a word', async () => {
  const model = {
    type: 'BPE',
    unk_token: null,
    end_of_word_suffix: '</w>',
    vocab: { a: 0, b: 1, 'b</w>': 2, c: 3, ab: 4, 'ab</w>': 5, 'cab</w>': 6, ca: 7, 'c</w>': 8, 'a</w>': 9 },
    merges: [['a', 'b</w>'], ['c', 'a'], ['c', 'ab</w>'], ['a', 'b']], // prettier-ignore
  };
  const folder = changed('byteLevel', json => {
    Object.assign(json, { model, added_tokens: [], pre_tokenizer: null, decoder: null });
  });
  // All single symbols are needed, as there is no token for what is unknown.
  const kept = await vocabularyOf([[6]], { tokenizer: folder });
  expect([...kept]).toEqual([0, 1, 2, 3, 5, 6, 8, 9]);
  const { files } = await pruneTokenizer(folder, kept);
  const json = JSON.parse(Buffer.concat(files[0].parts).toString()) as { model: { merges: unknown } };
  expect(json.model.merges).toEqual([['a', 'b</w>'], ['c', 'ab</w>']]); // prettier-ignore
});

describe('refused', () => {
  const set = (json: Main, values: object): unknown => Object.assign(json, values);
  const tokenizers: [string, string, (json: Main) => void, RegExp][] = [
    [
      'Unigram',
      'llama',
      json => set(json, { model: { type: 'Unigram', vocab: [['a', 0]] } }),
      /a model of tokens BPE or WordPiece, got Unigram/,
    ],
    ['chance', 'llama', json => (json.model.dropout = 0.1), /no dropout, got 0\.1/],
    [
      'prefixes',
      'llama',
      json => (json.model.continuing_subword_prefix = '##'),
      /no continuing_subword_prefix, got "##"/,
    ],
    [
      'merges of nothing',
      'llama',
      json => (json.model.merges[3] = ['x', 'yz']),
      /merge 3 to be of tokens, got \["x","yz"\]/,
    ],
    ['merges of one', 'llama', json => (json.model.merges[0] = 'x'), /merges of two tokens each/],
    ['twins', 'llama', json => (json.model.vocab['<s>'] = 0), /a number of its own for each token/],
    ['a word for a number', 'llama', json => (json.model.vocab['<s>'] = 'one'), /a number for token "<s>", got "one"/],
    ['no model', 'llama', json => set(json, { model: undefined }), /a model of tokens, got none/],
    [
      'a strange post_processor',
      'llama',
      json => set(json, { post_processor: { type: 'Magic' } }),
      /a post_processor that is understood, got "Magic"\. It may hold/,
    ],
    [
      'a template without numbers',
      'wordPiece',
      json => (json.post_processor.special_tokens['[SEP]'] = {}),
      /ids of \[SEP\] in the post_processor/,
    ],
    [
      'a pair without number',
      'llama',
      json => set(json, { post_processor: { type: 'BertProcessing', sep: ['x'] } }),
      /a BertProcessing of tokens with numbers/,
    ],
    [
      'a number of no token',
      'wordPiece',
      json => (json.padding.pad_id = 9999),
      /only numbers of its tokens, got 9999 elsewhere/,
    ],
    [
      'added tokens of another form',
      'llama',
      json => (json.added_tokens = ['<s>']),
      /added_tokens with id and content/,
    ],
  ];
  test.each(tokenizers)('%s', async (_, kind, change, message) => {
    const folder = changed(kind, change);
    const error = await rejection(vocabularyOf([[0]], { tokenizer: folder }));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`tokenizer "${join(folder, 'tokenizer.json')}"`);
  });

  test('lists of tokens in a generation_config.json', async () => {
    const folder = changed('llama', () => undefined, { 'generation_config.json': { suppress_tokens: [1] } });
    const error = await rejection(vocabularyOf([[0]], { tokenizer: folder }));
    expect(error.message).toMatch(/no suppress_tokens in generation_config\.json, got \[1\]\. Remove it/);
  });

  test('corpora and tokens that do not fit', async () => {
    const path = fixture('llama');
    const codes = async (pending: Promise<unknown>) => (await rejection(pending)).message;
    expect(await codes(vocabularyOf([]))).toMatch(/vocabularyOf: expected at least one token, .* got none/);
    expect(await codes(vocabularyOf([[1, 420]], { tokenizer: path }))).toMatch(/numbers of tokens, below 420, got 420/);
    expect(await codes(vocabularyOf([[1]], { tokenizer: path, also: [-1] }))).toMatch(/got -1/);
    expect(await codes(vocabularyOf(['text']))).toMatch(/a tokenizer for texts, got none\. Pass its folder/);
    expect(await codes(vocabularyOf([[1]], { atLeast: 0 }))).toMatch(/atLeast to be an integer >= 1/);
    expect(await codes(pruneTokenizer(path, Int32Array.of(1, 1)))).toMatch(
      /ascending numbers of tokens, below 420, got 1 at 1/,
    );
    expect(await codes(pruneTokenizer(path, new Int32Array()))).toMatch(/got none/);
    expect(refusal(() => remapTokens([7], Int32Array.of(1, 2))).message).toMatch(
      /tokens that are kept, got 7\. Encode/,
    );
    const aborted = vocabularyOf([[1]], { signal: AbortSignal.abort() });
    expect((await rejection(aborted)).code).toBe('aborted');
  });
});
