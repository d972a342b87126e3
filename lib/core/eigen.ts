/**
 * Eigenvalues and eigenvectors of symmetric matrices, in double precision: Householder reflections to three diagonals, then implicit QL
 * steps. Everything runs along rows that lie in one piece, several at a time, which is what makes widths of one or two thousand bearable.
 */

export interface Eigen {
  /** Descending. */
  readonly values: Float64Array;
  /** `[size, size]`: column k is the vector of unit length that belongs to `values[k]`. */
  readonly vectors: Float64Array;
}

/**
 * Of the symmetric `matrix` `[size, size]`, of which only the part on and below the diagonal is read; undefined where a number in it is
 * not finite. The signs of the vectors, and their choice where values are equal, mean nothing, but are the same every time.
 * Paper: Golub and Van Loan, Matrix Computations, algorithms 8.3.1 and 8.3.3; QL for QR.
 */
export function symmetricEigen(matrix: Float64Array, size: number): Eigen | undefined {
  let scale = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const value = Math.abs(matrix[i * size + j]);
      if (!Number.isFinite(value)) return undefined;
      if (value > scale) scale = value;
    }
  }
  const work = matrix.map(value => value / (scale || 1));
  const { diagonal, beside, factors } = tridiagonalise(work, size);
  const rows = reflected(work, factors, size);
  diagonalise(diagonal, beside, rows);
  return descending(
    diagonal.map(value => value * scale),
    rows,
    size,
  );
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Number k lies between `diagonal[k]` and `diagonal[k + 1]`. */
  readonly beside: Float64Array;
  /** Reflection k is the identity minus `factors[k]` times the product of its vector with itself. */
  readonly factors: Float64Array;
}

/**
 * Overwrites `a`: below the diagonal with nothing of use, in row k behind the diagonal with the vector of reflection k. The update that
 * a reflection asks for is made together with the product that the next one needs, in one pass over the matrix.
 */
function tridiagonalise(a: Float64Array, size: number): Tridiagonal {
  const [diagonal, beside, factors] = [0, 0, 0].map(() => new Float64Array(size));
  let [v, w, u, p] = [0, 0, 0, 0].map(() => new Float64Array(size));
  for (let k = 0; k < size; k++) {
    const column = (i: number): number => a[i * size + k] - v[i] * w[k] - w[i] * v[k];
    diagonal[k] = column(k);
    if (k === size - 1) break;
    let rest = 0;
    for (let i = k + 1; i < size; i++) {
      u[i] = column(i);
      if (i > k + 1) rest += u[i] * u[i];
    }
    const first = u[k + 1];
    beside[k] = rest === 0 ? first : (first > 0 ? -1 : 1) * Math.sqrt(first * first + rest);
    u[k + 1] = rest === 0 ? 0 : first - beside[k];
    factors[k] = rest === 0 ? 0 : 2 / (u[k + 1] * u[k + 1] + rest);
    updateAndMultiply(a, size, k + 1, { v, w, u, p });
    let along = 0;
    for (let i = k + 1; i < size; i++) along += (p[i] *= factors[k]) * u[i];
    along *= factors[k] / 2;
    for (let i = k + 1; i < size; i++) p[i] -= along * u[i];
    a.set(u.subarray(k + 1), k * size + k + 1);
    [v, u] = [u, v];
    [w, p] = [p, w];
  }
  return { diagonal, beside, factors };
}

interface Vectors {
  readonly v: Float64Array;
  readonly w: Float64Array;
  readonly u: Float64Array;
  readonly p: Float64Array;
}

/** From row and column `from` on: a -= v wT + w vT, and then p = a u; `a` below the diagonal alone. */
function updateAndMultiply(a: Float64Array, size: number, from: number, { v, w, u, p }: Vectors): void {
  p.fill(0, from);
  let i = from;
  for (; i + 1 < size; i += 2) {
    const [one, two] = [i * size, (i + 1) * size];
    const [v1, w1, u1, v2, w2, u2] = [v[i], w[i], u[i], v[i + 1], w[i + 1], u[i + 1]];
    let [sum1, sum2] = [0, 0];
    for (let j = from; j < i; j++) {
      const vj = v[j];
      const wj = w[j];
      const uj = u[j];
      const x = a[one + j] - v1 * wj - w1 * vj;
      const y = a[two + j] - v2 * wj - w2 * vj;
      a[one + j] = x;
      a[two + j] = y;
      sum1 += x * uj;
      sum2 += y * uj;
      p[j] += x * u1 + y * u2;
    }
    const own1 = (a[one + i] -= 2 * v1 * w1);
    const across = (a[two + i] -= v2 * w1 + w2 * v1);
    const own2 = (a[two + i + 1] -= 2 * v2 * w2);
    p[i] += sum1 + own1 * u1 + across * u2;
    p[i + 1] += sum2 + across * u1 + own2 * u2;
  }
  if (i < size) {
    const row = i * size;
    let sum = 0;
    for (let j = from; j <= i; j++) {
      const x = (a[row + j] -= v[i] * w[j] + w[i] * v[j]);
      sum += x * u[j];
      if (j < i) p[j] += x * u[i];
    }
    p[i] += sum;
  }
}

/** Rows worked on together, so that what all of them need is loaded once. */
const TOGETHER = 4;

/** A matrix as runs of rows. */
interface Rows {
  readonly size: number;
  /** Each `[size, TOGETHER]`: rows side by side, transposed; the last rows of the last run may be idle. */
  readonly runs: readonly Float64Array[];
}

