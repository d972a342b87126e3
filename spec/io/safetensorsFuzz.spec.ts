/**
 * Safetensors changed at random: each is refused in one clear line, or gives exactly the values that another reader finds in it;
 * nothing else is thrown, and never are more bytes asked for than the file has. FUZZ_RUNS=50000 FUZZ_SEED=2 for more.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PruneError } from '../../lib/core/errors';
import { random, type Random } from '../../lib/core/random';
import { memoryBytes, type ByteSource } from '../../lib/io/bytes';
import { isFloatType } from '../../lib/io/dtypes';
import { openTensorFiles, type TensorFiles } from '../../lib/io/safetensors';
import { safetensorsBytes } from './safetensorsBytes';

const { FUZZ_RUNS = '5000', FUZZ_SEED = '1' } = process.env;
const RUNS = Number(FUZZ_RUNS);
const MOST_KILOBYTES = 300e3;

jest.setTimeout(60_000 + 20 * RUNS);

type Entry = { dtype: string; shape: number[]; data_offsets: [number, number] };
type Header = Record<string, Entry>;

const FIXTURES = join(__dirname, 'fixtures/safetensors');
const BASES = [
  ...['floats', 'others'].map(name => new Uint8Array(readFileSync(join(FIXTURES, `${name}.safetensors`)))),
  safetensorsBytes(
    {
      a: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
      b: { dtype: 'F32', shape: [3, 2], data_offsets: [24, 48] },
      c: { dtype: 'BF16', shape: [4], data_offsets: [48, 56] },
      d: { dtype: 'F16', shape: [2, 2], data_offsets: [56, 64] },
    },
    Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 11) % 256),
  ),
];

test(`${FUZZ_RUNS} files changed at random, seed ${FUZZ_SEED}`, async () => {
  const outcomes = { read: 0, refused: 0 };
  const failures: string[] = [];
  const memory = process.resourceUsage().maxRSS;
  for (let run = 0; run < RUNS; run++) {
    const draw = random(Number(FUZZ_SEED), 'safetensors', run);
    const { bytes, changes } = mutate(BASES[run % BASES.length], draw);
    try {
      outcomes[await judge(bytes)]++;
    } catch (error) {
      failures.push(`${run}: ${changes.join('; ')}: ${String((error as Error).stack).slice(0, 1000)}`);
    }
  }
  expect(failures.slice(0, 5)).toEqual([]);
  expect(process.resourceUsage().maxRSS - memory).toBeLessThan(MOST_KILOBYTES);
  expect(outcomes.read).toBeGreaterThan(0.15 * RUNS);
  expect(outcomes.refused).toBeGreaterThan(0.4 * RUNS);
});

test('the other reader agrees on what was not changed, and knows what is wrong', async () => {
  for (const bytes of BASES) expect(await judge(bytes)).toBe('read');
  const hole = safetensorsBytes({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, new Uint8Array(8));
  expect(() => expected(hole)).toThrow('hole');
});

async function judge(bytes: Uint8Array): Promise<'read' | 'refused'> {
  const source = watched(memoryBytes('x.safetensors', bytes));
  const got = await contentOf(source);
  if (got === undefined) return 'refused';
  const others = expected(bytes);
  if (JSON.stringify([...got]) !== JSON.stringify([...others])) {
    throw new Error(`${JSON.stringify([...got]).slice(0, 300)} is not ${JSON.stringify([...others]).slice(0, 300)}`);
  }
  return 'read';
}

/** Of every tensor its shape and values as text, so that all that is not a number is equal; undefined for a refusal. */
async function contentOf(source: ByteSource): Promise<Map<string, unknown> | undefined> {
  let files: TensorFiles;
  try {
    files = await openTensorFiles('x.safetensors', async () => source);
  } catch (error) {
    requireClear(error);
    return undefined;
  }
  const content = new Map<string, unknown>();
  for (const [name, { dtype, shape }] of [...files.tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!isFloatType(dtype)) {
      await files.read(name).then(
        () => Promise.reject(new Error(`${dtype} was read`)),
        (error: unknown) => requireClear(error),
      );
      content.set(name, dtype);
    } else content.set(name, [shape, Array.from((await files.read(name)).data, String)]);
  }
  return content;
}

function requireClear(error: unknown): void {
  if (!(error instanceof PruneError)) throw error;
  const { code, message } = error;
  const clear = code === 'bad-file' && message.length < 1000 && !/\p{Cc}/u.test(message);
  if (!clear || !message.includes('x.safetensors')) throw new Error(`unclear: ${code} ${message.slice(0, 300)}`);
}

/** Throws when more is asked for than there is, which is what is allocated. */
function watched(source: ByteSource): ByteSource {
  return {
    ...source,
    read: (into, from) => {
      if (into.length > source.size) throw new Error(`${into.length} bytes asked for, of ${source.size}`);
      return source.read(into, from);
    },
  };
}

/** Written from the description of the format alone. */
function expected(bytes: Uint8Array): Map<string, unknown> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const starts = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(Buffer.from(bytes.subarray(8, starts)).toString()) as Header;
  const content = new Map<string, unknown>();
  const covered = new Uint8Array(bytes.length - starts);
  const widths: Record<string, number> = { F32: 4, F16: 2, BF16: 2, I64: 8, BOOL: 1, F8_E4M3: 1 };
  for (const name of Object.keys(header).sort()) {
    if (name === '__metadata__') continue;
    const { dtype, shape, data_offsets: offsets } = header[name];
    const count = shape.reduce((product, size) => product * size, 1);
    const width = widths[dtype] ?? (offsets[1] - offsets[0]) / count;
    if (count * width !== offsets[1] - offsets[0] && count !== 0) throw new Error(`wrong length of ${name}`);
    for (let at = offsets[0]; at < offsets[1]; at++) covered[at]++;
    if (!['F32', 'F16', 'BF16'].includes(dtype)) {
      content.set(name, dtype);
      continue;
    }
    const values = Array.from({ length: count }, (_, i) => valueAt(view, starts + offsets[0] + width * i, dtype));
    content.set(name, [shape, values.map(String)]);
  }
  if (covered.some(times => times !== 1)) throw new Error('hole or overlap');
  return content;
}

