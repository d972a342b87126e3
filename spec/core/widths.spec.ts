import fc from 'fast-check';
import { random } from '../../lib/core/random';
import { plateaus, type GroupWidths, type WidthTable } from '../../lib/core/widths';
import { widthGrid } from '../../lib/methods/scan';

/** Stairs of `multiple`: milliseconds of a group of `units` at every width of the grid, off by up to `noise` of it. */
function group(name: string, units: number, multiple: number, { noise = 0, slope = 1 } = {}): GroupWidths {
  const { uniform } = random(1, name);
  const time = (width: number): number => 2 + (slope * Math.ceil(width / multiple) * multiple) / 16;
  const points = widthGrid(units).map(width => ({
    width,
    milliseconds: time(width) * (1 + noise * (2 * uniform() - 1)),
  }));
  return { name, kind: 'channels', units, points };
}
const table = (...groups: GroupWidths[]): WidthTable => ({
  backend: 'made up',
  batch: 1,
  runs: 9,
  of: 'layers',
  groups,
});

describe('multipleOf', () => {
  test.each([1, 2, 4, 8, 16])('is %p where so many units take one time', multiple => {
    const tables = [table(group('a', 64, multiple)), table(group('a', 64, multiple), group('b', 256, multiple))];
    for (const each of tables) expect(plateaus(each).multipleOf).toBe(multiple);
  });

  test('is found through noise of 2 %', () => {
    for (const multiple of [4, 8, 16]) {
      const found = plateaus(table(...['a', 'b', 'c'].map(name => group(name, 96, multiple, { noise: 0.02 }))));
      expect(found.multipleOf).toBe(multiple);
    }
  });

  test('is 1 where width makes no difference, or nothing is close enough to tell', () => {
    expect(plateaus(table(group('a', 64, 8, { slope: 0 }))).multipleOf).toBe(1);
    const coarse = [16, 32, 64].map(width => ({ width, milliseconds: width }));
    expect(plateaus(table({ name: 'a', kind: 'channels', units: 64, points: coarse })).multipleOf).toBe(1);
  });

  test('groups that take longer say more', () => {
    const [slow, quick] = [group('slow', 64, 8, { noise: 0.01, slope: 10 }), group('quick', 64, 4, { noise: 0.01 })];
    expect(plateaus(table(slow, quick)).multipleOf).toBe(8);
    expect(plateaus(table(quick)).multipleOf).toBe(4);
  });

  test('shows through what else a group costs, which need not step', () => {
    const { points, ...rest } = group('a', 64, 8, { noise: 0.005 });
    const both = points.map(({ width, milliseconds }) => ({ width, milliseconds: milliseconds + width / 10 }));
    expect(plateaus(table({ ...rest, points: both })).multipleOf).toBe(8);
  });

  test('does not change with the unit of time', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 4, 8), fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (multiple, factor) => {
        const { points, ...rest } = group('a', 128, multiple, { noise: 0.01 });
        const scaled = points.map(({ width, milliseconds }) => ({ width, milliseconds: factor * milliseconds }));
        expect(plateaus(table({ ...rest, points: scaled }))).toEqual(plateaus(table({ ...rest, points })));
      }),
    );
  });
});

test('plateaus end before the steps', () => {
  const { ends } = plateaus(table(group('a', 64, 8), group('b', 64, 1), group('c', 20, 4)));
  expect(ends).toEqual({ a: [32, 40, 48], b: [], c: [12, 16] });
});

test('the grid of widths lies within the group, close together where steps are looked for', () => {
  for (let units = 1; units < 300; units++) {
    const grid = widthGrid(units);
    expect(Math.max(...grid)).toBe(units);
    expect(Math.min(...grid)).toBeGreaterThan(0);
    expect(grid.length).toBeLessThanOrEqual(18);
  }
  expect(widthGrid(64)).toEqual([16, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 44, 45, 48, 49, 48, 64]);
});
