import fc from 'fast-check';
import {
  firstNotFinite,
  gather,
  gatherAxes,
  interleave,
  ndarray,
  relativeError,
  rows,
  sizeOf,
  sumAlong,
  zeroAt,
  type NdArray,
} from '../../lib/core/array';

/** Arrays of 1 to 4 axes of every dtype, each element distinct so that a wrong index shows. */
const arrays: fc.Arbitrary<NdArray> = fc
  .tuple(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }), fc.constantFrom('f', 'i', 'b'))
  .map(([shape, kind]) => {
    const size = sizeOf(shape);
    const values = Array.from({ length: size }, (_, i) => i + 1);
    const data =
      kind === 'f'
        ? Float32Array.from(values, v => v / 3 - 7)
        : kind === 'i'
          ? Int32Array.from(values)
          : Uint8Array.from(values);
    return ndarray(data, shape);
  });

const withAxis = arrays.chain(array =>
  fc.record({ array: fc.constant(array), axis: fc.integer({ min: 0, max: array.shape.length - 1 }) }),
);

const withPositions = withAxis.chain(({ array, axis }) =>
  fc.record({
    array: fc.constant(array),
    axis: fc.constant(axis),
    positions: fc.array(fc.integer({ min: 0, max: array.shape[axis] - 1 }), { minLength: 0, maxLength: 6 }),
  }),
);

describe('ndarray', () => {
  test('the dtype follows from the typed array and the data is not copied', () => {
    const data = new Float32Array(6);
    const array = ndarray(data, [2, 3]);
    expect(array.data).toBe(data);
    expect(array.dtype).toBe('float32');
    expect(ndarray(new Int32Array(1), [1]).dtype).toBe('int32');
    expect(ndarray(new Uint8Array(1), [1]).dtype).toBe('bool');
  });

  test('sizeOf is the product; of no axes it is 1', () => {
    expect(sizeOf([])).toBe(1);
    expect(sizeOf([2, 3, 4])).toBe(24);
    expect(sizeOf([2, 0, 4])).toBe(0);
  });
});

describe('gather', () => {
  test('equals the naive version, element by element', () => {
    fc.assert(
      fc.property(withPositions, ({ array, axis, positions }) => {
        const result = gather(array, axis, positions);
        expect(result.shape).toEqual(array.shape.map((size, a) => (a === axis ? positions.length : size)));
        expect(result.dtype).toBe(array.dtype);
        expect(result.data.constructor).toBe(array.data.constructor);
        expect(result.data.length).toBe(sizeOf(result.shape));
        everyIndex(result.shape).forEach(index => {
          const source = index.map((i, a) => (a === axis ? positions[i] : i));
          expect(at(result, index)).toBe(at(array, source));
        });
      }),
    );
  });

  test('leaves its input alone', () => {
    fc.assert(
      fc.property(withPositions, ({ array, axis, positions }) => {
        const before = Array.from(array.data);
        const result = gather(array, axis, positions);
        result.data.fill(99);
        expect(Array.from(array.data)).toEqual(before);
      }),
    );
  });

  test('gathering twice is gathering the composition', () => {
    fc.assert(
      fc.property(withPositions, ({ array, axis, positions }) => {
        fc.pre(positions.length > 0);
        const again = positions.map((_, i) => positions.length - 1 - i);
        const twice = gather(gather(array, axis, positions), axis, again);
        const once = gather(
          array,
          axis,
          again.map(i => positions[i]),
        );
        expect(twice).toEqual(once);
      }),
    );
  });

  test('rows copies examples in the order given', () => {
    const array = ndarray(Float32Array.from([1, 2, 3, 4, 5, 6]), [3, 2]);
    expect(rows(array, [2, 0])).toEqual(ndarray(Float32Array.from([5, 6, 1, 2]), [2, 2]));
  });
});

describe('interleave', () => {
  test('undoes gathering some positions and gathering the others, byte for byte', () => {
    const split = withAxis.chain(({ array, axis }) =>
      fc.record({
        array: fc.constant(array),
        axis: fc.constant(axis),
        positions: fc.subarray([...Array(array.shape[axis]).keys()]),
      }),
    );
    fc.assert(
      fc.property(split, ({ array, axis, positions }) => {
        const others = [...Array(array.shape[axis]).keys()].filter(position => !positions.includes(position));
        const [kept, rest] = [gather(array, axis, positions), gather(array, axis, others)];
        expect(interleave(kept, positions, rest, axis)).toEqual(array);
      }),
    );
  });
});

