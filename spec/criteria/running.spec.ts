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
  const UNITS = 200;

  /** After how many batches it settles, and how near the ranking then is to that of the truth. */
  const settle = (
    least: number,
    batches: number,
    truth: Float64Array,
    draw: (value: number, batch: number) => number,
  ) => {
    const mean = running(UNITS);
    const settled = settling([UNITS], least);
    for (let batch = 1; batch <= batches; batch++) {
      const values = truth.map(value => draw(value, batch));
      mean.add(values);
      if (settled([[values]])) return { stopped: batch, near: spearman(mean.scores().values, truth) };
    }
    return { stopped: Infinity, near: NaN };
  };
  const { normal, uniform } = random(1, 'scores');
  const truth = Float64Array.from({ length: UNITS }, normal);

  test('the noisier, the later, and never before the sixth batch; the ranking is as near the truth as was asked for', () => {
    const stops = [0, 1, 2, 4].map(noise => settle(0.95, 500, truth, value => value + noise * normal()));
    expect(stops[0].stopped).toBe(6);
    stops.slice(1).forEach(({ stopped, near }, i) => {
      expect(stopped).toBeGreaterThan(stops[i].stopped);
      expect(near).toBeGreaterThan(0.93);
      expect(near).toBeLessThan(0.98);
    });
  });

  test('a batch that outweighs all the others does not make them agree', () => {
    const outlier = truth.map(() => 1000 * uniform());
    const { stopped } = settle(0.9, 100, outlier, (value, batch) => (batch === 1 ? value : 0) + normal());
    expect(stopped).toBe(Infinity);
  });

  test('noise alone does not settle', () => {
    expect(settle(0.9, 200, truth, () => normal()).stopped).toBe(Infinity);
  });

  test('groups are compared each for itself, and one of equal scores agrees with itself', () => {
    const settled = settling([3, 2, 1], 0.99);
    const groups = (turn: number): Float64Array[][] => [[Float64Array.of(1, 2, 3)], [Float64Array.of(turn, 100 - turn)], [Float64Array.of(5)]]; // prettier-ignore
    // the second group turns with every batch; over all units the ranks would hardly show it
    for (let batch = 0; batch < 12; batch++) expect(settled(groups(batch % 2 ? 10 : 90))).toBe(false);
    const still = settling([3, 1], 0.99);
    const equal = [[Float64Array.of(0, 0, 0)], [Float64Array.of(4)]];
    expect([1, 2, 3, 4, 5, 6].map(() => still(equal))).toEqual([false, false, false, false, false, true]);
  });
});
