import fc from 'fast-check';
import {
  global,
  isomorphic,
  stepRatio,
  uniform,
  type Budget,
  type BudgetOptions,
  type Scored,
} from '../../lib/budgets';
import type { Group } from '../../lib/graph/group';
import { refusal } from '../zoo/refusal';
import { checkpoint, sequential } from '../zoo/topology';

const model = checkpoint(sequential(), {});

function scored(...scores: readonly (readonly number[])[]): Scored[] {
  return scores.map((values, i) => {
    const group: Group = { name: `g${i}`, kind: 'channels', units: [...values.keys()], sites: [] };
    return { group, scores: Float64Array.from(values) };
  });
}

const kept = (budget: Budget, items: readonly Scored[]): number[][] =>
  [...budget(items, model).values()].map(units => [...units]);
const counts = (budget: Budget, items: readonly Scored[]): number[] => kept(budget, items).map(({ length }) => length);

const ratios = fc.double({ min: 0, max: 0.999, noNaN: true });
/** Scores with many ties. */
const groupsOf = (least: number) =>
  fc.array(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: least, maxLength: 20 }), {
    minLength: 1,
    maxLength: 5,
  });

describe('uniform', () => {
  test('keeps the highest, of equals the earlier, in ascending order', () => {
    const items = scored([3, 1, 2, 1], [0, 5, 5, 5]);
    expect(kept(uniform({ ratio: 0.25 }), items)).toEqual([
      [0, 1, 2],
      [1, 2, 3],
    ]);
    expect(kept(uniform({ ratio: 0.5 }), items)).toEqual([
      [0, 2],
      [1, 2],
    ]);
  });

  test('removes round(ratio * units) of each group, exactly', () => {
    fc.assert(
      fc.property(groupsOf(1), ratios, (values, ratio) => {
        fc.pre(values.every(({ length }) => Math.round(ratio * length) < length));
        expect(counts(uniform({ ratio }), scored(...values))).toEqual(
          values.map(({ length }) => length - Math.round(ratio * length)),
        );
      }),
    );
  });

  test('no removed unit scores above one that stays', () => {
    fc.assert(
      fc.property(groupsOf(2), ratios, (values, ratio) => requireOrder(uniform({ ratio, minimum: 1 }), values)),
    );
  });

  test('keys survivors by group name', () => {
    expect([...uniform({ ratio: 0 })(scored([1], [2]), model).keys()]).toEqual(['g0', 'g1']);
  });

  test('a group that would be emptied is an error that names it', () => {
    const error = refusal(() => uniform({ ratio: 0.6 })(scored([1, 2, 3], [1]), model));
    expect(error.code).toBe('empty-group');
    expect(error.message).toBe(
      'prune: expected group "g1" to keep at least 1 of 1 units, got a budget that keeps 0. ' +
        'Lower ratio below 0.50 or set minimum: 1.',
    );
  });

  test('single groups may have ratios of their own', () => {
    const items = scored([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]);
    expect(counts(uniform({ ratio: 0.5, ratios: { g1: 0.25, g2: 0 } }), items)).toEqual([2, 3, 4]);
    expect(counts(uniform({ ratio: 0, ratios: { g0: 0.99 }, minimum: 1 }), items)).toEqual([1, 4, 4]);
  });

  test('a ratio of its own for a group that is not scored is an error', () => {
    const error = refusal(() => uniform({ ratio: 0.5, ratios: { stem: 0.2 } })(scored([1, 2], [3, 4]), model));
    expect(error.code).toBe('bad-option');
    expect(error.message).toContain('ratios to name groups that are scored, such as g0, g1, got "stem"');
  });

  test.each([1, -0.5, NaN])('a ratio of its own of %p is refused where it is written', own => {
    const error = refusal(() => uniform({ ratio: 0.5, ratios: { stem: own } }));
    expect(error.code).toBe('bad-ratio');
    expect(error.message).toContain('ratios["stem"]');
  });

  test('the ratio it advises works', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), size => {
        const items = scored(new Array<number>(size).fill(1));
        const { message } = refusal(() => uniform({ ratio: 0.99999 })(items, model));
        const below = Number(/below ([\d.]+)/.exec(message)![1]);
        expect(below).toBeGreaterThan(0);
        expect(below).toBeLessThan(1);
        expect(counts(uniform({ ratio: below - 1e-9 }), items)[0]).toBeGreaterThan(0);
      }),
    );
  });
});

