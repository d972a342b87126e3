/** Matrices of a checkpoint as they are stored, some rows at a time: sums over them, and parts of them, without ever holding one. */
import { PruneError } from '../core/errors';
import { BITS, decodeFloats, FLOAT_TYPES, isFloatType, type FloatType } from '../io/dtypes';
import type { TensorFiles } from '../io/safetensors';

/** Positions to keep of one axis, ascending; all, where absent. */
export interface Kept {
  readonly rows?: Int32Array;
  readonly columns?: Int32Array;
}

type Words = Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** As much as is read at once: large enough for disks, small enough to stay near the processor. */
const CHUNK = 4 * 1024 * 1024;

/**
 * The sum of squares of each row of tensor `name`, `[rows, columns]`, or of each column.
 * @throws PruneError `bad-file` when its dtype is none of F32, F16 and BF16.
 */
export async function sumsOfSquares(files: TensorFiles, name: string, of: 'rows' | 'columns'): Promise<Float64Array> {
  const { dtype, shape } = floatTensor(files, name);
  const [height, width] = shape;
  const sums = new Float64Array(of === 'rows' ? height : width);
  for await (const { bytes, from } of chunks(files, name)) {
    if (dtype === 'F32') addFloats(new Float32Array(bytes.buffer), width, sums, of === 'rows' ? from : undefined);
    else if (of === 'rows') addToRows(new Uint16Array(bytes.buffer), squaresOf(dtype), width, sums, from);
    else addToColumns(new Uint16Array(bytes.buffer), squaresOf(dtype), sums);
  }
  return sums;
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
    if (rows) {
      const first = next;
      while (next < rows.length && rows[next] < from + count) next++;
      if (next > first) yield gatherRows(bytes, bytes.length / count, rows.subarray(first, next), from);
    } else if (columns) {
      yield gatherColumns(wordsOf(bytes, dtype), width, columns);
    } else yield bytes;
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

function gatherRows(bytes: Uint8Array, rowBytes: number, rows: Int32Array, from: number): Uint8Array {
  const out = new Uint8Array(rows.length * rowBytes);
  for (let i = 0; i < rows.length; i++) {
    const start = (rows[i] - from) * rowBytes;
    out.set(bytes.subarray(start, start + rowBytes), i * rowBytes);
  }
  return out;
}

function gatherColumns(words: Words, width: number, columns: Int32Array): Uint8Array {
  const [height, kept] = [words.length / width, columns.length];
  const out = words instanceof Uint16Array ? new Uint16Array(height * kept) : new Uint32Array(height * kept);
  const runs = runsOf(columns);
  if (!runs) gatherEach(words, width, columns, out);
  else {
    for (let row = 0, to = 0; row < height; row++) {
      for (const [from, length] of runs) {
        const start = row * width + from;
        out.set(words.subarray(start, start + length), to);
        to += length;
      }
    }
  }
  return new Uint8Array(out.buffer);
}

/** Four rows at a time, for which each position is looked up once. */
function gatherEach(words: Words, width: number, columns: Int32Array, out: Words): void {
  const [height, kept] = [words.length / width, columns.length];
  let row = 0;
  for (; row + 4 <= height; row += 4) {
    const [from, to] = [row * width, row * kept];
    for (let i = 0; i < kept; i++) {
      const column = from + columns[i];
      out[to + i] = words[column];
      out[to + kept + i] = words[column + width];
      out[to + 2 * kept + i] = words[column + 2 * width];
      out[to + 3 * kept + i] = words[column + 3 * width];
    }
  }
  for (; row < height; row++) {
    for (let i = 0; i < kept; i++) out[row * kept + i] = words[row * width + columns[i]];
  }
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

/** Four sums side by side: a processor adds faster than it can wait for the last sum. */
function addToRows(words: Uint16Array, squares: Float64Array, width: number, sums: Float64Array, from: number): void {
  const height = words.length / width;
  const even = width - (width % 4);
  for (let row = 0; row < height; row++) {
    const start = row * width;
    // One by one: taking a list apart costs three times as much here.
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let at = start; at < start + even; at += 4) {
      a += squares[words[at]];
      b += squares[words[at + 1]];
      c += squares[words[at + 2]];
      d += squares[words[at + 3]];
    }
    for (let at = start + even; at < start + width; at++) a += squares[words[at]];
    sums[from + row] = a + b + (c + d);
  }
}

/** Four rows at a time, so that each sum is read and stored a fourth as often. */
function addToColumns(words: Uint16Array, squares: Float64Array, sums: Float64Array): void {
  const width = sums.length;
  const height = words.length / width;
  let row = 0;
  for (; row + 4 <= height; row += 4) {
    const from = row * width;
    for (let column = 0; column < width; column++) {
      const at = from + column;
      const first = squares[words[at]] + squares[words[at + width]];
      sums[column] += first + (squares[words[at + 2 * width]] + squares[words[at + 3 * width]]);
    }
  }
  for (; row < height; row++) {
    for (let column = 0; column < width; column++) sums[column] += squares[words[row * width + column]];
  }
}

/** To the rows from `row` on, or, without it, to the columns. */
function addFloats(values: Float32Array, width: number, sums: Float64Array, row: number | undefined): void {
  for (let at = 0, to = row ?? 0; at < values.length; to++) {
    for (let column = 0; column < width; column++) {
      const value = values[at++];
      sums[row === undefined ? column : to] += value * value;
    }
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
