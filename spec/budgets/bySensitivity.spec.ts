import fc from 'fast-check';
import { bySensitivity, costTarget, type Budget, type Scored } from '../../lib/budgets';
import type { Sensitivity } from '../../lib/core/sensitivity';
import { costAfter } from '../../lib/edit/cutCost';
import { groups } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { refusal } from '../zoo/refusal';
import { checkpoint, layer, sequential } from '../zoo/topology';

/** x[10] -> a[20] -> b[40] -> head[5] */
const model = checkpoint(
  sequential(
    layer('Dense', 'a', { units: 20, batchInputShape: [null, 10] }),
    layer('Dense', 'b', { units: 40 }),
    layer('Dense', 'head', { units: 5 }),
  ),
  { a: [[10, 20], [20]], b: [[20, 40], [40]], head: [[40, 5], [5]] },
);
const scored: readonly Scored[] = groups(model)
  .filter(({ frozen }) => frozen === undefined)
  .map(group => ({ group, scores: Float64Array.from(group.units, (_, i) => (i * 7) % group.units.length) }));

type Curve = readonly (readonly [ratio: number, accuracy: number, loss: number])[];

function scanOf(a: Curve, b: Curve): Sensitivity {
  const group = (name: string, units: number, curve: Curve) => ({
    name,
    kind: 'neurons',
    units,
    points: curve.map(([ratio, accuracy, loss]) => ({ ratio, removed: Math.round(ratio * units), accuracy, loss })),
  });
  const dense = { accuracy: 0.9, loss: 0.3 };
  return { criterion: 'l1', recalibrated: false, dense, groups: [group('a', 20, a), group('b', 40, b)] };
}

/** a is sensitive: at a half it loses 0.2 of accuracy, b 0.02. */
const scan = scanOf(
  [
    [0.25, 0.85, 0.5],
    [0.5, 0.7, 0.9],
  ],
  [
    [0.25, 0.9, 0.3],
    [0.5, 0.88, 0.4],
    [0.75, 0.8, 0.8],
  ],
);

const counts = (budget: Budget): number[] => [...budget(scored, model).values()].map(({ length }) => length);

describe('drop', () => {
  test('is what each group loses at most, on the line between two ratios', () => {
    // a: 0.05 at 5 units, 0.2 at 10: 0.08 at 6. b: 0.1 at 30, 0.02 at 20: 0.08 at 27.5.
    expect(counts(bySensitivity({ scan, drop: 0.08 }))).toEqual([14, 13]);
    expect(counts(bySensitivity({ scan, drop: 0 }))).toEqual([20, 30]);
    expect(counts(bySensitivity({ scan, drop: 0.05 }))).toEqual([15, 40 - 23]);
  });

  test('past the last ratio of the scan nothing goes', () => {
    expect(counts(bySensitivity({ scan, drop: 10 }))).toEqual([10, 10]);
  });

  test('may be one of the loss', () => {
    expect(counts(bySensitivity({ scan, drop: 0.2, measure: 'loss' }))).toEqual([15, 40 - 22]);
  });

  test('a curve that rises again gives no more than its worst so far', () => {
    const bumpy = scanOf([[0.25, 0.8, 1], [0.5, 0.9, 0.3]], [[0.5, 0.9, 0.3]]); // prettier-ignore
    expect(counts(bySensitivity({ scan: bumpy, drop: 0.05 }))).toEqual([18, 20]);
  });

  test('is not exceeded by rounding to a multiple', () => {
    expect(counts(bySensitivity({ scan, drop: 0.08, multipleOf: 8 }))).toEqual([16, 16]);
    expect(counts(bySensitivity({ scan, drop: 0.05, minimum: 0.9 }))).toEqual([18, 36]);
  });
});

