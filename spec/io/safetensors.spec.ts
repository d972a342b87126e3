/** Safetensors, read and written: against files of the Python package, and every way in which a file can lie. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ndarray } from '../../lib/core/array';
import { random } from '../../lib/core/random';
import { decodeFloats, encodeFloats } from '../../lib/io/dtypes';
import { openSafetensors, safetensorsFromBytes } from '../../lib/io/safetensors';
import { tensorToWrite, writeSafetensors, type TensorToWrite } from '../../lib/io/safetensorsWriter';
import { rejection } from '../zoo/refusal';
import { contents, newFolder, removeFolders } from './folder';
import { safetensorsBytes } from './safetensorsBytes';

const FIXTURES = join(__dirname, 'fixtures/safetensors');
const TYPES: Record<string, 'F32' | 'F16' | 'BF16'> = {
  'torch.float32': 'F32',
  'torch.float16': 'F16',
  'torch.bfloat16': 'BF16',
};

afterEach(removeFolders);

interface Described {
  readonly dtype: string;
  readonly shape: number[];
  readonly values: string[];
}

const described = (): Record<string, Described> =>
  JSON.parse(readFileSync(join(FIXTURES, 'floats.json'), 'utf8')) as Record<string, Described>;

const numberOf = (text: string): number => Number(text.replace('inf', 'Infinity'));

/** The float32 of which these are the bits. */
const float = (bits: number): number => new Float32Array(new Uint32Array([bits]).buffer)[0];

