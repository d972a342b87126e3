import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { symmetricEigen } from '../../lib/core/eigen';
import { random } from '../../lib/core/random';

interface Case {
  readonly name: string;
  readonly size: number;
  readonly matrix: readonly number[];
  readonly values: readonly number[];
  /** So many directions are projected onto. */
  readonly kept: number;
  readonly projector: readonly number[];
}

const fixture = join(__dirname, 'fixtures', 'eigen.json');
const cases = JSON.parse(readFileSync(fixture, 'utf8')) as Case[];

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Largest |M v - lambda v| relative to M, and largest difference of VT V from the identity. */
function errors(matrix: ArrayLike<number>, size: number): { residual: number; orthogonality: number } {
  const { values, vectors } = symmetricEigen(Float64Array.from(matrix), size)!;
  let [residual, orthogonality] = [0, 0];
  for (let k = 0; k < size; k++) {
    for (let i = 0; i < size; i++) {
      let [product, inner] = [0, 0];
      for (let j = 0; j < size; j++) {
        product += matrix[i * size + j] * vectors[j * size + k];
        inner += vectors[j * size + i] * vectors[j * size + k];
      }
      residual = Math.max(residual, Math.abs(product - values[k] * vectors[i * size + k]));
      orthogonality = Math.max(orthogonality, Math.abs(inner - (i === k ? 1 : 0)));
    }
  }
  return { residual: residual / (largest(matrix) || 1), orthogonality };
}

function drawn(seed: number, size: number, rank: number): Float64Array {
  const { normal } = random(seed, 'eigen');
  const factor = Float64Array.from({ length: size * rank }, normal);
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      for (let r = 0; r < rank; r++) matrix[i * size + j] += factor[i * rank + r] * factor[j * rank + r];
    }
  }
  return matrix;
}

describe.each(cases)('$name', ({ size, matrix, values, kept, projector }) => {
  test('the values are those of NumPy, descending', () => {
    const found = symmetricEigen(Float64Array.from(matrix), size)!.values;
    const scale = largest(values);
    found.forEach((value, k) => expect(Math.abs(value - values[k]) / scale).toBeLessThan(1e-14));
    expect(Array.from(found)).toEqual(Array.from(found).sort((a, b) => b - a));
  });

  test('the first directions span what NumPy says', () => {
    const { vectors } = symmetricEigen(Float64Array.from(matrix), size)!;
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        let sum = 0;
        for (let k = 0; k < kept; k++) sum += vectors[i * size + k] * vectors[j * size + k];
        expect(Math.abs(sum - projector[i * size + j])).toBeLessThan(1e-12);
      }
    }
  });

  test('vectors are orthogonal and belong to the values', () => {
    const { residual, orthogonality } = errors(matrix, size);
    expect(residual).toBeLessThan(1e-13);
    expect(orthogonality).toBeLessThan(1e-13);
  });
});

test('matrices of any size and rank', () => {
  const shapes = fc.record({
    size: fc.integer({ min: 1, max: 24 }),
    rank: fc.integer({ min: 0, max: 24 }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(shapes, ({ size, rank, seed }) => {
      const { residual, orthogonality } = errors(drawn(seed, size, rank), size);
      expect(residual).toBeLessThan(1e-12);
      expect(orthogonality).toBeLessThan(1e-13);
    }),
  );
});

test('a matrix large enough that rotations are made in several goes', () => {
  const size = 301;
  const { residual, orthogonality } = errors(drawn(1, size, 200), size);
  expect(residual).toBeLessThan(1e-12);
  expect(orthogonality).toBeLessThan(1e-12);
});

test('a diagonal matrix, the identity and zeros', () => {
  expect(symmetricEigen(Float64Array.of(2, 0, 0, 0, -1, 0, 0, 0, 3), 3)!.values).toEqual(Float64Array.of(3, 2, -1));
  expect(symmetricEigen(Float64Array.of(1, 0, 0, 1), 2)).toEqual({
    values: Float64Array.of(1, 1),
    vectors: Float64Array.of(1, 0, 0, 1),
  });
  expect(symmetricEigen(new Float64Array(9), 3)!.values).toEqual(new Float64Array(3));
  expect(symmetricEigen(Float64Array.of(-5), 1)).toEqual({ values: Float64Array.of(-5), vectors: Float64Array.of(1) });
});

test('only what is on and below the diagonal counts, and nothing is overwritten', () => {
  const matrix = Float64Array.of(2, NaN, 1, 2);
  expect(symmetricEigen(matrix, 2)!.values[0]).toBeCloseTo(3, 14);
  expect(matrix).toEqual(Float64Array.of(2, NaN, 1, 2));
});

test('what is not finite has none', () => {
  expect(symmetricEigen(Float64Array.of(1, 0, NaN, 1), 2)).toBeUndefined();
  expect(symmetricEigen(Float64Array.of(Infinity), 1)).toBeUndefined();
});
