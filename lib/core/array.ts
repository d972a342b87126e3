/** Dense n-dimensional arrays as plain data, row-major, and the few operations that surgery needs. */

import { apart, type Room, type TypedArray } from './room';

export type DataType = 'float32' | 'int32' | 'bool';
export type { TypedArray };

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
  return gatherAxes(array, new Map([[axis, positions]]));
}

/** Keeps the positions given for each axis, in their order, in one pass. */
export function gatherAxes(array: NdArray, kept: ReadonlyMap<number, ArrayLike<number>>, room: Room = apart): NdArray {
  if (kept.size === 0) return array;
  const shape = shapeAfter(array, kept);
  const data = room.make(array.data, sizeOf(shape));
  const last = Math.max(...kept.keys());
  const starts = startsBefore(last, array.shape, kept);
  const { inner } = around(array.shape, last);
  if (inner === 1) copyElements(array.data, data, starts, kept.get(last)!);
  else copyRuns(array.data, data, starts, kept.get(last)!, inner);
  return { shape, dtype: array.dtype, data };
}

/** What {@link gatherAxes} leaves of the shape. */
export function shapeAfter({ shape }: NdArray, kept: ReadonlyMap<number, ArrayLike<number>>): number[] {
  return shape.map((size, axis) => kept.get(axis)?.length ?? size);
}

/** Where in memory axis `last` begins, for every index kept of the axes before it. */
function startsBefore(last: number, shape: readonly number[], kept: ReadonlyMap<number, ArrayLike<number>>): number[] {
  let starts = [0];
  for (let axis = 0; axis < last; axis++) {
    const { length, inner } = around(shape, axis);
    const positions = kept.get(axis) ?? Array.from({ length }, (_, position) => position);
    const next: number[] = [];
    for (const start of starts) {
      for (let p = 0; p < positions.length; p++) next.push(start + positions[p] * inner);
    }
    starts = next;
  }
  return starts;
}

function copyElements(from: TypedArray, to: TypedArray, starts: readonly number[], positions: ArrayLike<number>): void {
  let at = 0;
  for (const start of starts) {
    for (let p = 0; p < positions.length; p++) to[at++] = from[start + positions[p]];
  }
}

function copyRuns(
  from: TypedArray,
  to: TypedArray,
  starts: readonly number[],
  positions: ArrayLike<number>,
  inner: number,
): void {
  let at = 0;
  for (const start of starts) {
    for (let p = 0; p < positions.length; p++, at += inner) {
      const run = start + positions[p] * inner;
      to.set(from.subarray(run, run + inner), at);
    }
  }
}

/** Axis a of the result is axis `order[a]` of `array`. */
export function transpose({ shape, dtype, data }: NdArray, order: readonly number[]): NdArray {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const sizes = order.map(axis => shape[axis]);
  const steps = order.map(axis => strides[axis]);
  const result = apart.make(data, data.length);
  const last = sizes.length - 1;
  let to = 0;
  const fill = (axis: number, from: number): void => {
    for (let i = 0, at = from; i < sizes[axis]; i++, at += steps[axis]) {
      if (axis === last) result[to++] = data[at];
      else fill(axis + 1, at);
    }
  };
  fill(0, 0);
  return { shape: sizes, dtype, data: result };
}

/** Undoes two gathers along `axis`: `kept` at `positions`, ascending, and `others` at the positions between them. */
export function interleave(kept: NdArray, positions: readonly number[], others: NdArray, axis: number): NdArray {
  const { outer, length, inner } = around(kept.shape, axis);
  const total = length + others.shape[axis];
  const stays = new Set(positions);
  const data = apart.make(kept.data, outer * total * inner);
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

/** An array of any precision. */
interface Numbers {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * Sum of |value| (`power` 1) or of its square (2) over the slice at each position of `axis`: `[shape[axis]]`. Not a function
 * to sum: once it has been called with two of them, V8 spends ten times as long.
 */
export function sumAlong({ shape, data }: Numbers, axis: number, power: 1 | 2): Float64Array {
  const { outer, length, inner } = around(shape, axis);
  const sums = new Float64Array(length);
  if (inner === 1) return addRows(sums, data, power);
  for (let o = 0, from = 0; o < outer; o++) {
    for (let position = 0; position < length; position++) {
      let sum = 0;
      for (const end = from + inner; from < end; from++) sum += raised(data[from], power);
      sums[position] += sum;
    }
  }
  return sums;
}

/** Adds rows of `sums.length` values, eight at a time, so that each sum is read and stored an eighth as often. */
function addRows(sums: Float64Array, data: Numbers['data'], power: 1 | 2): Float64Array {
  const { length } = sums;
  const [two, three, four] = [2 * length, 3 * length, 4 * length];
  const block = 8 * length;
  let from = 0;
  for (; from + block <= data.length; from += block) {
    for (let position = 0, at = from; position < length; position++, at++) {
      const half = at + four;
      const a = raised(data[at], power) + raised(data[at + length], power);
      const b = raised(data[at + two], power) + raised(data[at + three], power);
      const c = raised(data[half], power) + raised(data[half + length], power);
      const d = raised(data[half + two], power) + raised(data[half + three], power);
      sums[position] += a + b + (c + d);
    }
  }
  for (let position = 0; from < data.length; from++, position = (position + 1) % length) {
    sums[position] += raised(data[from], power);
  }
  return sums;
}

function raised(value: number, power: 1 | 2): number {
  return power === 1 ? Math.abs(value) : value * value;
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

/** The examples of all `parts`, one after the other. */
export function concatenate(parts: readonly NdArray[]): NdArray {
  const [{ shape, dtype, data }] = parts;
  const examples = parts.reduce((sum, part) => sum + part.shape[0], 0);
  const whole = data.slice(0, 0).constructor as new (length: number) => typeof data;
  const all = new whole(sizeOf([examples, ...shape.slice(1)]));
  let at = 0;
  for (const part of parts) {
    all.set(part.data, at);
    at += part.data.length;
  }
  return { shape: [examples, ...shape.slice(1)], dtype, data: all };
}

/** Sizes before, along and behind `axis`. */
export function around(shape: readonly number[], axis: number): { outer: number; length: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), length: shape[axis], inner: sizeOf(shape.slice(axis + 1)) };
}
