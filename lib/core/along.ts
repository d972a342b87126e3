/** Arrays changed along one axis, in double precision: scaled, freed of their mean, brought to another basis. */
import { around, ndarray, type NdArray } from './array';

/** Position k of `axis` times `factors[k]`. */
export function scaleAlong(array: NdArray, axis: number, factors: ArrayLike<number>): NdArray {
  const { length, inner } = around(array.shape, axis);
  return floats(array, (value, i) => value * factors[Math.floor(i / inner) % length]);
}

/** Less the mean over `axis`. */
export function centreAlong(array: NdArray, axis: number): NdArray {
  const { length, inner } = around(array.shape, axis);
  const means = new Float64Array(array.data.length / length);
  const line = (i: number): number => Math.floor(i / (length * inner)) * inner + (i % inner);
  array.data.forEach((value, i) => (means[line(i)] += value / length));
  return floats(array, (value, i) => value - means[line(i)]);
}

/** Position k of `axis` becomes the sum over j of position j times `basis[j, k]`; `basis` is `[length of the axis, same]`. */
export function turnAlong(array: NdArray, axis: number, basis: Float64Array): NdArray {
  const { outer, length, inner } = around(array.shape, axis);
  const { data, shape } = array;
  const turned = new Float32Array(data.length);
  if (inner === 1) {
    const sum = new Float64Array(length);
    for (let o = 0; o < outer; o++) {
      sumOfRows(sum, basis, j => data[o * length + j]);
      turned.set(sum, o * length);
    }
    return ndarray(turned, shape);
  }
  const sum = new Float64Array(inner);
  for (let from = 0; from < data.length; from += length * inner) {
    const rows = Float64Array.from(data.subarray(from, from + length * inner));
    for (let k = 0; k < length; k++) {
      sumOfRows(sum, rows, j => basis[j * length + k]);
      turned.set(sum, from + k * inner);
    }
  }
  return ndarray(turned, shape);
}

/** `sum` becomes the sum over j of row j times `factor(j)`, four rows at a time, so that each number of it is stored a quarter as often. */
function sumOfRows(sum: Float64Array, rows: Float64Array, factor: (row: number) => number): void {
  const { length } = sum;
  const count = rows.length / length;
  sum.fill(0);
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    const a = factor(j);
    const b = factor(j + 1);
    const c = factor(j + 2);
    const d = factor(j + 3);
    let at = j * length;
    for (let i = 0; i < length; i++, at++) {
      sum[i] += a * rows[at] + b * rows[at + length] + c * rows[at + 2 * length] + d * rows[at + 3 * length];
    }
  }
  for (; j < count; j++) {
    const a = factor(j);
    for (let i = 0; i < length; i++) sum[i] += a * rows[j * length + i];
  }
}

function floats({ data, shape }: NdArray, change: (value: number, i: number) => number): NdArray {
  const changed = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) changed[i] = change(data[i], i);
  return ndarray(changed, shape);
}
