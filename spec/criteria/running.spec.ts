import { random } from '../../lib/core/random';
import { spearman } from '../../lib/core/ranks';
import { running, settling } from '../../lib/criteria/running';

describe('running', () => {
  test('means and standard errors of a known case', () => {
    const mean = running(2);
    for (const row of [
      [2, 1e9 + 1],
      [4, 1e9 + 2],
      [9, 1e9 + 3],
    ]) {
      mean.add(row);
    }
    const { values, standardError } = mean.scores();
    expect(Array.from(values)).toEqual([5, 1e9 + 2]);
    // squares of distances 9 + 1 + 16 and 1 + 0 + 1, over 2, over 3
    expect(standardError![0]).toBeCloseTo(Math.sqrt(26 / 2 / 3), 12);
    expect(standardError![1]).toBeCloseTo(Math.sqrt(2 / 2 / 3), 12);
  });

  test('one observation has no standard error, none is zero', () => {
    const mean = running(1);
    expect(mean.scores()).toEqual({ values: Float64Array.of(0) });
    mean.add([7]);
    expect(mean.scores()).toEqual({ values: Float64Array.of(7) });
  });

  test('what was handed out does not change', () => {
    const mean = running(1);
    mean.add([1]);
    const { values } = mean.scores();
    mean.add([3]);
    expect(values[0]).toBe(1);
  });
});

describe('settling', () => {
  const noisy = (noise: number, batches: number): { stopped: number; truth: number } => {
    const { normal } = random(1, 'scores', noise);
    const truth = Float64Array.from({ length: 200 }, normal);
    const mean = running(truth.length);
    const settled = settling(0.95);
    for (let batch = 1; batch <= batches; batch++) {
      mean.add(truth.map(value => value + noise * normal()));
      if (settled([mean.scores().values])) return { stopped: batch, truth: spearman(mean.scores().values, truth) };
    }
    return { stopped: Infinity, truth: spearman(mean.scores().values, truth) };
  };

  test('the noisier, the later, and never before the sixth batch; the ranking is as near the truth as was asked for', () => {
    const stops = [0, 1, 2, 4].map(noise => noisy(noise, 500));
    expect(stops[0].stopped).toBe(6);
    stops.slice(1).forEach(({ stopped, truth }, i) => {
      expect(stopped).toBeGreaterThan(stops[i].stopped);
      expect(truth).toBeGreaterThan(0.93);
      expect(truth).toBeLessThan(0.98);
    });
  });

  test('noise alone does not settle', () => {
    const { normal } = random(2, 'noise');
    const mean = running(200);
    const settled = settling(0.9);
    for (let batch = 0; batch < 200; batch++) {
      mean.add(Float64Array.from({ length: 200 }, normal));
      expect(settled([mean.scores().values])).toBe(false);
    }
  });

  test('groups are compared each for itself, and one of equal scores agrees with itself', () => {
    const settled = settling(0.99);
    const groups = (turn: number): Float64Array[] => [Float64Array.of(1, 2, 3), Float64Array.of(turn, 100 - turn), Float64Array.of(5)]; // prettier-ignore
    // the second group turns with every batch; over all units the ranks would hardly show it
    for (let batch = 0; batch < 12; batch++) expect(settled(groups(batch % 2 ? 10 : 90))).toBe(false);
    const still = settling(0.99);
    const equal = [Float64Array.of(0, 0, 0), Float64Array.of(4)];
    expect([1, 2, 3, 4, 5, 6].map(() => still(equal))).toEqual([false, false, false, false, false, true]);
  });
});
