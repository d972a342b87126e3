/** Dense n-dimensional arrays as plain data, row-major, and the few operations that surgery needs. */

export type DataType = 'float32' | 'int32' | 'bool';
export type TypedArray = Float32Array | Int32Array | Uint8Array;

/** A tensor as data: never mutated after it was made. `data.length` is the product of `shape`. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly dtype: DataType;
  readonly data: TypedArray;
}

/** Number of elements of `shape`. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Wraps `data` without copying; the dtype follows from the typed array. */
export function ndarray(data: TypedArray, shape: readonly number[]): NdArray {
  const dtype = data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'bool';
  return { data, shape: [...shape], dtype };
}

/** Keeps `positions` of `axis`, in the order given. */
export function gather(array: NdArray, axis: number, positions: ArrayLike<number>): NdArray {
  const { outer, length, inner } = around(array.shape, axis);
  const data = emptyLike(array, outer * positions.length * inner);
  for (let o = 0, to = 0; o < outer; o++) {
    for (let p = 0; p < positions.length; p++, to += inner) {
      const from = (o * length + positions[p]) * inner;
      if (inner === 1) data[to] = array.data[from];
      else data.set(array.data.subarray(from, from + inner), to);
    }
  }
  const shape = array.shape.map((size, a) => (a === axis ? positions.length : size));
  return { shape, dtype: array.dtype, data };
}

/** Undoes two gathers along `axis`: `kept` at `positions`, ascending, and `others` at the positions between them. */
export function interleave(kept: NdArray, positions: readonly number[], others: NdArray, axis: number): NdArray {
  const { outer, length, inner } = around(kept.shape, axis);
  const total = length + others.shape[axis];
  const stays = new Set(positions);
  const data = emptyLike(kept, outer * total * inner);
  let [to, fromKept, fromOthers] = [0, 0, 0];
  for (let o = 0; o < outer; o++) {
    for (let position = 0; position < total; position++, to += inner) {
      if (stays.has(position)) {
        data.set(kept.data.subarray(fromKept, (fromKept += inner)), to);
      } else {
        data.set(others.data.subarray(fromOthers, (fromOthers += inner)), to);
      }
    }
  }
  const shape = kept.shape.map((size, a) => (a === axis ? total : size));
  return { shape, dtype: kept.dtype, data };
}

/** A copy in which `positions` of `axis` are zero. */
export function zeroAt(array: NdArray, axis: number, positions: Iterable<number>): NdArray {
  const { outer, length, inner } = around(array.shape, axis);
  const data = array.data.slice();
  for (const position of positions) {
    for (let o = 0; o < outer; o++) {
      const from = (o * length + position) * inner;
      data.fill(0, from, from + inner);
    }
  }
  return { ...array, data };
}

/** Sum of `term(value)` over the slice at each position of `axis`: `[shape[axis]]`. */
export function sumAlong(array: NdArray, axis: number, term: (value: number) => number): Float64Array {
  const { outer, length, inner } = around(array.shape, axis);
  const sums = new Float64Array(length);
  for (let o = 0, from = 0; o < outer; o++) {
    for (let position = 0; position < length; position++) {
      let sum = 0;
      for (let i = 0; i < inner; i++, from++) sum += term(array.data[from]);
      sums[position] += sum;
    }
  }
  return sums;
}

/** Index of the first NaN or infinity, or -1. */
export function firstNotFinite({ data }: NdArray): number {
  if (!(data instanceof Float32Array)) return -1;
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i;
  return -1;
}

/** Largest |a - b| divided by the largest |b| (by 1 when b is all zero); NaN anywhere gives Infinity. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < a.length; i++) {
    const distance = Math.abs(a[i] - b[i]);
    if (Number.isNaN(distance)) return Infinity;
    if (distance > difference) difference = distance;
    if (Math.abs(b[i]) > scale) scale = Math.abs(b[i]);
  }
  const error = difference / (scale || 1);
  return Number.isNaN(error) ? Infinity : error; // an infinite reference
}

/** Rows (index of axis 0) of a data set, copied into one batch. */
export function rows(array: NdArray, indices: ArrayLike<number>): NdArray {
  return gather(array, 0, indices);
}

function around(shape: readonly number[], axis: number): { outer: number; length: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), length: shape[axis], inner: sizeOf(shape.slice(axis + 1)) };
}

function emptyLike({ data }: NdArray, length: number): TypedArray {
  if (data instanceof Float32Array) return new Float32Array(length);
  return data instanceof Int32Array ? new Int32Array(length) : new Uint8Array(length);
}
