import fc from 'fast-check';
import { centreAlong, scaleAlong, turnAlong } from '../../lib/core/along';
import { ndarray, sizeOf, type NdArray } from '../../lib/core/array';
import { randomOrthogonal } from '../../lib/core/linalg';
import { random } from '../../lib/core/random';

const { normal } = random(2, 'along');
const drawn = (shape: readonly number[]): NdArray =>
  ndarray(Float32Array.from({ length: sizeOf(shape) }, normal), shape);

/** Every array has axes of up to 9, and one of them is meant. */
const places = fc
  .array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 })
  .chain(shape => fc.record({ shape: fc.constant(shape), axis: fc.nat(shape.length - 1) }));

/** Each line along `axis` as `change` has it. */
function lines(
  { shape, data }: NdArray,
  axis: number,
  change: (line: readonly number[]) => readonly number[],
): number[] {
  const inner = sizeOf(shape.slice(axis + 1));
  const wanted = Array.from(data);
  for (let start = 0; start < data.length; start++) {
    if (Math.floor(start / inner) % shape[axis] !== 0) continue;
    const at = Array.from({ length: shape[axis] }, (_, k) => start + k * inner);
    change(at.map(i => data[i])).forEach((value, k) => (wanted[at[k]] = value));
  }
  return wanted;
}

function expectLines(got: NdArray, before: NdArray, axis: number, change: Parameters<typeof lines>[2]): void {
  expect(got.shape).toEqual(before.shape);
  expect(got.dtype).toBe('float32');
  const farthest = lines(before, axis, change).reduce((most, x, i) => Math.max(most, Math.abs(got.data[i] - x)), 0);
  expect(farthest).toBeLessThan(1e-5);
}

test('scaled position by position', () => {
  fc.assert(
    fc.property(places, ({ shape, axis }) => {
      const [array, factors] = [drawn(shape), Float32Array.from({ length: shape[axis] }, normal)];
      expectLines(scaleAlong(array, axis, factors), array, axis, line => line.map((x, k) => x * factors[k]));
    }),
  );
});

test('freed of the mean', () => {
  fc.assert(
    fc.property(places, ({ shape, axis }) => {
      const array = drawn(shape);
      expectLines(centreAlong(array, axis), array, axis, line => {
        const mean = line.reduce((sum, x) => sum + x, 0) / line.length;
        return line.map(x => x - mean);
      });
    }),
  );
});

test('turned to another basis, and back', () => {
  fc.assert(
    fc.property(places, ({ shape, axis }) => {
      const length = shape[axis];
      const [array, basis] = [drawn(shape), randomOrthogonal(length, normal)];
      const turned = turnAlong(array, axis, basis);
      expectLines(turned, array, axis, line =>
        line.map((_, k) => line.reduce((sum, x, j) => sum + x * basis[j * length + k], 0)),
      );
      const back = basis.map((_, at) => basis[(at % length) * length + Math.floor(at / length)]);
      expectLines(turnAlong(turned, axis, back), array, axis, line => line);
    }),
  );
});

test('the array itself is left alone', () => {
  const array = drawn([3, 4]);
  const before = array.data.slice();
  scaleAlong(array, 1, [1, 2, 3, 4]);
  centreAlong(array, 0);
  turnAlong(array, 0, randomOrthogonal(3, normal));
  expect(array.data).toEqual(before);
});