describe('a file of the Python package', () => {
  test('is read to the last bit, tensor by tensor', async () => {
    const files = await openSafetensors(join(FIXTURES, 'floats.safetensors'));
    expect(files.metadata).toEqual({ format: 'pt' });
    const expected = described();
    expect([...files.tensors.keys()].sort()).toEqual(Object.keys(expected).sort());
    for (const [name, { dtype, shape, values }] of Object.entries(expected)) {
      expect(files.tensors.get(name)).toMatchObject({ dtype: TYPES[dtype], shape });
      const read = await files.read(name);
      expect(read).toMatchObject({ shape, dtype: 'float32' });
      expect(Array.from(read.data)).toEqual(values.map(numberOf));
    }
  });

  test('is written with the same bytes', async () => {
    const tensors = Object.entries(described()).map(([name, { dtype, shape, values }]) =>
      tensorToWrite(name, ndarray(Float32Array.from(values, numberOf), shape), TYPES[dtype]),
    );
    const expected = readFileSync(join(FIXTURES, 'floats.safetensors')).toString('hex');
    for (const order of [tensors, [...tensors].reverse()]) {
      const folder = newFolder();
      await writeSafetensors(folder, order);
      expect(contents(folder)).toEqual({ 'model.safetensors': expected });
    }
  });

  test('may hold other dtypes, which are listed and refused when asked for', async () => {
    const files = await openSafetensors(join(FIXTURES, 'others.safetensors'));
    const dtypes = [...files.tensors].map(([name, { dtype }]) => [name, dtype]);
    expect(Object.fromEntries(dtypes)).toEqual({ whole: 'I64', flags: 'BOOL', eighth: 'F8_E4M3', value: 'F32' });
    expect(Array.from((await files.read('value')).data)).toEqual([1.5]);
    const error = await rejection(files.read('whole'));
    expect(error.message).toMatch(/others\.safetensors", tensor "whole": expected dtype F32, F16, BF16, got I64\./);
    expect(Array.from(await files.readBytes('flags'))).toEqual([1, 0, 1]);
    expect(Array.from(await files.readBytes('whole', 8, 10))).toEqual([2, 0]);
    expect((await rejection(files.readBytes('flags', 1, 4))).code).toBe('bad-option');
  });
});

describe('numbers', () => {
  test.each(['F16', 'BF16'] as const)('every %s is written as it was read', dtype => {
    const stored = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
    const values = decodeFloats(new Uint8Array(stored.buffer), dtype);
    const again = new Uint16Array(encodeFloats(values, dtype).buffer);
    const differ = stored.filter((bits, i) => again[i] !== bits && !Number.isNaN(values[i]));
    expect(Array.from(differ)).toEqual([]);
    expect(
      Array.from(again).filter((bits, i) => Number.isNaN(values[i]) && !(bits & (dtype === 'F16' ? 0x3ff : 0x7f))),
    ).toEqual([]);
  });

  test('BF16 rounds to the nearest, ties to even', () => {
    const cases: [number, number][] = [
      [0x3f808000, 0x3f80], // half-way, even below
      [0x3f818000, 0x3f82],
      [0x3f808001, 0x3f81],
      [0x3f807fff, 0x3f80],
      [0xbf818000, 0xbf82],
      [0x7f7f7fff, 0x7f7f],
      [0x00008000, 0x0000],
      [0x00018000, 0x0002],
    ];
    const values = Float32Array.from(cases, ([bits]) => float(bits));
    const stored = new Uint16Array(encodeFloats(values, 'BF16').buffer);
    expect(Array.from(stored)).toEqual(cases.map(([, expected]) => expected));
  });

  test.each(['F16', 'BF16'] as const)('beyond the end of %s are refused', async dtype => {
    const large = tensorToWrite('w', ndarray(Float32Array.of(1, Infinity, 3.4e38), [3]), dtype);
    const folder = newFolder();
    const error = await rejection(writeSafetensors(folder, [large]));
    expect(error.code).toBe('bad-weights');
    expect(error.message).toMatch(
      /tensor "w": expected values that B?F16 can hold, got 3\.39.*e\+38\. Write it as F32\./,
    );
    expect(contents(folder)).toEqual({});
  });
});

function someTensors(count: number): TensorToWrite[] {
  const { normal } = random(4, 'tensors');
  return Array.from({ length: count }, (_, i) => {
    const shape = [i + 1, 3];
    const data = Float32Array.from({ length: 3 * (i + 1) }, () => Math.fround(normal()));
    return tensorToWrite(`layer.${i}`, ndarray(data, shape), (['F32', 'BF16', 'F16'] as const)[i % 3]);
  });
}

const bytesOf = ({ parts }: TensorToWrite): string =>
  Buffer.concat([...(parts() as Iterable<Uint8Array>)]).toString('hex');

describe('shards', () => {
  test('hold no more than asked for, list everything, and read back byte for byte', async () => {
    const tensors = someTensors(12);
    const folder = newFolder();
    await writeSafetensors(folder, tensors, { shardBytes: 200, metadata: { format: 'pt', by: 'a spec' } });
    const names = Object.keys(contents(folder));
    expect(names.length).toBeGreaterThan(3);
    expect(names).toContain('model.safetensors.index.json');
    expect(names).toContain(`model-00001-of-0000${names.length - 1}.safetensors`);
    const files = await openSafetensors(folder);
    expect(files.metadata).toEqual({ format: 'pt', by: 'a spec' });
    expect([...files.tensors.keys()].sort()).toEqual(tensors.map(({ name }) => name).sort());
    const sizes = new Map<string, number>();
    for (const [name, { file, byteLength, from }] of files.tensors) {
      sizes.set(file, (sizes.get(file) ?? 0) + byteLength);
      const tensor = tensors.find(each => each.name === name)!;
      expect(Buffer.from(await files.readBytes(name)).toString('hex')).toBe(bytesOf(tensor));
      expect(from % (tensor.dtype === 'F32' ? 4 : 2)).toBe(0);
    }
    expect(Math.max(...sizes.values())).toBeLessThanOrEqual(200);
    const again = newFolder();
    await writeSafetensors(again, [...tensors].reverse(), {
      shardBytes: 200,
      metadata: { by: 'a spec', format: 'pt' },
    });
    expect(contents(again)).toEqual(contents(folder));
  });

  test('replace a checkpoint that is there, with what lies beside it, and leave other files alone', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    const beside = (text: string) => [{ name: 'config.json', parts: [Buffer.from(text)] }];
    await writeSafetensors(folder, someTensors(6), { shardBytes: 100, beside: beside('old') });
    await writeSafetensors(folder, someTensors(2), { beside: beside('new') });
    expect(Object.keys(contents(folder))).toEqual(['config.json', 'model.safetensors', 'notes.txt']);
    expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe('new');
    await writeSafetensors(folder, someTensors(6), { shardBytes: 100 });
    expect(Object.keys(contents(folder))).not.toContain('model.safetensors');
    expect((await openSafetensors(folder)).tensors.size).toBe(6);
  });

  test('stay as they were when a tensor cannot be made', async () => {
    const folder = newFolder();
    await writeSafetensors(folder, someTensors(6), { shardBytes: 100 });
    const before = contents(folder);
    const broken: TensorToWrite = { name: 'x', dtype: 'F32', shape: [3], parts: () => [new Uint8Array(8)] };
    const error = await rejection(writeSafetensors(folder, [...someTensors(4), broken], { shardBytes: 100 }));
    expect(error.code).toBe('bad-weights');
    expect(error.message).toMatch(/tensor "x": expected 12 bytes, got 8\./);
    expect(contents(folder)).toEqual(before);
  });

  test.each([
    ['a name twice', [someTensors(1)[0], someTensors(1)[0]], /two "layer.0"/],
    ['the name of the metadata', [{ ...someTensors(1)[0], name: '__metadata__' }], /keeps for itself/],
    ['a shape that is none', [{ ...someTensors(1)[0], shape: [-1] }], /whole numbers in the shape/],
    ['another dtype', [{ ...someTensors(1)[0], dtype: 'I64' as 'F32' }], /a dtype of F32, F16, BF16/],
  ])('are not written with %s', async (_, tensors, message) => {
    const error = await rejection(writeSafetensors(newFolder(), tensors));
    expect(error.code).toBe('bad-option');
    expect(error.message).toMatch(message);
  });

  const index = (change: (json: { weight_map: Record<string, unknown> }) => unknown) => (folder: string) => {
    const file = join(folder, 'model.safetensors.index.json');
    const json = JSON.parse(readFileSync(file, 'utf8')) as { weight_map: Record<string, unknown> };
    writeFileSync(file, JSON.stringify(change(json) ?? json));
  };
  const damages: [string, (folder: string) => unknown, RegExp][] = [
    [
      'missing',
      folder => rmSync(join(folder, 'model-00002-of-00002.safetensors')),
      /00002-of-00002.safetensors".*no such file/,
    ],
    ['promised another tensor', index(json => void (json.weight_map['y'] = json.weight_map['layer.0'])), /tensor "y"/],
    ['not told of a tensor', index(json => void delete json.weight_map['layer.0']), /also "layer.0"/],
    ['outside the folder', index(json => void (json.weight_map['layer.0'] = '../a.safetensors')), /beside the index/],
    ['a number', index(json => void (json.weight_map['layer.0'] = 3)), /beside the index, got 3/],
    ['without a map', index(() => ({})), /a weight_map from tensors to files, got none/],
    [
      'listed twice',
      folder => {
        const file = join(folder, 'model.safetensors.index.json');
        writeFileSync(file, readFileSync(file, 'utf8').replace('"layer.0"', '"layer.1": "a", "layer.0"'));
      },
      /expected every name once, got "layer.1" twice/,
    ],
  ];
  test.each(damages)('%s are refused', async (_, damage, message) => {
    const folder = newFolder();
    await writeSafetensors(folder, someTensors(6), { shardBytes: 100 });
    damage(folder);
    const error = await rejection(openSafetensors(folder));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(folder);
  });

  test('come from memory too', async () => {
    const folder = newFolder();
    await writeSafetensors(folder, someTensors(6), { shardBytes: 100 });
    const bytes = Object.entries(contents(folder)).map(([name, hex]) => [
      name,
      new Uint8Array(Buffer.from(hex, 'hex')),
    ]);
    const all = Object.fromEntries(bytes) as Record<string, Uint8Array>;
    const files = await safetensorsFromBytes(all);
    for (const name of files.tensors.keys()) {
      expect(await files.read(name)).toEqual(await (await openSafetensors(folder)).read(name));
    }
    const { 'model-00001-of-00002.safetensors': first, ...rest } = all;
    expect(first.length).toBeGreaterThan(0);
    expect((await rejection(safetensorsFromBytes(rest))).message).toMatch(
      /no such file\. Pass the bytes of all files\./,
    );
  });
});

