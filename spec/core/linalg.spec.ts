import fc from 'fast-check';
import { cholesky, randomOrthogonal, rank, regression, solveSymmetric } from '../../lib/core/linalg';
import { random } from '../../lib/core/random';

const { normal } = random(1, 'linalg');
const normals = (length: number): Float64Array => Float64Array.from({ length }, () => normal());

/** A x B for row-major `[m, k]` and `[k, n]`. */
function product(a: Float64Array, b: Float64Array, m: number, k: number, n: number): Float64Array {
  return Float64Array.from({ length: m * n }, (_, at) => {
    let sum = 0;
    for (let i = 0; i < k; i++) sum += a[Math.floor(at / n) * k + i] * b[i * n + (at % n)];
    return sum;
  });
}

const transposed = (a: Float64Array, m: number, n: number): Float64Array =>
  Float64Array.from({ length: a.length }, (_, at) => a[(at % m) * n + Math.floor(at / m)]);
const farthest = (a: Float64Array, b: Float64Array): number =>
  a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i])), a.length === b.length ? 0 : Infinity);
const definite = (size: number): Float64Array => {
  const root = normals(size * (size + 2));
  return product(root, transposed(root, size, size + 2), size, size + 2, size);
};

describe('cholesky', () => {
  test('a factor by hand', () => {
    const matrix = Float64Array.of(4, 12, -16, 12, 37, -43, -16, -43, 98);
    expect(Array.from(cholesky(matrix, 3)!)).toEqual([2, 0, 0, 6, 1, 0, -8, 5, 3]);
  });

  test('the factor times its transpose is the matrix', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), size => {
        const matrix = definite(size);
        const factor = cholesky(matrix, size)!;
        expect(farthest(product(factor, transposed(factor, size, size), size, size, size), matrix)).toBeLessThan(1e-12);
      }),
    );
  });

  test('what is not positive definite has none', () => {
    expect(cholesky(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined();
    expect(cholesky(Float64Array.of(0), 1)).toBeUndefined();
    expect(cholesky(Float64Array.of(NaN), 1)).toBeUndefined();
    expect(solveSymmetric(Float64Array.of(1, 1, 1, 1), Float64Array.of(1, 2), 2, 1)).toBeUndefined();
  });
});

test('solveSymmetric finds the known solution and leaves its arguments alone', () => {
  for (const [size, columns] of [
    [1, 1],
    [5, 3],
    [40, 7],
  ]) {
    const [matrix, wanted] = [definite(size), normals(size * columns)];
    const right = product(matrix, wanted, size, size, columns);
    const before = [matrix.slice(), right.slice()];
    expect(farthest(solveSymmetric(matrix, right, size, columns)!, wanted)).toBeLessThan(1e-8);
    expect([matrix, right]).toEqual(before);
  }
});

test.each([1, 2, 7, 60])(
  'a random orthogonal matrix of size %i is orthogonal, and the same for the same numbers',
  size => {
    const matrix = randomOrthogonal(size, random(9, 'orthogonal').normal);
    const own = product(matrix, transposed(matrix, size, size), size, size, size);
    const identity = own.map((_, at) => (at % (size + 1) === 0 ? 1 : 0));
    expect(farthest(own, identity)).toBeLessThan(1e-14);
    expect(randomOrthogonal(size, random(9, 'orthogonal').normal)).toEqual(matrix);
  },
);

describe('rank', () => {
  const single = 2 ** -23;
  const shapes = fc.record({
    rows: fc.integer({ min: 1, max: 14 }),
    columns: fc.integer({ min: 1, max: 14 }),
    most: fc.integer({ min: 0, max: 14 }),
  });

  test('a product of random factors has the rank of the narrower one, in double and in single precision', () => {
    fc.assert(
      fc.property(shapes, ({ rows, columns, most }) => {
        const wanted = Math.min(rows, columns, most);
        const matrix = product(normals(rows * wanted), normals(wanted * columns), rows, wanted, columns);
        expect(rank(matrix.slice(), rows, columns, 1e-12)).toBe(wanted);
        const rounded = Float64Array.from(Float32Array.from(matrix));
        expect(rank(rounded, rows, columns, 16 * single)).toBe(wanted);
      }),
      { numRuns: 200 },
    );
  });

  test('neither turning, scaling, nor copies of rows and columns change it', () => {
    fc.assert(
      fc.property(shapes, fc.constantFrom(1e-30, 1, -1e30), ({ rows, columns, most }, scale) => {
        const inner = Math.min(rows, columns, most);
        const matrix = product(normals(rows * inner), normals(inner * columns), rows, inner, columns);
        const wanted = rank(matrix.slice(), rows, columns, 1e-12);
        expect(rank(transposed(matrix, rows, columns), columns, rows, 1e-12)).toBe(wanted);
        expect(rank(matrix.map(value => value * scale), rows, columns, 1e-12)).toBe(wanted); // prettier-ignore
        const twice = new Float64Array([...matrix, ...matrix]);
        expect(rank(twice.slice(), 2 * rows, columns, 1e-12)).toBe(wanted);
        expect(rank(transposed(twice, 2 * rows, columns), columns, 2 * rows, 1e-12)).toBe(wanted);
      }),
    );
  });

  test('by hand', () => {
    expect(rank(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), 3, 3, 1e-12)).toBe(2);
    expect(rank(Float64Array.of(0, 1, 0, 0, 0, 2, 0, 0, 0), 3, 3, 1e-12)).toBe(2);
    expect(rank(new Float64Array(12), 3, 4, 1e-12)).toBe(0);
    expect(rank(Float64Array.of(1, 0, 0, 1e-3), 2, 2, 1e-2)).toBe(1);
    expect(rank(Float64Array.of(1, 0, 0, 1e-3), 2, 2, 1e-4)).toBe(2);
    expect(rank(new Float64Array(0), 0, 0, 0)).toBe(0);
  });
});

