/** Matrices of a checkpoint as they are stored, some rows at a time: sums over them, and parts of them, without ever holding one. */
import { PruneError } from '../core/errors';
import { BITS, decodeFloats, FLOAT_TYPES, isFloatType, type FloatType } from '../io/dtypes';
import type { TensorFiles } from '../io/safetensors';

/** Positions to keep, ascending; all, where absent. */
export interface Kept {
  readonly rows?: ArrayLike<number>;
  readonly columns?: ArrayLike<number>;
}

type Words = Uint8Array | Uint16Array | Uint32Array;

/** As much as is read at once: large enough for disks, small enough to stay near the processor. */
const CHUNK = 4 * 1024 * 1024;

/**
 * The sum of squares over each row and over each column of tensor `name`, `[rows, columns]`.
 * @throws PruneError `bad-file` when its dtype is none of F32, F16 and BF16.
 */
export async function sumsOfSquares(
  files: TensorFiles,
  name: string,
): Promise<{ readonly rows: Float64Array; readonly columns: Float64Array }> {
  const { dtype, shape } = floatTensor(files, name);
  const [height, width] = shape;
  const rows = new Float64Array(height);
  const columns = new Float64Array(width);
  const squares = dtype === 'F32' ? undefined : squaresOf(dtype);
  for await (const { bytes, from } of chunks(files, name)) {
    if (squares) addStored(new Uint16Array(bytes.buffer), squares, rows, columns, from);
    else addFloats(new Float32Array(bytes.buffer), rows, columns, from);
  }
  return { rows, columns };
}

/** The bytes of tensor `name` with what is kept of it, in pieces; a tensor of one axis has rows of one value. */
export async function* keptBytes(
  files: TensorFiles,
  name: string,
  { rows, columns }: Kept,
): AsyncGenerator<Uint8Array> {
  const { dtype, shape } = floatTensor(files, name);
  const width = shape[1] ?? 1;
  let next = 0;
  for await (const { bytes, from, count } of chunks(files, name)) {
    let here: number[] | undefined;
    if (rows) {
      here = [];
      for (; next < rows.length && rows[next] < from + count; next++) here.push(rows[next] - from);
      if (here.length === 0) continue;
    }
    if (!here && !columns) yield bytes;
    else yield gather(wordsOf(bytes, dtype), width, here ?? count, columns);
  }
}

/** @throws PruneError `bad-file` when its dtype is none of F32, F16 and BF16. */
export function floatTensor(
  files: TensorFiles,
  name: string,
): { readonly dtype: FloatType; readonly shape: readonly number[]; readonly byteLength: number } {
  const tensor = files.tensors.get(name)!;
  const { dtype } = tensor;
  if (isFloatType(dtype)) return { ...tensor, dtype };
  const place = `"${files.name}", tensor "${name}"`;
  const cure = 'Convert it to one of these.';
  throw new PruneError('bad-file', { place, expected: `dtype ${FLOAT_TYPES.join(', ')}`, got: dtype, cure });
}

interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its first row and how many it has. */
  readonly from: number;
  readonly count: number;
}

/** Whole rows; the next are read while the last are worked on. */
async function* chunks(files: TensorFiles, name: string): AsyncGenerator<Chunk> {
  const { shape, byteLength } = files.tensors.get(name)!;
  const [height = 1] = shape;
  if (byteLength === 0) return;
  const rowBytes = byteLength / height;
  const most = Math.max(1, Math.floor(CHUNK / rowBytes));
  const readFrom = (from: number): Promise<Chunk> | undefined => {
    if (from >= height) return undefined;
    const count = Math.min(most, height - from);
    const chunk = files.readBytes(name, from * rowBytes, (from + count) * rowBytes);
    const whole = chunk.then(bytes => ({ bytes, from, count }));
    // Whoever waits for it hears of a failure; until then it must not count as one that nobody handles.
    whole.catch(() => undefined);
    return whole;
  };
  let coming = readFrom(0);
  while (coming) {
    const chunk: Chunk = await coming;
    coming = readFrom(chunk.from + chunk.count);
    yield chunk;
  }
}

function wordsOf(bytes: Uint8Array<ArrayBuffer>, dtype: FloatType): Words {
  return BITS[dtype] === 16 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer);
}

/** `rows` are positions, or how many there are. */
function gather(
  words: Words,
  width: number,
  rows: readonly number[] | number,
  columns?: ArrayLike<number>,
): Uint8Array {
  const count = typeof rows === 'number' ? rows : rows.length;
  const kept = columns?.length ?? width;
  const out = words.slice(0, count * kept);
  const runs = columns && runsOf(columns);
  for (let i = 0, to = 0; i < count; i++) {
    const start = (typeof rows === 'number' ? i : rows[i]) * width;
    if (!columns) {
      out.set(words.subarray(start, start + width), to);
      to += width;
    } else if (runs) {
      for (const [from, length] of runs) {
        out.set(words.subarray(start + from, start + from + length), to);
        to += length;
      }
    } else {
      for (let c = 0; c < kept; c++) out[to++] = words[start + columns[c]];
    }
  }
  return new Uint8Array(out.buffer);
}

/** Where positions follow each other, as those of a head do; undefined where runs are too short to be worth it. */
function runsOf(positions: ArrayLike<number>): [from: number, length: number][] | undefined {
  const runs: [number, number][] = [];
  for (let i = 0; i < positions.length; i++) {
    const last = runs[runs.length - 1];
    if (last && last[0] + last[1] === positions[i]) last[1]++;
    else runs.push([positions[i], 1]);
  }
  return positions.length >= 16 * runs.length ? runs : undefined;
}

function addStored(
  words: Uint16Array,
  squares: Float64Array,
  rows: Float64Array,
  columns: Float64Array,
  from: number,
): void {
  const width = columns.length;
  for (let at = 0, row = from; at < words.length; row++) {
    let sum = 0;
    for (let column = 0; column < width; column++) {
      const square = squares[words[at++]];
      sum += square;
      columns[column] += square;
    }
    rows[row] += sum;
  }
}

function addFloats(values: Float32Array, rows: Float64Array, columns: Float64Array, from: number): void {
  const width = columns.length;
  for (let at = 0, row = from; at < values.length; row++) {
    let sum = 0;
    for (let column = 0; column < width; column++) {
      const value = values[at++];
      sum += value * value;
      columns[column] += value * value;
    }
    rows[row] += sum;
  }
}

const tables = new Map<FloatType, Float64Array>();

/** The square of each of the 65,536 values that a type of 16 bits has: nothing has to be decoded. */
function squaresOf(dtype: FloatType): Float64Array {
  const known = tables.get(dtype);
  if (known) return known;
  const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
  const made = Float64Array.from(decodeFloats(new Uint8Array(all.buffer), dtype), value => value * value);
  tables.set(dtype, made);
  return made;
}