function valueAt(view: DataView, at: number, dtype: string): number {
  if (dtype === 'F32') return view.getFloat32(at, true);
  const bits = view.getUint16(at, true);
  const [exponentBits, fractionBits] = dtype === 'F16' ? [5, 10] : [8, 7];
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const sign = bits >> 15 ? -1 : 1;
  if (exponent === 2 ** exponentBits - 1) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

type Change = (bytes: Uint8Array, draw: Random) => { bytes: Uint8Array; change: string };

function mutate(base: Uint8Array, draw: Random): { bytes: Uint8Array; changes: string[] } {
  let bytes: Uint8Array = base.slice();
  const changes: string[] = [];
  for (let left = oneOf(draw, [1, 1, 1, 2, 3]); left > 0; left--) {
    const done = oneOf(draw, [flip, flip, cut, grow, relength, retext, edit, edit, edit, edit])(bytes, draw);
    bytes = done.bytes;
    changes.push(done.change);
  }
  return { bytes, changes };
}

function pick(draw: Random, count: number): number {
  return Math.min(count - 1, Math.floor(draw.uniform() * count));
}

function oneOf<T>(draw: Random, list: readonly T[]): T {
  return list[pick(draw, list.length)];
}

const flip: Change = (bytes, draw) => {
  const at = pick(draw, Math.max(1, bytes.length));
  const changed = bytes.slice();
  if (at < changed.length) changed[at] ^= 1 << pick(draw, 8);
  return { bytes: changed, change: `flip at ${at}` };
};

const cut: Change = (bytes, draw) => {
  const at = pick(draw, bytes.length + 1);
  return { bytes: bytes.slice(0, at), change: `cut at ${at}` };
};

const grow: Change = (bytes, draw) => {
  const more = oneOf(draw, [1, 4, 8, 64]);
  const changed = new Uint8Array(bytes.length + more);
  changed.set(bytes);
  return { bytes: changed, change: `${more} more` };
};

const relength: Change = (bytes, draw) => {
  const changed = bytes.slice();
  const length = oneOf(draw, [0n, 1n, 7n, 2n ** 31n, 2n ** 53n, 2n ** 64n - 1n, BigInt(bytes.length)]);
  if (changed.length >= 8) new DataView(changed.buffer).setBigUint64(0, length, true);
  return { bytes: changed, change: `length ${length}` };
};

/** One character of the header. */
const retext: Change = (bytes, draw) => {
  const changed = bytes.slice();
  const at = 8 + pick(draw, Math.max(1, Math.min(bytes.length - 8, 300)));
  const character = oneOf(draw, ['"', '{', '}', '[', ']', ',', ':', '0', '9', '-', 'e', ' ', '\\', '\0', '\x80']);
  if (at < changed.length) changed[at] = character.charCodeAt(0);
  return { bytes: changed, change: `${JSON.stringify(character)} at ${at}` };
};

const NUMBERS = [0, 1, 2, 3, 4, 8, 24, -1, 0.5, 2 ** 31, 2 ** 53, 2 ** 53 - 1, 1e300, null, '1', [], {}];
const NAMES = ['a', '', '__proto__', '__metadata__', 'constructor', '0', 'x'.repeat(2000), '\n'];
const TYPES = ['F32', 'F16', 'BF16', 'I64', 'U8', 'F4', 'Q8', '', 'f32', null, 4];

/** The header as JSON, with its length told right. */
const edit: Change = (bytes, draw) => {
  let header: Header;
  let starts: number;
  try {
    starts = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    header = JSON.parse(Buffer.from(bytes.subarray(8, starts)).toString()) as Header;
  } catch {
    return { bytes, change: 'none' };
  }
  const names = Object.keys(header).filter(name => name !== '__metadata__');
  const [name, other] = [oneOf(draw, names), oneOf(draw, names)];
  const list = (key: 'shape' | 'data_offsets') => (): void => {
    const values = [...((header[name]?.[key] as unknown[]) ?? [])];
    values[pick(draw, values.length + 1)] = oneOf<unknown>(draw, NUMBERS);
    header[name] = { ...header[name], [key]: values };
  };
  const ways: Record<string, () => void> = {
    shape: list('shape'),
    offsets: list('data_offsets'),
    reshape: () => void (header[name] = { ...header[name], shape: [...(header[name]?.shape ?? [])].reverse() }),
    dtype: () => void (header[name] = { ...header[name], dtype: oneOf<unknown>(draw, TYPES) as string }),
    swap: () => void ([header[name], header[other]] = [header[other], header[name]]),
    copy: () => void (header[name] = header[other]),
    drop: () => void delete header[name],
    rename: () => {
      const { [name]: entry, ...rest } = header;
      // Not an assignment, which __proto__ would not take.
      header = Object.fromEntries([...Object.entries(rest), [oneOf(draw, NAMES), entry]]);
    },
    entry: () => void (header[name] = oneOf<unknown>(draw, NUMBERS) as Entry),
  };
  const way = oneOf(draw, [...Object.keys(ways), 'swap', 'reshape', 'rename']);
  ways[way]();
  return { bytes: safetensorsBytes(header, bytes.subarray(starts)), change: `${way} of ${name}` };
};
