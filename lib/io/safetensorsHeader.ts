/** What a safetensors file says of itself, judged before anything is allocated for its tensors. */
import { describe, isIndex, isRecord, parseObject, type Refuse } from '../core/json';
import { decodeText, fileRefuser, type ByteSource } from './bytes';
import { BITS, type StoredType } from './dtypes';
import { twinKey } from './twinKeys';

/** A tensor as its file lists it. */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  /** The file it lies in, its first byte there, and how many bytes it takes. */
  readonly file: string;
  readonly from: number;
  readonly byteLength: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** As large as the reference implementation allows. */
const MOST_HEADER = 100_000_000;
const LENGTH_BYTES = 8;
const WHAT_IT_IS = 'a .safetensors file';
export const METADATA = '__metadata__';

/** @throws PruneError `bad-file` for every way in which the header and the file's size can contradict the format. */
export async function readHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const place = `safetensors "${source.name}"`;
  const refuse = fileRefuser(place);
  const length = await headerLength(source, refuse);
  const bytes = new Uint8Array(length);
  await source.read(bytes, LENGTH_BYTES);
  const text = decodeText(bytes) ?? refuse('a header in UTF-8', 'other bytes', `Pass ${WHAT_IT_IS}.`);
  if (!text.startsWith('{')) refuse('a header that begins with "{"', describe(text), `Pass ${WHAT_IT_IS}.`);
  const json = parseObject(text, refuse, WHAT_IT_IS);
  const twice = twinKey(text);
  if (twice !== undefined) refuse('every name once', `${describe(twice)} twice`, 'Save it again under other names.');
  const starts = LENGTH_BYTES + length;
  const tensors = Object.entries(json)
    .filter(([name]) => name !== METADATA)
    .map(([name, entry]): [string, StoredTensor] => {
      const tensor = readEntry(entry, fileRefuser(`${place}, tensor ${describe(name)}`));
      return [name, { ...tensor, file: source.name, from: starts + tensor.from }];
    });
  tensors.sort(([, a], [, b]) => a.from - b.from || a.byteLength - b.byteLength);
  requireNoHoles(place, tensors, starts, source.size);
  return { metadata: readMetadata(json[METADATA], refuse), tensors: new Map(tensors) };
}

async function headerLength(source: ByteSource, refuse: Refuse): Promise<number> {
  if (source.size < LENGTH_BYTES) refuse(`${LENGTH_BYTES} bytes that hold the length of a header`, `${source.size}`);
  const bytes = new Uint8Array(LENGTH_BYTES);
  await source.read(bytes, 0);
  const length = new DataView(bytes.buffer).getBigUint64(0, true);
  const rest = source.size - LENGTH_BYTES;
  const most = Math.min(rest, MOST_HEADER);
  if (length <= most) return Number(length);
  const bound = most === rest ? `the ${rest} that follow` : `${MOST_HEADER}`;
  const cure = 'It is no safetensors file, or the end of it is missing; download it again.';
  return refuse(`a header of at most ${bound} bytes`, `a length of ${length}`, cure);
}

type Entry = Pick<StoredTensor, 'dtype' | 'shape' | 'from' | 'byteLength'>;

function readEntry(entry: unknown, refuse: Refuse): Entry {
  const { dtype, shape, data_offsets: offsets } = isRecord(entry) ? entry : refuse('an entry', describe(entry));
  if (!isStoredType(dtype)) {
    const cure = 'Save it in one of these.';
    return refuse(`a dtype of ${Object.keys(BITS).join(', ')}`, describe(dtype), cure);
  }
  if (!Array.isArray(shape) || !shape.every(isIndex)) {
    return refuse('a shape of whole numbers of at least 0', describe(shape));
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isIndex) || offsets[0] > offsets[1]) {
    return refuse('data_offsets [from, to] with from <= to', describe(offsets));
  }
  const [from, to] = offsets;
  const bits = shape.reduce((product, size) => product * size, BITS[dtype]);
  if (bits === 8 * (to - from)) return { dtype, shape, from, byteLength: to - from };
  return refuse(`${bits / 8} bytes for shape ${describe(shape)} of ${dtype}`, `data_offsets of ${to - from}`);
}

function isStoredType(dtype: unknown): dtype is StoredType {
  return typeof dtype === 'string' && Object.hasOwn(BITS, dtype);
}

function readMetadata(metadata: unknown, refuse: Refuse): Readonly<Record<string, string>> {
  if (metadata === undefined) return {};
  const words = isRecord(metadata) && Object.values(metadata).every(value => typeof value === 'string');
  return words ? (metadata as Record<string, string>) : refuse(`words in ${METADATA}`, describe(metadata));
}

/** The format wants every byte to be of exactly one tensor: nothing hides in a file, and nothing is read as two things. */
function requireNoHoles(place: string, sorted: readonly [string, StoredTensor][], starts: number, size: number): void {
  let at = starts;
  for (const [name, { from, byteLength }] of sorted) {
    const refuse = fileRefuser(`${place}, tensor ${describe(name)}`);
    if (from < at) refuse(`data from byte ${at - starts} on`, `byte ${from - starts}, which another tensor has too`);
    if (from > at) refuse(`data from byte ${at - starts} on`, `byte ${from - starts}, which leaves a hole`);
    at = from + byteLength;
    if (at > size) refuse(`data that ends within the file's ${size - starts} bytes of data`, `byte ${at - starts}`);
  }
  if (at < size) fileRefuser(place)(`${at - starts} bytes of data`, `${size - starts}, some of no tensor`);
}
