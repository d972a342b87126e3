/** Linear algebra on plain double precision matrices, row-major: what least squares, criteria and bases need. */
import { gram, type Gram } from './gram';

/** Factor L of the symmetric positive definite `matrix` `[size, size]`, L times its transpose; undefined when it is not. */
export function cholesky(matrix: Float64Array, size: number): Float64Array | undefined {
  const factor = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j];
      const [a, b] = [i * size, j * size];
      for (let k = 0; k < j; k++) sum -= factor[a + k] * factor[b + k];
      if (i === j) {
        if (!(sum > 0)) return undefined;
        factor[a + i] = Math.sqrt(sum);
      } else {
        factor[a + j] = sum / factor[b + j];
      }
    }
  }
  return factor;
}

/** X `[size, columns]` with `matrix` X = `right`, for a symmetric positive definite matrix; undefined when it is not. */
export function solveSymmetric(
  matrix: Float64Array,
  right: Float64Array,
  size: number,
  columns: number,
): Float64Array | undefined {
  const factor = cholesky(matrix, size);
  if (factor === undefined) return undefined;
  const solution = right.slice();
  const subtract = (row: number, from: number, times: number): void => {
    for (let c = 0; c < columns; c++) solution[row * columns + c] -= times * solution[from * columns + c];
  };
  const divide = (row: number): void => {
    for (let c = 0; c < columns; c++) solution[row * columns + c] /= factor[row * size + row];
  };
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) subtract(i, k, factor[i * size + k]);
    divide(i);
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) subtract(i, k, factor[k * size + i]);
    divide(i);
  }
  return solution;
}

/**
 * Rank of `matrix` `[rows, columns]`, which is overwritten: pivots of a Gaussian elimination with full pivoting that are larger than
 * `tolerance` times the largest number of the matrix.
 */
export function rank(matrix: Float64Array, rows: number, columns: number, tolerance: number): number {
  let least = 0;
  for (let step = 0; step < Math.min(rows, columns); step++) {
    const at = largestFrom(matrix, step, rows, columns);
    const pivot = Math.abs(matrix[at]);
    if (step === 0) least = pivot * tolerance;
    if (!(pivot > least)) return step;
    bringForward(matrix, step, at, rows, columns);
    eliminate(matrix, step, rows, columns);
  }
  return Math.min(rows, columns);
}

/** Where the largest number lies that is not before `step` in row or column. */
function largestFrom(matrix: Float64Array, step: number, rows: number, columns: number): number {
  let most = -1;
  let found = step * columns + step;
  for (let r = step; r < rows; r++) {
    for (let at = r * columns + step; at < (r + 1) * columns; at++) {
      const size = Math.abs(matrix[at]);
      if (size > most) {
        most = size;
        found = at;
      }
    }
  }
  return found;
}

/** Swaps rows and columns so that what lies at `at` comes to row and column `step`. */
function bringForward(matrix: Float64Array, step: number, at: number, rows: number, columns: number): void {
  const row = Math.floor(at / columns);
  const column = at % columns;
  for (let c = step; c < columns; c++) swap(matrix, row * columns + c, step * columns + c);
  for (let r = step; r < rows; r++) swap(matrix, r * columns + column, r * columns + step);
}

function swap(matrix: Float64Array, a: number, b: number): void {
  const value = matrix[a];
  matrix[a] = matrix[b];
  matrix[b] = value;
}

/** Makes all below the pivot zero; only what later steps read is written. */
function eliminate(matrix: Float64Array, step: number, rows: number, columns: number): void {
  const from = step * columns;
  for (let r = step + 1; r < rows; r++) {
    const to = r * columns;
    const factor = matrix[to + step] / matrix[from + step];
    if (factor === 0) continue;
    for (let c = step + 1; c < columns; c++) matrix[to + c] -= factor * matrix[from + c];
  }
}

