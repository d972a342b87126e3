import fc from 'fast-check';
import { costTarget, inProportion, perGroup, uniform, type Budget, type Scored } from '../../lib/budgets';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { groups } from '../../lib/graph/group';
import { refusal } from '../zoo/refusal';
import { checkpoint, layer, sequential } from '../zoo/topology';

/** x[10] -> a[20] -> b[30] -> head[5] */
const model: Checkpoint = checkpoint(
  sequential(
    layer('Dense', 'a', { units: 20, batchInputShape: [null, 10] }),
    layer('Dense', 'b', { units: 30 }),
    layer('Dense', 'head', { units: 5 }),
  ),
  { a: [[10, 20], [20]], b: [[20, 30], [30]], head: [[30, 5], [5]] },
);
const scored: readonly Scored[] = groups(model)
  .filter(({ frozen }) => frozen === undefined)
  .map(group => ({ group, scores: Float64Array.from(group.units, (_, i) => (i * 7) % group.units.length) }));

const counts = (budget: Budget): number[] => [...budget(scored, model).values()].map(({ length }) => length);
const ratio = fc.double({ min: 0, max: 0.96, noNaN: true });

describe('perGroup', () => {
  test('removes round(ratio * units) of each, the lowest scores first', () => {
    fc.assert(
      fc.property(ratio, ratio, (a, b) => {
        const survivors = perGroup({ ratios: { a, b } })(scored, model);
        for (const { group, scores } of scored) {
          const kept = survivors.get(group.name)!;
          expect(kept.length).toBe(scores.length - Math.round((group.name === 'a' ? a : b) * scores.length));
          const lowest = Math.min(...kept.map(index => scores[index]));
          expect([...scores].filter(score => score >= lowest)).toHaveLength(kept.length);
        }
      }),
    );
  });

  test('a group that is not named keeps all, or loses the default', () => {
    expect(counts(perGroup({ ratios: { a: 0.5 } }))).toEqual([10, 30]);
    expect(counts(perGroup({ ratios: { a: 0.5 }, default: 0.1 }))).toEqual([10, 27]);
    expect(counts(perGroup({ ratios: {}, default: 0.4 }))).toEqual(counts(uniform({ ratio: 0.4 })));
  });

  test('a function says by anything a group has', () => {
    const ratios = ({ units }: { units: readonly number[] }) => (units.length > 20 ? 0.5 : undefined);
    expect(counts(perGroup({ ratios, default: 0.25 }))).toEqual([15, 15]);
    expect(refusal(() => perGroup({ ratios: () => 1 })(scored, model)).message).toContain('the ratio of "a"');
  });

  test('floors and multiples hold', () => {
    expect(counts(perGroup({ ratios: { a: 0.9, b: 0.9 }, minimum: 0.3 }))).toEqual([6, 9]);
    expect(counts(perGroup({ ratios: { a: 0.4, b: 0.4 }, multipleOf: 8 }))).toEqual([16, 16]);
    expect(refusal(() => perGroup({ ratios: { a: 0.99 } })(scored, model)).code).toBe('empty-group');
  });

  test('names that nothing is scored under are refused with those that are', () => {
    for (const budget of [
      perGroup({ ratios: { head: 0.5 } }),
      inProportion({ ratios: { head: 0.5 } })({ ratio: 0.5 }),
    ]) {
      const error = refusal(() => budget(scored, model));
      expect(error.code).toBe('bad-option');
      expect(error.message).toContain('such as a, b, got "head"');
    }
  });

  test.each([
    [{ ratios: { a: 1 } }, 'ratios["a"]'],
    [{ ratios: { a: 0.5 }, default: -1 }, 'ratio'],
    [{ ratios: {}, minimum: -1 }, 'minimum'],
    [{ ratios: {}, multipleOf: 1.5 }, 'multipleOf'],
  ])('%j is refused where it is written', (options, message) => {
    expect(refusal(() => perGroup(options)).message).toContain(message);
  });
});

describe('inProportion', () => {
  const scope = inProportion({ ratios: { a: 0.2 }, default: 0.6 });

  test('is the ratios themselves at a half, and less and more around it', () => {
    expect(counts(scope({ ratio: 0.5 }))).toEqual(counts(perGroup({ ratios: { a: 0.2, b: 0.6 } })));
    expect(counts(scope({ ratio: 0 }))).toEqual([20, 30]);
    // the cut made twice
    expect(counts(scope({ ratio: 2 / 3 }))).toEqual([Math.round(20 * 0.8 ** 2), Math.round(30 * 0.4 ** 2)]);
  });

  test('of a higher ratio removes the same units and more', () => {
    const pair = fc.tuple(fc.double({ min: 0, max: 0.9, noNaN: true }), fc.double({ min: 0, max: 0.9, noNaN: true }));
    fc.assert(
      fc.property(pair, ([one, other]) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        const wide = scope({ ratio: less, minimum: 1 })(scored, model);
        for (const [name, kept] of scope({ ratio: more, minimum: 1 })(scored, model)) {
          expect(wide.get(name)).toEqual(expect.arrayContaining([...kept]));
        }
      }),
    );
  });

  test('lets a target in costs be met while a group stays whole', () => {
    const budget = costTarget({ macs: 0.6, scope: inProportion({ ratios: { b: 0.5 } }) });
    expect(counts(budget)).toEqual([20, Math.floor((0.6 * 950 - 200) / 25)]);
  });

  test('ratios are checked where they are written', () => {
    expect(refusal(() => inProportion({ ratios: { a: 40 } })).message).toContain('For 40 % write 0.4');
    expect(refusal(() => inProportion({ ratios: {}, default: 1 })).code).toBe('bad-ratio');
  });
});
