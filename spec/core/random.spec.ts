import fc from 'fast-check';
import { random } from '../../lib/core/random';

const DRAWS = 20_000;

describe('random', () => {
  test('the same seed and labels give the same stream', () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), (seed, label) => {
        const [a, b] = [random(seed, label, 1), random(seed, label, 1)];
        expect(Array.from({ length: 5 }, a.uniform)).toEqual(Array.from({ length: 5 }, b.uniform));
      }),
    );
  });

  test('the stream is the same on every machine', () => {
    const { uniform } = random(7, 'fixed');
    const first = [uniform(), uniform(), uniform()];
    const again = random(7, 'fixed');
    expect(first).toEqual([again.uniform(), again.uniform(), again.uniform()]);
    expect(first.every(value => value >= 0 && value < 1)).toBe(true);
    expect(new Set(first).size).toBe(3);
  });

  test.each([
    [[1], [2]],
    [
      [1, 'a'],
      [1, 'b'],
    ],
    [[1], [1, 'a']],
    [
      [1, 'a', 'b'],
      [1, 'b', 'a'],
    ],
    [
      [1, 12],
      [11, 2],
    ],
  ] as const)('the streams of %j and %j differ', (one, other) => {
    const [a, b] = [random(...(one as readonly [number])), random(...(other as readonly [number]))];
    expect(a.uniform()).not.toBe(b.uniform());
  });

  test('drawing from one stream does not shift another', () => {
    const alone = random(3, 'b').uniform();
    const [a, b] = [random(3, 'a'), random(3, 'b')];
    a.uniform();
    a.permutation(10);
    expect(b.uniform()).toBe(alone);
  });

  test('uniform has the mean, the variance and the range of [0, 1)', () => {
    const { uniform } = random(1);
    const values = Array.from({ length: DRAWS }, uniform);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    const { mean, variance } = moments(values);
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.005);
  });

  test('normal has mean 0, variance 1, no skew and the tails of a Gaussian', () => {
    const { normal } = random(2);
    const values = Array.from({ length: DRAWS }, normal);
    expect(values.every(Number.isFinite)).toBe(true);
    const { mean, variance } = moments(values);
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    const beyond = values.filter(value => Math.abs(value) > 1.959964).length / DRAWS;
    expect(Math.abs(beyond - 0.05)).toBeLessThan(0.007);
    expect(Math.abs(values.filter(value => value > 0).length / DRAWS - 0.5)).toBeLessThan(0.015);
  });

  test('integer is uniform over 0 .. below - 1', () => {
    const { integer } = random(3);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < DRAWS; i++) counts[integer(7)] += 1;
    for (const count of counts) expect(Math.abs(count / DRAWS - 1 / 7)).toBeLessThan(0.01);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(DRAWS);
  });

  test('permutation holds every index once', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 50 }), (seed, length) => {
        const order = random(seed).permutation(length);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
      }),
    );
  });

  test('every order of three comes equally often', () => {
    const { permutation } = random(4);
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i++) {
      const key = permutation(3).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count / 12_000 - 1 / 6)).toBeLessThan(0.02);
  });
});

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, variance };
}
