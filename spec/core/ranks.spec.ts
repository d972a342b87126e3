import { ranks, spearman } from '../../lib/core/ranks';

test('equal values share the mean of their ranks', () => {
  expect(Array.from(ranks([3, 1, 3, 0, 3]))).toEqual([3, 1, 3, 0, 3]);
  expect(Array.from(ranks([]))).toEqual([]);
});

test('the correlation is of ranks, not of values', () => {
  expect(spearman([1, 2, 3, 4], [1, 10, 100, 1000])).toBe(1);
  expect(spearman([1, 2, 3, 4], [9, 4, 1, 0])).toBe(-1);
  // 1 - 6 * (1 + 1) / (4 * 15)
  expect(spearman([1, 2, 3, 4], [2, 1, 3, 4])).toBeCloseTo(0.8, 12);
  // with ties: numpy.corrcoef([0, 1.5, 1.5, 3, 4], [1, 0, 2.5, 2.5, 4])
  expect(spearman([1, 2, 2, 4, 5], [3, 1, 4, 4, 5])).toBeCloseTo(0.7631578947368421, 12);
  expect(spearman([1, 1, 1], [1, 2, 3])).toBeNaN();
});
