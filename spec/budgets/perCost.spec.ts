/** Units that count by what they cost, on a transformer in which a head costs 5.33 neurons, and on channels in a row. */
import '@tensorflow/tfjs-backend-cpu';
import {
  costTarget,
  counting,
  global,
  sizesOf,
  unitsGone,
  type GlobalOptions,
  type Scored,
  type Survivors,
  type UnitCost,
} from '../../lib/budgets';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { random as stream } from '../../lib/core/random';
import { slice } from '../../lib/edit/slice';
import { groups, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import type { Unit } from '../../lib/rules/rule';
import { costOf } from '../../lib/report/cost';
import { capture } from '../../lib/runtime/capture';
import { ownTransformer } from '../zoo/ownTransformer';
import { refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer, sequential } from '../zoo/topology';

/** Two heads (of four queries and two keys) and six neurons in each of two blocks. */
let model: Checkpoint;
beforeAll(async () => {
  const net = ownTransformer();
  model = await capture(net);
  net.dispose();
});

const inside = (of: Checkpoint): Group[] => groups(of).filter(({ kind }) => kind === 'heads' || kind === 'neurons');
/** Scores drawn by the seed, times what `size` says; the first of each group is worth more than any can cost. */
function scoredOf(of: Checkpoint, seed: number, size: (group: Group) => number = () => 1): Scored[] {
  const free = inside(of).filter(({ frozen }) => frozen === undefined);
  return free.map(group => {
    const { uniform } = stream(seed, group.name);
    return {
      group,
      scores: Float64Array.from(group.units, (_, i) => (i === 0 ? 1000 : 1) * size(group) * (0.1 + uniform())),
    };
  });
}
const all = (scored: readonly Scored[]): Group[] => scored.map(({ group }) => group);

/** What is really gone. */
function lostBy(of: Checkpoint, units: readonly Unit[], measure: UnitCost): number {
  return costOf(of)[measure]! - costOf(slice(of, trace(of), new Set(units)))[measure]!;
}
function removedBy(options: GlobalOptions, scored: readonly Scored[], of = model): Unit[] {
  return unitsGone(all(scored), global(options)(scored, of));
}
const shareOf = (kind: string, scored: readonly Scored[], survivors: Survivors): number => {
  const own = all(scored).filter(group => group.kind === kind);
  const sum = (of: (group: Group) => number): number => own.reduce((total, group) => total + of(group), 0);
  return 1 - sum(({ name }) => survivors.get(name)!.length) / sum(({ units }) => units.length);
};

const measures: readonly UnitCost[] = ['parameters', 'macs'];
/** Fixed lengths, so that MACs are known: scores of attention are paid by the head. */
describe.each(measures)('in %s', measure => {
  test.each([1, 2, 3, 4])('what goes is the cheapest loss, one unit after the other (seed %i)', seed => {
    const scored = scoredOf(model, seed);
    const units = scored.flatMap(({ group, scores }) =>
      group.units.map((unit, i) => ({ unit, score: scores[i], cost: lostBy(model, [unit], measure), place: i })),
    );
    const total = units.reduce((sum, { cost }) => sum + cost, 0);
    const order = [...units].sort((a, b) => a.score / a.cost - b.score / b.cost);
    for (const ratio of [0, 0.1, 0.25, 0.5, 0.6]) {
      // By hand: the beginning of the order whose cost is the nearest.
      const distances = order.map((_, n) => Math.abs(order.slice(0, n).reduce((sum, { cost }) => sum + cost, 0) - ratio * total)); // prettier-ignore
      const nearest = distances.indexOf(Math.min(...distances));
      const wanted = order.slice(0, nearest).map(({ unit }) => unit);
      const gone = removedBy({ ratio, per: measure }, scored);
      expect(new Set(gone)).toEqual(new Set(wanted));
      // No weight belongs to two of them.
      expect(lostBy(model, gone, measure)).toBe(order.slice(0, nearest).reduce((sum, { cost }) => sum + cost, 0));
    }
  });

  test('no other choice of units that saves as much loses less', () => {
    const scored = scoredOf(model, 5);
    const units = scored.flatMap(({ group, scores }) => group.units.map((unit, i) => ({ unit, score: scores[i], cost: lostBy(model, [unit], measure) }))); // prettier-ignore
    expect(units).toHaveLength(16);
    const gone = new Set(removedBy({ ratio: 0.4, per: measure }, scored));
    const sum = (of: readonly (typeof units)[number][], key: 'score' | 'cost'): number => of.reduce((total, one) => total + one[key], 0); // prettier-ignore
    const chosen = units.filter(({ unit }) => gone.has(unit));
    const [saved, lost] = [sum(chosen, 'cost'), sum(chosen, 'score')];
    let better = 0;
    for (let choice = 0; choice < 2 ** units.length; choice++) {
      const other = units.filter((_, i) => (choice >> i) & 1);
      if (sum(other, 'cost') >= saved && sum(other, 'score') < lost - 1e-12) better += 1;
    }
    expect(better).toBe(0);
  });
});

test('heads and neurons that are worth what they cost lose alike; unit by unit the neurons go first', async () => {
  const net = ownTransformer({ blocks: 4, heads: 32, kvHeads: 32, neurons: 64, dimensions: 16 });
  const large = await capture(net);
  net.dispose();
  const size = ({ units }: Group): number => lostBy(large, [units[0]], 'parameters');
  const scored = scoredOf(large, 1, size);
  const [fair, units] = [{ per: 'parameters' } as const, {}].map(how => global({ ratio: 0.4, ...how, minimum: 1 })(scored, large)); // prettier-ignore
  expect(Math.abs(shareOf('heads', scored, fair) - shareOf('neurons', scored, fair))).toBeLessThan(0.1);
  expect(shareOf('neurons', scored, fair)).toBeGreaterThan(0.3);
  expect(shareOf('heads', scored, units)).toBeLessThan(0.1);
  expect(shareOf('neurons', scored, units)).toBeGreaterThan(0.45);
});

test('of: in the order of the scores, negative ones too, a fraction of what all units cost', () => {
  const scored = scoredOf(model, 6).map(item => ({ ...item, scores: item.scores.map(score => score - 0.6) }));
  const total = lostOf(scored);
  const order = scored
    .flatMap(({ group, scores }) => group.units.map((unit, i) => ({ unit, score: scores[i] })))
    .sort((a, b) => a.score - b.score);
  for (const ratio of [0.2, 0.5]) {
    const gone = removedBy({ ratio, of: 'parameters' }, scored);
    expect(new Set(gone)).toEqual(new Set(order.slice(0, gone.length).map(({ unit }) => unit)));
    const dearest = Math.max(...scored.map(({ group }) => lostBy(model, [group.units[0]], 'parameters')));
    expect(Math.abs(lostBy(model, gone, 'parameters') - ratio * total)).toBeLessThanOrEqual(dearest / 2);
  }

  function lostOf(items: readonly Scored[]): number {
    return items
      .flatMap(({ group }) => group.units)
      .reduce((sum, unit) => sum + lostBy(model, [unit], 'parameters'), 0);
  }
});

test('of: units, ranked by the loss per parameter', () => {
  const scored = scoredOf(model, 7);
  for (const ratio of [0.25, 0.5]) {
    expect(removedBy({ ratio, per: 'parameters', of: 'units' }, scored)).toHaveLength(Math.round(ratio * 16));
  }
});

test('a model reaches its total through costTarget', () => {
  const scored = scoredOf(model, 8);
  const scope = (options: Parameters<typeof global>[0]) => global({ ...options, per: 'parameters' });
  for (const parameters of [0.9, 0.7]) {
    const gone = unitsGone(all(scored), costTarget({ parameters, scope })(scored, model));
    const left = costOf(model).parameters - lostBy(model, gone, 'parameters');
    expect(left).toBeLessThanOrEqual(parameters * costOf(model).parameters);
    expect(left).toBeGreaterThan(parameters * costOf(model).parameters - 200);
    const order = scored
      .flatMap(({ group, scores }) =>
        group.units.map((unit, i) => ({ unit, at: scores[i] / lostBy(model, [unit], 'parameters') })),
      ) // prettier-ignore
      .sort((one, other) => one.at - other.at);
    expect(new Set(gone)).toEqual(new Set(order.slice(0, gone.length).map(({ unit }) => unit)));
  }
});

test('several cuts end where one does', () => {
  const scored = scoredOf(model, 9);
  const how = { minimum: 1, ratio: 0.5 };
  const scope = (options: GlobalOptions) => global({ ...options, per: 'parameters' });
  const sizes = sizesOf(all(scored));
  const first = new Set(unitsGone(all(scored), counting(sizes, scope, { ...how, ratio: 0.25 })(scored, model)));
  const smaller = slice(model, trace(model), first);
  const rest = inside(smaller).map((group, g): Scored => {
    const { group: before, scores } = scored[g];
    return { group, scores: scores.filter((_, i) => !first.has(before.units[i])) };
  });
  expect(first.size).toBeGreaterThan(0);
  const twice = [...counting(sizes, scope, how)(rest, smaller).values()].map(units => units.length);
  const once = [...scope(how)(scored, model).values()].map(units => units.length);
  expect(twice).toEqual(once);
});

/** image[8, 8, 1] -> a[4] -> b[6] -> pool -> head */
const row = checkpoint(
  functional(
    [
      input('image', [null, null, 1]),
      layer('Conv2D', 'a', { filters: 4, kernelSize: [1, 1] }, ['image']),
      layer('Conv2D', 'b', { filters: 6, kernelSize: [1, 1] }, ['a']),
      layer('GlobalAveragePooling2D', 'pool', {}, ['b']),
      layer('Dense', 'head', { units: 2 }, ['pool']),
    ],
    ['head'],
  ),
  { a: [[1, 1, 1, 4], [4]], b: [[1, 1, 4, 6], [6]], head: [[6, 2], [2]] },
);
const channels = (of = row): Scored[] =>
  groups(of)
    .filter(({ frozen }) => frozen === undefined)
    .map(group => ({ group, scores: Float64Array.from(group.units, (_, i) => 1 + i) }));

test('channels in a row: a kernel counts as the own of either side', () => {
  // a: 1 weight, a bias and 6 readers; b: 4 weights, a bias and 2 readers. In all 4 x 8 + 6 x 7 = 74; the lowest per cost are b's 1/7, then a's 1/8.
  const removed = (ratio: number): number[] => [...global({ ratio, per: 'parameters' })(channels(), row).values()].map(units => units.length); // prettier-ignore
  expect(removed(8 / 74)).toEqual([3, 6]);
  expect(removed(15 / 74)).toEqual([3, 5]);
  expect(removed(11 / 74)).toEqual([3, 6]);
  expect(removed(12 / 74)).toEqual([3, 5]);
});

describe('refused', () => {
  test.each([
    [{ per: 'flops' as never }, 'per', 'parameters, macs'],
    [{ of: 'bytes' as never }, 'of', 'units, parameters, macs'],
  ])('%j', (options, ...words) => {
    const { code, message } = refusal(() => global({ ratio: 0.5, ...options }));
    expect(code).toBe('bad-option');
    for (const word of words) expect(message).toContain(word);
  });

  test('a negative score per cost', () => {
    const scored = channels().map(item => ({ ...item, scores: item.scores.map(score => score - 2) }));
    const { code, message } = refusal(() => global({ ratio: 0.5, per: 'parameters' })(scored, row));
    expect(code).toBe('bad-option');
    expect(message).toMatch(/group "a": expected no score below 0.*got -1.*Leave per out/);
  });

  test('MACs of an open size', () => {
    const { code, message } = refusal(() => global({ ratio: 0.5, of: 'macs' })(channels(), row));
    expect([code, message]).toEqual(['bad-model', expect.stringContaining('count in parameters')]);
  });

  test('more than the floors let go, and a group that would be empty', () => {
    const { code, message } = refusal(() => global({ ratio: 0.9, per: 'parameters', minimum: 3 })(channels(), row));
    expect(code).toBe('empty-group');
    expect(message).toContain('to remove 67 parameters from 2 groups, got only 29 that');
    expect(refusal(() => global({ ratio: 0.97, per: 'parameters' })(channels(), row)).code).toBe('empty-group');
  });
});

test('a net without anything is not asked what it costs', () => {
  expect(global({ ratio: 0.5, per: 'parameters' })([], checkpoint(sequential(), {}))).toEqual(new Map());
});