describe('global', () => {
  test('ranks all groups together', () => {
    const items = scored([0.9, 0.1, 0.8], [0.2, 0.3, 0.7, 0.6]);
    expect(kept(global({ ratio: 3 / 7 }), items)).toEqual([
      [0, 2],
      [2, 3],
    ]);
  });

  test('removes round(ratio * all units), exactly, whatever the ties', () => {
    fc.assert(
      fc.property(groupsOf(2), ratios, (values, ratio) => {
        const total = values.reduce((sum, { length }) => sum + length, 0);
        const remove = Math.round(ratio * total);
        fc.pre(remove <= total - values.length);
        const left = counts(global({ ratio, minimum: 1 }), scored(...values)).reduce((sum, count) => sum + count, 0);
        expect(left).toBe(total - remove);
      }),
    );
  });

  test('within a group no removed unit scores above one that stays', () => {
    fc.assert(
      fc.property(groupsOf(2), fc.double({ min: 0, max: 0.5, noNaN: true }), (values, ratio) => {
        requireOrder(global({ ratio, minimum: 1 }), values);
      }),
    );
  });

  test('no removed unit scores above one that stays in a group above its floor', () => {
    fc.assert(
      fc.property(groupsOf(2), fc.double({ min: 0, max: 0.5, noNaN: true }), (values, ratio) => {
        const left = kept(global({ ratio, minimum: 1 }), scored(...values));
        const gone = values.flatMap((scores, i) => scores.filter((_, unit) => !left[i].includes(unit)));
        const free = values.flatMap((scores, i) => (left[i].length > 1 ? left[i].map(unit => scores[unit]) : []));
        expect(Math.max(-Infinity, ...gone)).toBeLessThanOrEqual(Math.min(Infinity, ...free));
      }),
    );
  });

  test('of equal scores the earlier group gives first, and in it the later unit', () => {
    const items = scored([1, 1, 1], [1, 1, 1]);
    expect(kept(global({ ratio: 0.5, minimum: 1 }), items)).toEqual([[0], [0, 1]]);
    expect(kept(global({ ratio: 1 / 6 }), items)).toEqual([
      [0, 1],
      [0, 1, 2],
    ]);
  });

  test('a group at its floor passes its share on', () => {
    const items = scored([0, 0, 0, 0], [1, 2, 3, 4]);
    expect(counts(global({ ratio: 0.5, minimum: 2 }), items)).toEqual([2, 2]);
    expect(counts(global({ ratio: 0.25, minimum: 0.75 }), items)).toEqual([3, 3]);
    expect(counts(global({ ratio: 0.5 }), scored([0, 0, 9, 9], [1, 2, 3, 4]))).toEqual([2, 2]);
  });

  test('an emptied group is an error, unless a minimum forbids it', () => {
    const items = scored([0, 0], [1, 2, 3, 4]);
    expect(refusal(() => global({ ratio: 0.5 })(items, model)).code).toBe('empty-group');
    expect(counts(global({ ratio: 0.5, minimum: 1 }), items)).toEqual([1, 2]);
  });

  test('an emptied group is not told to lower the ratio below a higher one', () => {
    const { message } = refusal(() => global({ ratio: 0.4 })(scored([0, 0], [1, 2, 3, 4]), model));
    const below = Number(/below ([\d.]+\d)/.exec(message)?.[1] ?? 0);
    expect(below).toBeLessThanOrEqual(0.4);
    expect(message).toContain('minimum: 1');
  });

  test('floors that leave too little are an error that says how much they leave', () => {
    const error = refusal(() => global({ ratio: 0.75, minimum: 2 })(scored([1, 2, 3, 4], [1, 2, 3, 4]), model));
    expect(error.code).toBe('empty-group');
    expect(error.message).toBe(
      'prune: expected to remove 6 units from 2 groups, got only 4 that the minimum per group lets go. Lower ratio or minimum.',
    );
  });

  test('infinite scores are ranked, not lost', () => {
    const items = scored([Infinity, Infinity, 0], [-Infinity, -Infinity, 1]);
    expect(kept(global({ ratio: 0.5 }), items)).toEqual([[0, 1], [2]]);
  });
});