describe('zeroAt', () => {
  test('zeroes exactly the positions and copies the rest', () => {
    fc.assert(
      fc.property(withPositions, ({ array, axis, positions }) => {
        const before = Array.from(array.data);
        const result = zeroAt(array, axis, positions);
        expect(result.shape).toEqual(array.shape);
        expect(result.dtype).toBe(array.dtype);
        everyIndex(array.shape).forEach(index => {
          expect(at(result, index)).toBe(positions.includes(index[axis]) ? 0 : at(array, index));
        });
        expect(Array.from(array.data)).toEqual(before);
      }),
    );
  });
});

describe('gatherAxes', () => {
  const cuts = arrays.chain(array =>
    fc.record({
      array: fc.constant(array),
      kept: fc.tuple(
        ...array.shape.map(size => fc.option(fc.array(fc.integer({ min: 0, max: size - 1 }), { maxLength: 5 }))),
      ),
    }),
  );

  test('equals one gather after the other', () => {
    fc.assert(
      fc.property(cuts, ({ array, kept }) => {
        const cut = [...kept.entries()].filter((entry): entry is [number, number[]] => entry[1] !== null);
        const expected = cut.reduce((left, [axis, positions]) => gather(left, axis, positions), array);
        expect(gatherAxes(array, new Map(cut))).toEqual(expected);
      }),
    );
  });
});

describe('sumAlong', () => {
  test.each([1, 2] as const)('equals the naive sum of |value| to the power of %i', power => {
    fc.assert(
      fc.property(withAxis, ({ array, axis }) => {
        const expected = new Float64Array(array.shape[axis]);
        everyIndex(array.shape).forEach(index => (expected[index[axis]] += Math.abs(at(array, index)) ** power));
        const sums = sumAlong(array, axis, power);
        expect(sums).toBeInstanceOf(Float64Array);
        expect(sums.length).toBe(expected.length);
        sums.forEach((sum, i) => expect(sum).toBeCloseTo(expected[i], 9));
      }),
    );
  });
});

describe('firstNotFinite', () => {
  test('is -1 for finite data and for integers', () => {
    expect(firstNotFinite(ndarray(Float32Array.from([0, -1, 1e38]), [3]))).toBe(-1);
    expect(firstNotFinite(ndarray(Int32Array.from([1]), [1]))).toBe(-1);
  });

  test.each([NaN, Infinity, -Infinity])('finds the first %p', bad => {
    expect(firstNotFinite(ndarray(Float32Array.from([0, 1, bad, bad]), [4]))).toBe(2);
  });
});

describe('relativeError', () => {
  test('is the largest difference over the largest |b|', () => {
    expect(relativeError([1, 2, 3], [1, 2, 3])).toBe(0);
    expect(relativeError([1, 2.5, -3], [1, 2, -4])).toBeCloseTo(1 / 4, 12);
    expect(relativeError([10, 0], [-10, 0])).toBe(2);
  });

  test('of an all-zero b it is the difference itself', () => {
    expect(relativeError([0.5, 0], [0, 0])).toBe(0.5);
    expect(relativeError([0, 0], [0, 0])).toBe(0);
  });

  test('never calls NaN, infinities that differ, or other lengths equal', () => {
    expect(relativeError([NaN], [1])).toBe(Infinity);
    expect(relativeError([1], [NaN])).toBe(Infinity);
    expect(relativeError([NaN], [NaN])).toBe(Infinity);
    expect(relativeError([1, 2], [1])).toBe(Infinity);
    expect(relativeError([Infinity], [1])).toBe(Infinity);
  });

  test('never calls a finite value and an infinite reference equal', () => {
    expect(relativeError([1], [Infinity])).toBe(Infinity);
  });
});

function everyIndex(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (indices, size) => indices.flatMap(index => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  );
}

function at({ shape, data }: NdArray, index: readonly number[]): number {
  return data[index.reduce((offset, i, axis) => offset * shape[axis] + i, 0)];
}