describe('regression', () => {
  const inputs = 5;
  const outputs = 3;
  const slopes = normals(inputs * outputs);
  const shift = normals(outputs);

  /** `count` samples with inputs around 2, fed one by one into arrays that are used again. */
  function fed(count: number, { noise = 0, lean = false } = {}) {
    const sums = regression(inputs, outputs);
    const { normal } = random(count, 'samples');
    const [x, y] = [new Float64Array(inputs), new Float64Array(outputs)];
    for (let i = 0; i < count; i++) {
      for (let at = 0; at < inputs; at++) x[at] = 2 + normal();
      if (lean) x[4] = x[0] - 2 * x[1]; // a direction in which the inputs never vary
      const exact = product(x, slopes, 1, inputs, outputs);
      y.set(exact.map((value, o) => value + shift[o] + noise * normal()));
      sums.add(x, y);
    }
    return sums;
  }

  test.each([6, 63, 64, 65, 200])('%i samples without noise give what made them', count => {
    const fit = fed(count).solve({ ridge: 0, intercept: true });
    expect(farthest(fit.slopes, slopes)).toBeLessThan(1e-7);
    expect(farthest(fit.intercept, shift)).toBeLessThan(1e-7);
  });

  test('with noise the residuals do not depend on the inputs, and no other slopes do better', () => {
    const [xs, ys] = [normals(80 * inputs), normals(80 * outputs)];
    const sums = regression(inputs, outputs);
    for (let i = 0; i < 80; i++) {
      sums.add(xs.slice(i * inputs, (i + 1) * inputs), ys.slice(i * outputs, (i + 1) * outputs));
    }
    const fit = sums.solve({ ridge: 0, intercept: false });
    const residual = product(xs, fit.slopes, 80, inputs, outputs).map((y, i) => ys[i] - y);
    const explained = product(transposed(xs, 80, inputs), residual, inputs, 80, outputs);
    expect(farthest(explained, new Float64Array(inputs * outputs))).toBeLessThan(1e-8);
    expect(Array.from(fit.intercept)).toEqual([0, 0, 0]);
  });

  test('a ridge shrinks the slopes, and the intercept follows', () => {
    const sums = fed(300);
    const size = (ridge: number): number => Math.hypot(...sums.solve({ ridge, intercept: true }).slopes);
    expect(size(1)).toBeLessThan(size(0.1));
    expect(size(0.1)).toBeLessThan(size(0));
    const { slopes: none, intercept } = sums.solve({ ridge: 1e12, intercept: true });
    expect(farthest(none, new Float64Array(none.length))).toBeLessThan(1e-8);
    const mean = product(new Float64Array(inputs).fill(2), slopes, 1, inputs, outputs).map((y, o) => y + shift[o]);
    expect(farthest(intercept, mean)).toBeLessThan(0.5);
  });

  test('inputs that depend on each other still give predictions that fit', () => {
    const { slopes: found, intercept } = fed(200, { lean: true }).solve({ ridge: 0, intercept: true });
    const x = Float64Array.of(1, 3, -2, 0.5, 1 - 6);
    const [got, wanted] = [found, slopes].map(each => product(x, each, 1, inputs, outputs));
    const error = got.map((y, o) => y + intercept[o] - wanted[o] - shift[o]);
    expect(farthest(error, new Float64Array(outputs))).toBeLessThan(1e-4);
  });

  test('without inputs it is the mean; inputs that never vary, and no samples at all, give zeros', () => {
    const mean = regression(0, 2);
    for (const y of [1, 2, 6]) mean.add(new Float64Array(0), Float64Array.of(y, -y));
    expect(Array.from(mean.solve({ ridge: 1, intercept: true }).intercept)).toEqual([3, -3]);
    const flat = regression(2, 1);
    for (const y of [1, 3]) flat.add(Float64Array.of(5, 0), Float64Array.of(y));
    expect(flat.solve({ ridge: 0, intercept: true })).toEqual({
      slopes: new Float64Array(2),
      intercept: Float64Array.of(2),
    });
    expect(regression(2, 1).solve({ ridge: 0, intercept: true }).intercept).toEqual(Float64Array.of(0));
  });
});
