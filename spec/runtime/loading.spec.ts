/** Shares of domains in the batches. */
import { updateShares } from '../../lib/runtime/loading';

const sum = (all: readonly number[]): number => all.reduce((total, each) => total + each, 0);

test('losses at their references leave the shares as they are', () => {
  const shares = [0.2, 0.3, 0.5];
  for (const clip of [true, false]) {
    updateShares(shares, [1, 2, 3], [1, 2, 3], clip).forEach((share, i) => expect(share).toBeCloseTo(shares[i], 3));
  }
});

test('equal distances leave them too; the larger the distance, the larger the share; they add up to one', () => {
  const shares = [0.25, 0.25, 0.5];
  updateShares(shares, [1.5, 2.5, 3.5], [1, 2, 3], true).forEach((share, i) => expect(share).toBeCloseTo(shares[i], 3));
  const [a, b, c] = updateShares([1 / 3, 1 / 3, 1 / 3], [1.1, 2.5, 4], [1, 2, 3], true);
  expect(a).toBeLessThan(b);
  expect(b).toBeLessThan(c);
  expect(b / a).toBeCloseTo(Math.exp(0.4), 2);
  expect(a + b + c).toBeCloseTo(1, 9);
});

test('below its reference a domain counts as one at it, unless it is said otherwise', () => {
  const clipped = updateShares([0.5, 0.5], [0, 2], [1, 2], true);
  expect(clipped[0]).toBeCloseTo(0.5, 6);
  const free = updateShares([0.5, 0.5], [0, 2], [1, 2], false);
  expect(free[0] / free[1]).toBeCloseTo(Math.exp(-1), 3);
});

test('no domain dries up', () => {
  let shares = [0.5, 0.5];
  for (let round = 0; round < 50; round++) shares = updateShares(shares, [5, 1], [1, 1], true);
  expect(shares[1]).toBeGreaterThan(4e-5);
  expect(sum(shares)).toBeCloseTo(1, 9);
});
