import { binned, widest } from '../../lib/core/gammas';

test('bins reach from 0 to the end, by size and not by sign; what is beyond counts in the last', () => {
  const counts = binned([Float32Array.of(0, 0.49, -0.49), Float32Array.of(-1, 23.9, 24, 99)], 24);
  expect(counts).toHaveLength(24);
  expect([counts[0], counts[1], counts[23]]).toEqual([3, 1, 3]);
  expect(counts.reduce((a, b) => a + b)).toBe(7);
});

test('the widest is the end of the axis, which is never 0', () => {
  expect(widest([Float32Array.of(0.5, -2), Float32Array.of(1)])).toBe(2);
  expect(widest([new Float32Array(3)])).toBe(1);
});