/** An orthogonal matrix `[size, size]`, uniformly drawn: directions of normal numbers, each freed of those before it. */
export function randomOrthogonal(size: number, normal: () => number): Float64Array {
  const rows = Float64Array.from({ length: size * size }, normal);
  for (let i = 0; i < size; i++) {
    // Twice, because what the first pass leaves of earlier directions is as small as rounding only if little was taken away.
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < i; k++) takeAlong(rows, i * size, k * size, size);
    }
    let square = 0;
    for (let j = 0; j < size; j++) square += rows[i * size + j] ** 2;
    for (let j = 0; j < size; j++) rows[i * size + j] /= Math.sqrt(square);
  }
  return rows;
}

/** Frees the row that begins at `at` of what it has in common with the one of unit length at `along`. */
function takeAlong(rows: Float64Array, at: number, along: number, size: number): void {
  let common = 0;
  for (let j = 0; j < size; j++) common += rows[at + j] * rows[along + j];
  for (let j = 0; j < size; j++) rows[at + j] -= common * rows[along + j];
}

/** Sums over samples that a linear regression follows from; the samples themselves are not kept. */
export interface Regression {
  /** Adds one sample; both arrays may be used again. */
  add(x: Float64Array, y: Float64Array): void;
  /** Ends the adding. `ridge` is a fraction of the mean variance of `x`. */
  solve(options: { readonly ridge: number; readonly intercept: boolean }): Fit;
}

/** `y` is about `x` times `slopes` `[inputs, outputs]` plus `intercept`. */
export interface Fit {
  readonly slopes: Float64Array;
  readonly intercept: Float64Array;
}

export function regression(inputs: number, outputs: number): Regression {
  // Products of everything with the inputs.
  const products = gram(inputs + outputs, inputs);
  const sums = new Float64Array(inputs + outputs);
  return {
    add(x, y) {
      for (let i = 0; i < inputs; i++) sums[i] += x[i];
      for (let i = 0; i < outputs; i++) sums[inputs + i] += y[i];
      products.add(x, y);
    },
    solve({ ridge, intercept }) {
      return solve({ products, sums, inputs, outputs }, ridge, intercept);
    },
  };
}

interface Sums {
  readonly products: Gram;
  readonly sums: Float64Array;
  readonly inputs: number;
  readonly outputs: number;
}

function solve({ products, sums, inputs, outputs }: Sums, ridge: number, intercept: boolean): Fit {
  const count = Math.max(products.count, 1);
  const means = sums.map(sum => (intercept ? sum / count : 0));
  const at = (i: number, j: number): number => products.at(i, j) / count - means[i] * means[j];
  const matrix = new Float64Array(inputs * inputs);
  const right = new Float64Array(inputs * outputs);
  let trace = 0;
  for (let i = 0; i < inputs; i++) {
    for (let j = 0; j <= i; j++) matrix[i * inputs + j] = matrix[j * inputs + i] = at(i, j);
    for (let o = 0; o < outputs; o++) right[i * outputs + o] = at(inputs + o, i);
    trace += at(i, i);
  }
  const slopes = solveRidged(matrix, right, inputs, outputs, (ridge * trace) / inputs);
  const offsets = Float64Array.from({ length: outputs }, (_, o) => {
    let offset = means[inputs + o];
    for (let i = 0; i < inputs; i++) offset -= means[i] * slopes[i * outputs + o];
    return offset;
  });
  return { slopes, intercept: offsets };
}

/** Where the matrix is singular even so, ten times the ridge and so on; slopes of zero where the inputs never vary. */
function solveRidged(
  matrix: Float64Array,
  right: Float64Array,
  size: number,
  columns: number,
  ridge: number,
): Float64Array {
  let scale = 0;
  for (let i = 0; i < size; i++) scale = Math.max(scale, matrix[i * size + i]);
  if (!(scale > 0)) return new Float64Array(right.length);
  for (let added = Math.max(ridge, 1e-12 * scale); ; added *= 10) {
    const ridged = matrix.slice();
    for (let i = 0; i < size; i++) ridged[i * size + i] += added;
    const solution = solveSymmetric(ridged, right, size, columns);
    if (solution !== undefined) return solution;
  }
}
