/** Sums of products over samples, in double precision; the samples themselves are not kept. */

export interface Gram {
  /** Adds one sample, the numbers of `parts` one after the other; the arrays may be used again. */
  add(...parts: readonly ArrayLike<number>[]): void;
  /** Over all samples so far, the sum of the products of number `i` with number `j`, for j <= i and j < `columns`. */
  at(i: number, j: number): number;
  readonly count: number;
}

/** Samples are multiplied in blocks, because numbers that lie side by side are many times as fast. */
const BLOCK = 64;
/** Rows and columns of products worked on together, so that each number is loaded once for several of them. */
const [DOWN, ACROSS] = [2, 4];

/** Of samples of `size` numbers; their products with all but the first `columns` numbers are left out. */
export function gram(size: number, columns = size): Gram {
  const rows = upTo(size, DOWN);
  const stride = upTo(columns, ACROSS);
  const products = new Float64Array(rows * stride);
  // With room for the last rows and columns of the last tile, which stay zero.
  const block = new Float64Array(Math.max(rows, stride) * BLOCK);
  let [count, filled] = [0, 0];
  const flush = (): void => {
    for (let i = 0; i < rows; i += DOWN) {
      for (let j = 0; j < stride && j < i + DOWN; j += ACROSS) addTile(products, i * stride + j, stride, block, i, j, filled); // prettier-ignore
    }
    filled = 0;
  };
  return {
    add(...parts) {
      let at = filled;
      for (const part of parts) for (let i = 0; i < part.length; i++, at += BLOCK) block[at] = part[i];
      count += 1;
      filled += 1;
      if (filled === BLOCK) flush();
    },
    at(i, j) {
      if (filled > 0) flush();
      return products[i * stride + j];
    },
    get count() {
      return count;
    },
  };
}

function addTile(
  to: Float64Array,
  at: number,
  stride: number,
  from: Float64Array,
  i: number,
  j: number,
  count: number,
): void {
  // prettier-ignore
  const a = i * BLOCK;
  const b = j * BLOCK;
  let [x0, x1, x2, x3, y0, y1, y2, y3] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0; k < count; k++) {
    const x = from[a + k];
    const y = from[a + BLOCK + k];
    const c0 = from[b + k];
    const c1 = from[b + BLOCK + k];
    const c2 = from[b + 2 * BLOCK + k];
    const c3 = from[b + 3 * BLOCK + k];
    x0 += x * c0;
    x1 += x * c1;
    x2 += x * c2;
    x3 += x * c3;
    y0 += y * c0;
    y1 += y * c1;
    y2 += y * c2;
    y3 += y * c3;
  }
  to[at] += x0;
  to[at + 1] += x1;
  to[at + 2] += x2;
  to[at + 3] += x3;
  to[at + stride] += y0;
  to[at + stride + 1] += y1;
  to[at + stride + 2] += y2;
  to[at + stride + 3] += y3;
}

function upTo(size: number, multiple: number): number {
  return Math.ceil(size / multiple) * multiple;
}
