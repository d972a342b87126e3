import fc from 'fast-check';
import { gram } from '../../lib/core/gram';
import { random } from '../../lib/core/random';

const { normal } = random(4, 'gram');

test('the products of samples, whatever their number and size', () => {
  const shapes = fc.record({
    size: fc.integer({ min: 1, max: 11 }),
    count: fc.integer({ min: 0, max: 150 }),
    left: fc.nat(11),
  });
  fc.assert(
    fc.property(shapes, ({ size, count, left }) => {
      const columns = Math.min(left, size);
      const samples = Array.from({ length: count }, () => Float64Array.from({ length: size }, normal));
      const sums = gram(size, columns);
      for (const sample of samples) sums.add(sample.subarray(0, columns), sample.subarray(columns));
      expect(sums.count).toBe(count);
      for (let i = 0; i < size; i++) {
        for (let j = 0; j <= i && j < columns; j++) {
          const wanted = samples.reduce((sum, sample) => sum + sample[i] * sample[j], 0);
          expect(Math.abs(sums.at(i, j) - wanted)).toBeLessThan(1e-11);
        }
      }
    }),
  );
});

test('sums go on after they were asked for', () => {
  const sums = gram(2);
  sums.add([1, 2]);
  expect(sums.at(1, 0)).toBe(2);
  sums.add([3, 5]);
  expect([sums.at(0, 0), sums.at(1, 0), sums.at(1, 1)]).toEqual([10, 17, 29]);
});

test('single precision numbers are multiplied in double precision', () => {
  const sums = gram(1);
  const [small, large] = [Math.fround(0.01), 1e3];
  sums.add(Float32Array.of(large));
  for (let i = 0; i < 1000; i++) sums.add(Float32Array.of(small));
  expect(Math.abs(sums.at(0, 0) - (1e6 + 1000 * small * small))).toBeLessThan(1e-7);
});