describe('a file that lies', () => {
  const entry = (change: object = {}): object => ({ dtype: 'F32', shape: [2], data_offsets: [0, 8], ...change });
  const file = (header: object | string | Buffer, data = 8, length?: bigint): Uint8Array =>
    safetensorsBytes(header, new Uint8Array(data), length);
  const huge = 2 ** 53 - 1;
  const cases: [string, Uint8Array, RegExp][] = [
    ['is empty', new Uint8Array(0), /expected 8 bytes that hold the length of a header, got 0/],
    ['ends in its header', file({ a: entry() }).subarray(0, 30), /a header of at most the 22 that follow bytes/],
    ['has an endless header', file({ a: entry() }, 8, 2n ** 63n), /got a length of 9223372036854775808/],
    ['has no header', file('', 8), /a header that begins with "\{"/],
    ['is no JSON', file('{"a":', 8), /expected JSON/],
    ['is a list', file('[1]', 8), /begins with "\{", got "\[1\]"/],
    ['is no text', file(Buffer.from([0x7b, 0xff, 0x7d]), 8), /a header in UTF-8, got other bytes/],
    ['nests without end', file(`{"a":${'['.repeat(9999)}${']'.repeat(9999)}}`), /at most 200 levels/],
    [
      'has one name twice',
      file(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
      ),
      /"a" twice/,
    ],
    ['has one key twice', file('{"a":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,8]}}'), /"shape" twice/],
    ['overlaps', file({ a: entry(), b: entry({ data_offsets: [4, 12] }) }, 12), /"b".*from byte 8 on, got byte 4/],
    ['has twins', file({ a: entry(), b: entry() }, 8), /which another tensor has too/],
    ['has a hole', file({ a: entry(), b: entry({ data_offsets: [12, 20] }) }, 20), /"b".*got byte 12.*hole/],
    ['begins with a hole', file({ a: entry({ data_offsets: [4, 12] }) }, 12), /got byte 4, which leaves a hole/],
    ['ends with a hole', file({ a: entry() }, 12), /expected 8 bytes of data, got 12, some of no tensor/],
    ['is cut off', file({ a: entry() }, 7), /ends within the file's 7 bytes of data, got byte 8/],
    [
      'has the wrong shape',
      file({ a: entry({ shape: [3] }) }),
      /12 bytes for shape \[3\] of F32, got data_offsets of 8/,
    ],
    ['has the wrong dtype', file({ a: entry({ dtype: 'F16' }) }), /4 bytes for shape \[2\] of F16, got/],
    ['has a dtype of its own', file({ a: entry({ dtype: 'Q4' }) }), /tensor "a": expected a dtype of BOOL.*got "Q4"/],
    ['has a dtype of JavaScript', file({ a: entry({ dtype: 'toString' }) }), /got "toString"/],
    ['has no dtype', file({ a: entry({ dtype: undefined }) }), /got none/],
    ['has a negative size', file({ a: entry({ shape: [-2] }) }), /whole numbers of at least 0, got \[-2\]/],
    ['has half a size', file({ a: entry({ shape: [0.5, 4] }) }), /whole numbers/],
    ['has a huge size', file({ a: entry({ shape: [huge, huge] }) }), /bytes for shape/],
    ['has a size beyond', file({ a: entry({ shape: [2 ** 53] }) }), /whole numbers/],
    [
      'has an endless size',
      file('{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,8]}}'),
      /that a double can hold/,
    ],
    ['has no shape', file({ a: entry({ shape: undefined }) }), /whole numbers of at least 0, got none/],
    ['goes backwards', file({ a: entry({ data_offsets: [8, 0] }) }), /from <= to, got \[8,0\]/],
    ['has one offset', file({ a: entry({ data_offsets: [8] }) }), /from <= to, got \[8\]/],
    ['has offsets in words', file({ a: entry({ data_offsets: ['0', '8'] }) }), /from <= to/],
    [
      'ends far away',
      file({ a: entry({ shape: [huge - 3], dtype: 'U8', data_offsets: [0, huge - 3] }) }),
      /ends within/,
    ],
    ['has an entry that is none', file({ a: 3 }), /tensor "a": expected an entry, got 3/],
    ['has metadata that is none', file({ __metadata__: { a: 1 }, a: entry() }), /words in __metadata__/],
  ];
  test.each(cases)('%s', async (_, bytes, message) => {
    const path = join(newFolder(), 'a.safetensors');
    writeFileSync(path, bytes);
    const error = await rejection(openSafetensors(path));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(path);
    expect(error.message.split('\n').length).toBe(1);
    expect(error.message.length).toBeLessThan(800);
    expect((await rejection(safetensorsFromBytes(bytes))).message).toMatch(message);
  });

  test('or has changed since', async () => {
    const path = join(newFolder(), 'a.safetensors');
    writeFileSync(path, file({ a: entry() }));
    const files = await openSafetensors(path);
    writeFileSync(path, '');
    expect((await rejection(files.read('a'))).message).toMatch(/got fewer than when it was opened/);
  });
});

describe('what is not there', () => {
  test.each([
    [
      'a file',
      (folder: string) => join(folder, 'x.safetensors'),
      /x\.safetensors": expected a safetensors file, got no such file/,
    ],
    ['a checkpoint', (folder: string) => folder, /expected a file model.safetensors or .*, got a folder without/],
    ['a path', () => '', /the path of a file or folder, got ""/],
    ['an address', () => 'https://example.org/model.safetensors', /Download the files first/],
  ])('%s', async (_, pathIn, message) => {
    expect((await rejection(openSafetensors(pathIn(newFolder())))).message).toMatch(message);
  });

  test('a tensor: one is named that ends alike', async () => {
    const files = await openSafetensors(join(FIXTURES, 'floats.safetensors'));
    const { message } = await rejection(files.read('transformer.layers.2.weight'));
    expect(message).toMatch(
      /a tensor "transformer\.layers\.2\.weight", got none among 10, for example "model\.layers\.2\.weight"/,
    );
  });
});