describe('ratio', () => {
  test('removes round(ratio * units), exactly, where they cost least', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.66, noNaN: true }), ratio => {
        const [a, b] = counts(bySensitivity({ scan, ratio }));
        expect(a + b).toBe(60 - Math.round(ratio * 60));
        const lostBy = (gone: number, curve: number[][]): number => {
          const end = curve.findIndex(([removed]) => removed >= gone);
          if (end === 0) return curve[0][1];
          const [[r0, y0], [r1, y1]] = [curve[end - 1], curve[end]];
          return y0 + ((gone - r0) / (r1 - r0)) * (y1 - y0);
        };
        const curves = [[[0, 0], [5, 0.05], [10, 0.2]], [[0, 0], [10, 0], [20, 0.02], [30, 0.1]]]; // prettier-ignore
        const [lostA, lostB] = [lostBy(20 - a, curves[0]), lostBy(40 - b, curves[1])];
        // The next unit of the one costs no less than the last of the other.
        if (a > 10) expect(lostBy(21 - a, curves[0]) + 1e-6).toBeGreaterThanOrEqual(lostB);
        if (b > 10) expect(lostBy(41 - b, curves[1]) + 1e-6).toBeGreaterThanOrEqual(lostA);
      }),
    );
  });

  test('where nothing is lost, groups lose alike', () => {
    const flat = scanOf([[0.5, 0.9, 0.3]], [[0.5, 0.9, 0.3]]);
    expect(counts(bySensitivity({ scan: flat, ratio: 0.25 }))).toEqual([15, 30]);
  });

  test('is the scope of a target in costs', () => {
    const budget = costTarget({ macs: 0.5, scope: options => bySensitivity({ ...options, scan }) });
    const survivors = budget(scored, model);
    const removed = scored.flatMap(({ group: { name, units } }) =>
      units.filter((_, i) => !survivors.get(name)!.includes(i)),
    );
    const macs = costAfter(model, trace(model), new Set(removed)).macs!;
    expect(macs).toBeLessThanOrEqual(600);
    expect(macs).toBeGreaterThan(560);
    const [a, b] = [...survivors.values()].map(({ length }) => length);
    expect(a / 20).toBeGreaterThan(b / 40);
    const error = refusal(() =>
      costTarget({ macs: 0.01, scope: options => bySensitivity({ ...options, scan }) })(scored, model),
    );
    expect(error.code).toBe('empty-group');
  });

  test('beyond the scan is refused', () => {
    const error = refusal(() => bySensitivity({ scan, ratio: 0.9 })(scored, model));
    expect(error.code).toBe('empty-group');
    expect(error.message).toContain('to remove 54 units from 2 groups, got only 40');
  });
});

describe('misuse', () => {
  test.each([
    [{}, 'got neither'],
    [{ drop: 0.1, ratio: 0.5 }, 'got both'],
    [{ drop: -1 }, 'drop'],
    [{ ratio: 1 }, 'ratio'],
    [{ drop: 0.1, measure: 'recall' as never }, 'one of accuracy, loss'],
    [{ drop: 0.1, multipleOf: 0 }, 'multipleOf'],
  ])('%j is refused where it is written', (options, message) => {
    expect(refusal(() => bySensitivity({ scan, ...options })).message).toContain(message);
  });

  test('accuracy is not made up', () => {
    const losses: Sensitivity = { ...scan, dense: { loss: 0.3 } };
    expect(counts(bySensitivity({ scan: losses, drop: 0.2 }))).toEqual([15, 18]);
    expect(refusal(() => bySensitivity({ scan: losses, drop: 0.1, measure: 'accuracy' })).code).toBe('bad-option');
  });

  test('a scan of another model is refused', () => {
    const [a, b] = scan.groups;
    const without = bySensitivity({ scan: { ...scan, groups: [a] }, drop: 0.1 });
    expect(refusal(() => without(scored, model)).message).toContain('a scan of group "b", got one of a.');
    const narrow = bySensitivity({ scan: { ...scan, groups: [a, { ...b, units: 8 }] }, drop: 0.1 });
    expect(refusal(() => narrow(scored, model)).message).toContain('to have 8 units, as it was scanned, got 40 units');
  });
});
