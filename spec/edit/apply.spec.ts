/** Plans from outside: what is taken, and every way one is refused. */
import { describeCut, type Plan, type PlanSite } from '../../lib/edit/plan';
import { removedUnits, requireSites, requireSource, withRemoved } from '../../lib/edit/apply';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer } from '../zoo/topology';

/** x[2] -> a[4] -> b[3] -> head[1] */
const model = checkpoint(
  functional(
    [
      input('x', [2]),
      layer('Dense', 'a', { units: 4 }, ['x']),
      layer('Dense', 'b', { units: 3 }, ['a']),
      layer('Dense', 'head', { units: 1 }, ['b']),
    ],
    ['head'],
  ),
  { a: [[2, 4], [4]], b: [[4, 3], [3]], head: [[3, 1], [1]] },
);
const traced = trace(model);
const all = groupsOf(traced);
const sha256 = '0123456789abcdef'.repeat(4);

function planOf(removals: Record<string, number[]>): Plan {
  const removed = new Set(all.flatMap(({ name, units }) => (removals[name] ?? []).map(index => units[index])));
  return { version: 1, source: { sha256 }, method: 'by hand', seed: 0, ...describeCut(all, traced, removed) };
}

const plan = planOf({ a: [1, 2], b: [0] });

/** The plan with some entries of one group replaced. */
function changed(name: string, entries: object, of: Plan = plan): Plan {
  return { ...of, groups: of.groups.map(group => (group.name === name ? { ...group, ...entries } : group)) };
}

describe('removedUnits', () => {
  test('finds the units of the indices, in whatever order groups and indices are', () => {
    const expected = new Set([all[1].units[1], all[1].units[2], all[2].units[0]]);
    expect(all.map(({ name }) => name)).toEqual(['x', 'a', 'b', 'head']);
    expect(removedUnits(plan, all)).toEqual(expected);
    const shuffled = changed('a', { removed: [2, 1] });
    expect(removedUnits({ groups: [...shuffled.groups].reverse() }, all)).toEqual(expected);
  });

  test.each([
    ['a group that is not there', changed('a', { name: 'c' }), '"c" is not in the model'],
    ['another size', changed('a', { units: 5 }), '"a" has 4 units, not 5'],
    ['an index too large', changed('a', { removed: [0, 4] }), '"a" has no unit 4 (0 to 3)'],
    ['an index below zero', changed('b', { removed: [-1] }), '"b" has no unit -1'],
    ['a fraction', changed('b', { removed: [0.5] }), '"b" has no unit 0.5'],
    ['no number', changed('b', { removed: ['0'] }), '"b" has no unit 0 '],
    ['an index twice', changed('a', { removed: [2, 1, 2] }), '"a" removes unit 2 twice'],
    ['no list', changed('a', { removed: undefined }), '"a" has no list'],
    ['a frozen group', changed('head', { removed: [0] }), '"head" is frozen (model output)'],
    ['a frozen group that hides it', changed('head', { removed: [0], frozen: undefined }), '"head" is frozen'],
    ['a group that the plan itself calls frozen', changed('a', { frozen: 'by hand' }), '"a" is frozen (by hand)'],
    ['a group twice', { ...plan, groups: [...plan.groups, plan.groups[1]] }, '"a" is listed twice'],
  ])('refuses %s', (_, bad, message) => {
    const error = refusal(() => removedUnits(bad, all));
    expect(error.code).toBe('bad-plan');
    expect(error.message).toContain(message);
  });

  test('tells all problems at once', () => {
    const error = refusal(() => removedUnits(changed('b', { removed: [9] }, changed('a', { units: 5 })), all));
    expect(error.message).toContain('"a" has 4 units, not 5; "b" has no unit 9');
  });

  test('a group that the plan leaves out keeps its units', () => {
    const fewer = { groups: plan.groups.filter(({ name }) => name !== 'a') };
    expect(removedUnits(fewer, all)).toEqual(new Set([all[2].units[0]]));
  });
});

describe('requireSource', () => {
  test('takes the plan of this model only', () => {
    expect(() => requireSource(plan, sha256)).not.toThrow();
    const error = refusal(() => requireSource(plan, 'f'.repeat(64)));
    expect(error.code).toBe('bad-plan');
    expect(error.message).toContain('the model it was made for (sha256 0123456789ab)');
    expect(error.message).toContain('another model, or the same with other weights (ffffffffffff)');
  });

  test.each([
    ['another version', { ...plan, version: 3 }],
    ['no groups', { ...plan, groups: undefined }],
    ['no source', { ...plan, source: undefined }],
  ])('refuses %s', (_, bad) => {
    expect(refusal(() => requireSource(bad as unknown as Plan, sha256)).code).toBe('bad-plan');
  });
});

describe('requireSites', () => {
  const edit = (change: (sites: PlanSite[]) => unknown): Plan => ({
    ...plan,
    sites: change([...plan.sites]) as PlanSite[],
  });

  test('takes sites that follow from the groups, in any order', () => {
    expect(() => requireSites(plan, plan.sites)).not.toThrow();
    expect(() =>
      requireSites(
        edit(sites => sites.reverse()),
        plan.sites,
      ),
    ).not.toThrow();
  });

  test.each([
    ['a missing one', edit(([, ...others]) => others), '"a", weight 0, axis 1 is missing'],
    ['none', edit(() => []), 'is missing; '],
    ['no list', edit(() => undefined), 'a list of sites'],
    [
      'one too many',
      edit(sites => [...sites, { ...sites[0], layer: 'head', weight: 1 }]),
      '"head", weight 1, axis 1 loses nothing',
    ],
    ['one twice', edit(sites => [...sites, sites[0]]), 'listed twice'],
    ['other positions', edit(([first, ...others]) => [{ ...first, kept: [0, 1] }, ...others]), 'keeps other positions'],
    ['fewer positions', edit(([first, ...others]) => [{ ...first, kept: [0] }, ...others]), 'keeps other positions'],
    [
      'another role',
      edit(([first, ...others]) => [{ ...first, role: 'reads' }, ...others]),
      'one that reads, not makes',
    ],
  ])('refuses %s', (_, bad, message) => {
    const error = refusal(() => requireSites(bad, plan.sites));
    expect(error.code).toBe('bad-plan');
    expect(error.message).toContain(message);
    expect(error.message).toContain('editPlan');
  });
});

describe('withRemoved', () => {
  test('replaces the removals of the groups named and of no other', () => {
    const edited = withRemoved(plan, { a: [3] });
    expect(edited.groups.map(({ removed }) => removed)).toEqual([[], [3], [0], []]);
    expect(plan.groups.map(({ removed }) => removed)).toEqual([[], [1, 2], [0], []]);
  });

  test('refuses names that are not in the plan, with some that are', () => {
    const error = refusal(() => withRemoved(plan, { a: [], c: [0], toString: [1] }));
    expect(error.code).toBe('bad-plan');
    expect(error.message).toContain('such as a, b, got c, toString');
  });
});

test('a cut that empties a layer is no plan', () => {
  const error = refusal(() => planOf({ b: [0, 1, 2] }));
  expect(error.code).toBe('empty-group');
  expect(error.message).toContain('layer "b"');
});
