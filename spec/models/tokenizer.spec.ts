/** Tokenizers: the numbers that Python's `tokenizers` and llama2.c's own code give. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as tokenizers from '../../lib/models/tokenizer';
import { loadTokenizer, parseTokenizer, requireTokenizer } from '../../lib/models/tokenizer';
import type { Tokenizer } from '../../lib/models/tokens';
import { newFolder, removeFolders } from '../io/folder';
import { refusal, rejection } from '../zoo/refusal';
import { DATA } from './data';

afterEach(removeFolders);

interface Row {
  readonly text: string;
  readonly plain: number[];
  readonly special: number[];
  readonly decoded: string;
}

const FIXTURES = join(__dirname, 'fixtures');
const READ = JSON.parse(readFileSync(join(FIXTURES, 'tokenizers.json'), 'utf8')) as Record<
  string,
  { size: number; rows: Row[] }
>;

const FOLDERS: [string, string][] = [
  ['llama', join(FIXTURES, 'llama')],
  ['byteLevel', join(FIXTURES, 'byteLevel')],
  ['wordPiece', join(FIXTURES, 'wordPiece')],
  ['llama2c', join(FIXTURES, 'llama2c')],
  ['stories260K', join(DATA, 'llama/stories260K')],
  ['tinystories', join(DATA, 'llama/tinystories-656k-hf')],
];

describe.each(FOLDERS)('%s', (name, folder) => {
  const here = existsSync(folder) ? test : test.skip;
  const { size, rows } = READ[name];

  here('gives the numbers of the reference, and the text back', async () => {
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.size).toBe(size);
    for (const { text, plain, special, decoded } of rows) {
      expect([text, tokenizer.encode(text, { special: false })]).toEqual([text, plain]);
      expect([text, tokenizer.encode(text)]).toEqual([text, special]);
      // Around special tokens, and where something is unknown, the packages put spaces differently; one loses a byte order mark.
      if (/[<[]|unk|UNK|^\ufeff/.test(text + decoded)) continue;
      expect([text, tokenizer.decode(special)]).toEqual([text, decoded]);
      expect([text, tokenizer.decode(Int32Array.from(plain))]).toEqual([text, decoded]);
    }
  });

  here('tells special tokens', async () => {
    const { bos, eos, pad } = await loadTokenizer(folder);
    const expected: Record<string, (number | undefined)[]> = {
      llama: [1, 2, undefined],
      byteLevel: [undefined, 0, undefined],
      wordPiece: [undefined, undefined, 0],
      llama2c: [1, 2, undefined],
      stories260K: [1, 2, undefined],
      tinystories: [1, 2, 0],
    };
    expect([bos, eos, pad]).toEqual(expected[name]);
  });

  here('keeps special tokens out of the text, or in it', async () => {
    const tokenizer = await loadTokenizer(folder);
    const ids = tokenizer.encode('the dog');
    const around = ids.length - tokenizer.encode('the dog', { special: false }).length;
    expect(tokenizer.decode(ids)).toBe('the dog');
    expect(tokenizer.decode(ids, { special: true }).length).toBeGreaterThan(around > 0 ? 'the dog'.length : 6);
    expect(tokenizer.decode([])).toBe('');
    expect(refusal(() => tokenizer.decode([ids[0], size])).message).toMatch(`below ${size}, got ${size}`);
    expect(refusal(() => tokenizer.decode([-1])).code).toBe('bad-option');
    expect(refusal(() => tokenizer.decode([0.5])).code).toBe('bad-option');
  });
});

describe('llama2.c', () => {
  const file = join(FIXTURES, 'llama2c/tokenizer.bin');
  const read = async (bytes: Uint8Array): Promise<Tokenizer> => {
    const path = join(newFolder(), 'tokenizer.bin');
    writeFileSync(path, bytes);
    return loadTokenizer(path);
  };

  test('a long text takes no longer than it has to, and comes back whole', async () => {
    const tokenizer = await loadTokenizer(file);
    const text = 'the king counted the stars and the dog had a red ball. '.repeat(4000);
    const start = process.cpuUsage();
    const ids = tokenizer.encode(text);
    expect(process.cpuUsage(start).user).toBeLessThan(20e6);
    expect(tokenizer.decode(ids)).toBe(text);
    const [, ...once] = tokenizer.encode('the king counted the stars and the dog had a red ball.');
    expect(ids.slice(1, 1 + once.length)).toEqual(once);
  });

  test.each([
    ['nothing', (bytes: Buffer) => bytes.subarray(0, 0), /token 0 to end within the file, got 0 bytes/],
    ['half a token', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1), /to end within the file/],
    ['few tokens', (bytes: Buffer) => bytes.subarray(0, 200), /end within|to be <0x/],
    ['a token without end', (bytes: Buffer) => (bytes.writeInt32LE(2 ** 30, 8), bytes), /token 0 to end within/],
    ['a token of negative length', (bytes: Buffer) => (bytes.writeInt32LE(-8, 8), bytes), /token 0 to end within/],
    ['a score that is none', (bytes: Buffer) => (bytes.writeFloatLE(NaN, 4), bytes), /a score for token 0, got NaN/],
    ['other bytes', () => Buffer.concat([Buffer.alloc(4), Buffer.alloc(8 * 300)]), /token 3 to be <0x00>, got ""/],
  ])('%s is refused', async (_, change, message) => {
    const error = await rejection(read(change(Buffer.from(readFileSync(file)))));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(message);
  });
});

describe('refused', () => {
  test.each([
    ['no JSON', '{', /expected JSON/],
    ['no tokenizer', '{}', /a model of tokens, got none/],
    ['an unknown model', '{"model":{"type":"Magic","vocab":3}}', /a tokenizer that can be built/],
  ])('%s', async (_, json, message) => {
    const error = await rejection(parseTokenizer(json, '{}', 'x/tokenizer.json'));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(message);
    expect(error.message).toContain('loadTokenizer "x/tokenizer.json"');
  });

  test('a folder without', async () => {
    expect((await rejection(loadTokenizer(newFolder()))).message).toMatch(
      /a tokenizer.json or tokenizer.bin, got a folder/,
    );
    expect((await rejection(loadTokenizer('no/where'))).message).toMatch(/no such file/);
  });

  test('more tokens than the model has', async () => {
    const tokenizer = await loadTokenizer(join(FIXTURES, 'llama'));
    requireTokenizer('loadLlama', tokenizer, tokenizer.size);
    const error = refusal(() => requireTokenizer('loadLlama', tokenizer, 300));
    expect(error.message).toMatch(/at most 300 tokens, as the model has, got 420\. Take both from one folder/);
  });
});

test('without the package one is told how to get it', async () => {
  jest.resetModules();
  jest.doMock('../../lib/runtime/importModule', () => ({
    importModule: (name: string) =>
      Promise.reject(Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' })),
  }));
  const { loadTokenizer: load } = jest.requireActual<typeof tokenizers>('../../lib/models/tokenizer');
  await expect(load(join(FIXTURES, 'llama'))).rejects.toThrow(
    /expected the package @huggingface\/tokenizers, which reads it, got it is not installed\. Run "npm install @huggingface\/tokenizers"\./,
  );
  jest.dontMock('../../lib/runtime/importModule');
});