describe.each([
  ['uniform', uniform],
  ['global', global],
  ['isomorphic', isomorphic],
] as const)('%s', (name, make: (options: BudgetOptions) => Budget) => {
  test('a ratio of 0 keeps everything', () => {
    const items = scored([3, 1], [1]);
    expect(kept(make({ ratio: 0 }), items)).toEqual([[0, 1], [0]]);
  });

  test('is deterministic and leaves the scores alone', () => {
    fc.assert(
      fc.property(groupsOf(2), fc.double({ min: 0, max: 0.5, noNaN: true }), (values, ratio) => {
        const items = scored(...values);
        const budget = make({ ratio, minimum: 1 });
        expect(kept(budget, items)).toEqual(kept(budget, items));
        expect(items.map(({ scores }) => Array.from(scores))).toEqual(values);
      }),
    );
  });

  test('a higher ratio removes the same units, and more', () => {
    const multiples = fc.constantFrom(1, 2, 4);
    fc.assert(
      fc.property(groupsOf(2), fc.tuple(ratios, ratios), multiples, (values, [one, other], multipleOf) => {
        const items = scored(...values);
        const at = (ratio: number): number[][] => kept(make({ ratio, minimum: 0.2, multipleOf }), items);
        fc.pre(attempt(make({ ratio: Math.max(one, other), minimum: 0.2 }), items) !== undefined);
        const [more, less] = [at(Math.min(one, other)), at(Math.max(one, other))];
        less.forEach((units, i) => expect(more[i]).toEqual(expect.arrayContaining(units)));
      }),
    );
  });

  test('never goes below the minimum', () => {
    const minimums = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }));
    const multiples = fc.constantFrom(1, 2, 4, 8);
    fc.assert(
      fc.property(groupsOf(2), ratios, minimums, multiples, (values, ratio, minimum, multipleOf) => {
        const items = scored(...values);
        const result = attempt(make({ ratio, minimum, multipleOf }), items);
        fc.pre(result !== undefined);
        result.forEach((count, i) => {
          const size = values[i].length;
          expect(count).toBeGreaterThanOrEqual(Math.min(size, minimum < 1 ? minimum * size - 1e-9 : minimum));
        });
      }),
    );
  });

  test.each([
    [10, 0.3, 3],
    [100, 0.07, 7],
    [100, 0.55, 55],
    [100, 0.29, 29],
    [7, 0.5, 4],
  ])('of %i units a minimum of %f is %i', (size, minimum, expected) => {
    const items = scored(
      new Array<number>(size).fill(0),
      Array.from({ length: 10 * size }, () => 1),
    );
    const { length } = kept(make({ ratio: name === 'uniform' ? 0.99 : 0.05, minimum }), items)[0];
    expect(length).toBe(name === 'uniform' ? expected : Math.max(expected, size - Math.round(0.05 * 11 * size)));
  });

  test('multipleOf: every group keeps a multiple, or all of its units', () => {
    fc.assert(
      fc.property(groupsOf(2), ratios, fc.constantFrom(2, 4, 8), (values, ratio, multipleOf) => {
        const items = scored(...values);
        const result = attempt(make({ ratio, minimum: 1, multipleOf }), items);
        fc.pre(result !== undefined);
        result.forEach((count, i) => {
          const { length } = values[i];
          expect(count % multipleOf === 0 || count === length).toBe(true);
          if (length < multipleOf) expect(count).toBe(length);
        });
      }),
    );
  });

  test.each([1, -0.1, 50, NaN])('a ratio of %p is refused where it is written', ratio => {
    const error = refusal(() => make({ ratio }));
    expect(error.code).toBe('bad-ratio');
    expect(error.message).toContain(name);
  });

  test.each([{ minimum: -1 }, { minimum: NaN }, { multipleOf: 0 }, { multipleOf: 1.5 }])('%j is refused', options => {
    const error = refusal(() => make({ ratio: 0.5, ...options }));
    expect(error.code).toBe('bad-option');
    expect(error.message).toContain(Object.keys(options)[0]);
  });
});

test('multipleOf rounds to the nearest: 8 for 11, 16 for 12', () => {
  const items = scored(Array.from({ length: 20 }, (_, i) => i));
  expect(counts(uniform({ ratio: 0.45, multipleOf: 8 }), items)).toEqual([8]);
  expect(counts(uniform({ ratio: 0.4, multipleOf: 8 }), items)).toEqual([16]);
  expect(kept(uniform({ ratio: 0.45, multipleOf: 8 }), items)).toEqual([[12, 13, 14, 15, 16, 17, 18, 19]]);
  expect(counts(uniform({ ratio: 0.95, multipleOf: 8 }), items)).toEqual([8]);
});

test('stepRatio: equal cuts that together remove the ratio', () => {
  fc.assert(
    fc.property(ratios, fc.integer({ min: 1, max: 10 }), (ratio, steps) => {
      const step = stepRatio(ratio, steps);
      expect(step).toBeGreaterThanOrEqual(0);
      expect(step).toBeLessThan(1);
      expect((1 - step) ** steps).toBeCloseTo(1 - ratio, 9);
    }),
  );
  expect(stepRatio(0.5, 1)).toBeCloseTo(0.5, 12);
  expect(stepRatio(0, 3)).toBe(0);
});

function requireOrder(budget: Budget, values: readonly (readonly number[])[]): void {
  kept(budget, scored(...values)).forEach((units, i) => {
    expect(units).toEqual([...units].sort((a, b) => a - b));
    expect(new Set(units).size).toBe(units.length);
    const gone = values[i].flatMap((score, unit) => (units.includes(unit) ? [] : [{ score, unit }]));
    for (const unit of units) {
      for (const other of gone) {
        expect(values[i][unit] > other.score || (values[i][unit] === other.score && unit < other.unit)).toBe(true);
      }
    }
  });
}

/** Counts, or undefined where the budget refuses. */
function attempt(budget: Budget, items: readonly Scored[]): number[] | undefined {
  try {
    return counts(budget, items);
  } catch {
    return undefined;
  }
}
