import fc from 'fast-check';
import {
  counting,
  global,
  isomorphic,
  ratiosOf,
  sizesOf,
  uniform,
  type Scored,
  type Schedule,
} from '../../lib/budgets';
import type { Group } from '../../lib/graph/group';
import { refusal } from '../zoo/refusal';
import { checkpoint, sequential } from '../zoo/topology';

const model = checkpoint(sequential(), {});

describe('ratiosOf', () => {
  test('linear, exponential and cubic', () => {
    const close = (schedule: Schedule, expected: number[]): void =>
      ratiosOf(schedule, 0.8, 4).forEach((ratio, i) => expect(ratio).toBeCloseTo(expected[i], 12));
    close('linear', [0.2, 0.4, 0.6, 0.8]);
    close('exponential', [1 - 0.2 ** 0.25, 1 - 0.2 ** 0.5, 1 - 0.2 ** 0.75, 0.8]);
    close('cubic', [0.8 * (1 - 27 / 64), 0.8 * (1 - 8 / 64), 0.8 * (1 - 1 / 64), 0.8]);
    close(progress => progress ** 2, [0.05, 0.2, 0.45, 0.8]);
  });

  test.each([5.551115123125784e-17, 1e-300, Number.MIN_VALUE])(
    'exponential at a ratio of %p, which is nothing beside 1',
    ratio => {
      const [half, whole] = ratiosOf('exponential', ratio, 2);
      expect(whole).toBe(ratio);
      expect(Math.abs(half - ratio / 2)).toBeLessThanOrEqual(Math.max(1e-9 * ratio, Number.MIN_VALUE));
    },
  );

  test.each(['linear', 'exponential', 'cubic'] as const)(
    '%s never falls and ends at the ratio, to the bit',
    schedule => {
      fc.assert(
        fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 12 }), (ratio, steps) => {
          const ratios = ratiosOf(schedule, ratio, steps);
          expect(ratios).toHaveLength(steps);
          expect(ratios.at(-1)).toBe(ratio);
          for (let i = 1; i < steps; i++) expect(ratios[i]).toBeGreaterThanOrEqual(ratios[i - 1] - 1e-12);
          expect(ratios.every(reached => reached >= 0 && reached <= ratio + 1e-12)).toBe(true);
        }),
      );
    },
  );

  test.each<[string, Schedule]>([
    ['another word', 'quadratic' as never],
    ['a property of every object', 'toString' as never],
    ['a share above 1', () => 2],
    ['no number', () => NaN],
    ['a share that falls', progress => 1 - progress],
  ])('%s is refused', (_, schedule) => {
    expect(refusal(() => ratiosOf(schedule, 0.5, 3)).code).toBe('bad-option');
  });

  test.each([0, 1.5, NaN])('%d steps are refused', steps => {
    expect(refusal(() => ratiosOf('linear', 0.5, steps)).code).toBe('bad-option');
  });
});

/** Removes with `budget` what it lets go; the others keep their scores. */
function left(items: readonly Scored[], budget: ReturnType<typeof global>): Scored[] {
  const survivors = budget(items, model);
  return items.map(({ group, scores }) => {
    const kept = survivors.get(group.name)!;
    return {
      group: { ...group, units: kept.map(i => group.units[i]) },
      scores: Float64Array.from(kept, i => scores[i]),
    };
  });
}

/** Every other group is of another kind, so that there are two classes to `isomorphic`. */
const scored = (scores: readonly (readonly number[])[]): Scored[] =>
  scores.map((values, i) => {
    const kind = i % 2 ? 'neurons' : 'channels';
    const group: Group = { name: `g${i}`, kind, units: [...values.keys()], sites: [] };
    return { group, scores: Float64Array.from(values) };
  });
const unitsOf = (items: readonly Scored[]) => items.map(({ group }) => group.units);

describe('counting', () => {
  const values = fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 20 }), {
    minLength: 1,
    maxLength: 5,
  });

  test.each([
    ['global', global],
    ['uniform', uniform],
    ['isomorphic', isomorphic],
  ])('%s: several cuts of scores that stay end exactly where one does', (name, scope) => {
    const ratio = fc.double({ min: 0, max: 0.8, noNaN: true });
    fc.assert(
      fc.property(
        values,
        ratio,
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(1, 0.3),
        (groups, end, steps, minimum) => {
          const items = scored(groups);
          const floors = groups.reduce((sum, { length }) => sum + Math.max(1, Math.ceil(minimum * length - 1e-9)), 0);
          const total = groups.flat().length;
          fc.pre(name !== 'global' || total - Math.round(end * total) >= floors);
          const sizes = sizesOf(items.map(({ group }) => group));
          let current = items;
          for (const reached of ratiosOf('cubic', end, steps)) {
            current = left(current, counting(sizes, scope, { ratio: reached, minimum }));
          }
          const once = left(items, scope({ ratio: end, minimum }));
          expect(unitsOf(current)).toEqual(unitsOf(once));
        },
      ),
    );
  });

  test('counts come out as multiples, and scores that change are followed', () => {
    const items = scored([Array.from({ length: 16 }, (_, i) => i), Array.from({ length: 24 }, (_, i) => i)]);
    const sizes = sizesOf(items.map(({ group }) => group));
    let current = items;
    for (const reached of ratiosOf('linear', 0.5, 3)) {
      current = left(current, counting(sizes, global, { ratio: reached, minimum: 1, multipleOf: 4 }));
      expect(current.map(({ scores }) => scores.length % 4)).toEqual([0, 0]);
      current = current.map(({ group, scores }) => ({ group, scores: scores.map(score => -score) }));
    }
    expect(current.map(({ scores }) => scores.length).reduce((a, b) => a + b)).toBe(20);
  });
});