/** The product of all reflections, row by row. */
function reflected(a: Float64Array, factors: Float64Array, size: number): Rows {
  const runs = Array.from({ length: Math.ceil(size / TOGETHER) }, (_, run) => {
    const rows = new Float64Array(TOGETHER * size);
    const first = run * TOGETHER;
    for (let row = first; row < Math.min(first + TOGETHER, size); row++) rows[TOGETHER * row + row - first] = 1;
    for (let k = 0; k < size - 1; k++) if (factors[k] !== 0) reflect(rows, a, k, factors[k], size);
    return rows;
  });
  return { size, runs };
}

function reflect(rows: Float64Array, a: Float64Array, k: number, factor: number, size: number): void {
  const from = k * size + k + 1;
  const end = (k + 1) * size;
  const start = TOGETHER * (k + 1);
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = from, at = start; i < end; i++, at += TOGETHER) {
    const x = a[i];
    s0 += x * rows[at];
    s1 += x * rows[at + 1];
    s2 += x * rows[at + 2];
    s3 += x * rows[at + 3];
  }
  s0 *= factor;
  s1 *= factor;
  s2 *= factor;
  s3 *= factor;
  for (let i = from, at = start; i < end; i++, at += TOGETHER) {
    const x = a[i];
    rows[at] -= s0 * x;
    rows[at + 1] -= s1 * x;
    rows[at + 2] -= s2 * x;
    rows[at + 3] -= s3 * x;
  }
}

/** One QL step: rotation i turns columns i and i + 1, from `last - 1` down to `first`. */
interface Step {
  readonly first: number;
  readonly last: number;
  /** Of rotation i at `2 * (i - first)` the cosine, behind it the sine. */
  readonly turns: Float64Array;
}

/** So many rotations are kept before the vectors are turned by all of them at once. */
const MOST_TURNS = 2 ** 16;

/** Brings the diagonal to the eigenvalues and `rows` to the eigenvectors in its columns. */
function diagonalise(d: Float64Array, e: Float64Array, rows: Rows): void {
  const { length } = d;
  let norm = 0;
  for (let i = 0; i < length; i++) norm = Math.max(norm, Math.abs(d[i]) + 2 * Math.abs(e[i]));
  const least = Number.EPSILON * norm;
  const open: Step[] = [];
  let kept = 0;
  for (let first = 0; first < length; first++) {
    for (;;) {
      let last = first;
      while (last < length - 1 && Math.abs(e[last]) > least) last++;
      if (last === first) break;
      const turns = qlStep(d, e, first, last);
      open.push({ first, last, turns });
      kept += turns.length / 2;
      if (kept > MOST_TURNS) {
        turnAll(rows, open.splice(0));
        kept = 0;
      }
    }
  }
  turnAll(rows, open);
}

/** Implicit, with Wilkinson's shift, between `first` and `last`; its rotations, as a {@link Step} keeps them. */
function qlStep(d: Float64Array, e: Float64Array, first: number, last: number): Float64Array {
  const turns = new Float64Array(2 * (last - first));
  const slope = (d[first + 1] - d[first]) / (2 * e[first]);
  const root = Math.hypot(slope, 1);
  let g = d[last] - d[first] + e[first] / (slope + (slope < 0 ? -root : root));
  let [sine, cosine, p] = [1, 1, 0];
  for (let i = last - 1; i >= first; i--) {
    const f = sine * e[i];
    const b = cosine * e[i];
    const r = Math.hypot(f, g);
    if (i + 1 < last) e[i + 1] = r;
    [sine, cosine] = r === 0 ? [0, 1] : [f / r, g / r];
    g = d[i + 1] - p;
    const q = (d[i] - g) * sine + 2 * cosine * b;
    p = sine * q;
    d[i + 1] = g + p;
    g = cosine * q - b;
    turns[2 * (i - first)] = cosine;
    turns[2 * (i - first) + 1] = sine;
  }
  d[first] -= p;
  e[first] = g;
  return turns;
}

/** Run by run, so that the rows of a run stay in the cache for all steps. */
function turnAll({ runs }: Rows, steps: readonly Step[]): void {
  for (const rows of runs) for (const step of steps) turn(rows, step);
}

function turn(rows: Float64Array, { last, turns }: Step): void {
  let at = TOGETHER * last;
  let x0 = rows[at];
  let x1 = rows[at + 1];
  let x2 = rows[at + 2];
  let x3 = rows[at + 3];
  for (let t = turns.length - 2; t >= 0; t -= 2) {
    const cosine = turns[t];
    const sine = turns[t + 1];
    const y0 = rows[at - 4];
    const y1 = rows[at - 3];
    const y2 = rows[at - 2];
    const y3 = rows[at - 1];
    rows[at] = sine * y0 + cosine * x0;
    rows[at + 1] = sine * y1 + cosine * x1;
    rows[at + 2] = sine * y2 + cosine * x2;
    rows[at + 3] = sine * y3 + cosine * x3;
    x0 = cosine * y0 - sine * x0;
    x1 = cosine * y1 - sine * x1;
    x2 = cosine * y2 - sine * x2;
    x3 = cosine * y3 - sine * x3;
    at -= TOGETHER;
  }
  rows[at] = x0;
  rows[at + 1] = x1;
  rows[at + 2] = x2;
  rows[at + 3] = x3;
}

function descending(unsorted: Float64Array, { runs }: Rows, size: number): Eigen {
  const order = Int32Array.from(unsorted.keys()).sort((a, b) => unsorted[b] - unsorted[a]);
  const vectors = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const rows = runs[Math.floor(row / TOGETHER)];
    for (let k = 0; k < size; k++) vectors[row * size + k] = rows[TOGETHER * order[k] + (row % TOGETHER)];
  }
  return { values: Float64Array.from(order, from => unsorted[from]), vectors };
}
