/** Steps as one plan, against the model itself. */
import fc from 'fast-check';
import '@tensorflow/tfjs-backend-cpu';
import { gather, type NdArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { RemovedStep } from '../../lib/core/context';
import { random } from '../../lib/core/random';
import { composeSteps } from '../../lib/edit/plan';
import { slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { scoreEach } from '../../lib/criteria';
import { prune } from '../../lib/methods';
import { capture } from '../../lib/runtime/capture';
import { NETS, NET_NAMES } from '../zoo/nets';
import { notedContext } from '../zoo/context';
import { build, recipes } from '../zoo/random';
import { checkpoint, functional, input, layer } from '../zoo/topology';

const site = (layer: string, kept: number[], axis = 0): RemovedStep['sites'][number] => ({
  layer,
  weight: 0,
  axis,
  role: 'makes',
  kept,
});
const group = (name: string, units: number, removed: number[]): RemovedStep['groups'][number] => ({
  name,
  kind: 'channels',
  units,
  removed,
});

describe('composeSteps by hand', () => {
  test('no steps, no plan', () => {
    expect(composeSteps([])).toEqual({ groups: [], sites: [] });
  });

  test('one step is itself', () => {
    const step = { groups: [group('a', 4, [1]), group('b', 2, [])], sites: [site('a', [0, 2, 3])] };
    expect(composeSteps([step])).toEqual(step);
  });

  test('a second step is told in terms of the model before the first', () => {
    const steps: RemovedStep[] = [
      { groups: [group('a', 6, [0, 3]), group('b', 3, [])], sites: [site('a', [1, 2, 4, 5])] },
      { groups: [group('a', 4, [1, 3]), group('b', 3, [2])], sites: [site('a', [0, 2]), site('b', [0, 1])] },
    ];
    expect(composeSteps(steps)).toEqual({
      groups: [group('a', 6, [0, 2, 3, 5]), group('b', 3, [2])],
      sites: [site('a', [1, 4]), site('b', [0, 1])],
    });
  });

  test('two axes of one weight are two sites', () => {
    const step = { groups: [], sites: [site('a', [0], 2), site('a', [1], 3)] };
    expect(composeSteps([step, { groups: [], sites: [] }]).sites).toHaveLength(2);
  });

  test('a site that was zeroed for the first cut is zeroed for both', () => {
    const first = { ...site('a', [0, 2]), role: 'reads' };
    const [composed] = composeSteps([
      { groups: [], sites: [first] },
      { groups: [], sites: [site('a', [1])] },
    ]).sites;
    expect(composed).toEqual({ ...first, kept: [2] });
  });

  test('the frozen reason is kept', () => {
    const frozen = { ...group('out', 2, []), frozen: 'model output' };
    expect(
      composeSteps([
        { groups: [frozen], sites: [] },
        { groups: [frozen], sites: [] },
      ]).groups,
    ).toEqual([frozen]);
  });
});

/** A product with what has one channel left, for one, is nothing that can be cut further. */
const canBeCut = (model: Checkpoint): boolean => groupsOf(trace(model)).some(({ frozen }) => frozen === undefined);

/** Runs `rounds` random cuts; returns the result and the steps that were told to the context. */
async function pruned(
  model: Checkpoint,
  rounds: number,
  seed: number,
): Promise<{ result: Checkpoint; steps: RemovedStep[] }> {
  const { context, noted } = notedContext({ seed });
  let result = model;
  for (let round = 0; round < rounds && canBeCut(result); round++) {
    const { uniform, integer } = random(seed, round);
    const criterion = {
      name: 'none',
      needs: [],
      score: scoreEach(of => new Float64Array(of.units.length)),
    };
    const cut = prune({
      criterion,
      budget: scored =>
        new Map(
          scored.map(({ group: of }) => {
            const stays = integer(of.units.length);
            return [of.name, [...of.units.keys()].filter(i => i === stays || uniform() < 0.6)];
          }),
        ),
    });
    result = await cut.run(result, context);
  }
  return { result, steps: noted.steps };
}

/** What the plan says of the sites, done to the original. */
function applied(model: Checkpoint, sites: ReturnType<typeof composeSteps>['sites']): Map<string, readonly NdArray[]> {
  const weights = new Map(model.weights);
  for (const { layer: path, weight, axis, kept } of sites) {
    const change = (array: NdArray, i: number): NdArray => (i === weight ? gather(array, axis, kept) : array);
    weights.set(path, weights.get(path)!.map(change));
  }
  return weights;
}

async function requireOneCut(model: Checkpoint, rounds: number, seed: number): Promise<void> {
  const { result, steps } = await pruned(model, rounds, seed);
  const plan = composeSteps(steps);
  expect(applied(model, plan.sites)).toEqual(result.weights);
  const traced = trace(model);
  const all = groupsOf(traced);
  const removed = new Set(
    plan.groups.flatMap(({ name, removed: gone }) => {
      const { units } = all.find(of => of.name === name)!;
      return gone.map(i => units[i]);
    }),
  );
  expect(plan.groups.map(({ name, units }) => [name, units])).toEqual(
    all.map(({ name, units }) => [name, units.length]),
  );
  expect(slice(model, traced, removed)).toEqual(result);
}

describe('three cuts are one', () => {
  test.each(NET_NAMES)('%s', async name => {
    const net = NETS[name]();
    const model = await capture(net);
    net.dispose();
    await requireOneCut(model, 3, 7);
  });

  test('on random architectures', async () => {
    await fc.assert(
      fc.asyncProperty(recipes(), fc.nat({ max: 1000 }), async (recipe, seed) => {
        // Where nothing can go there is nothing to compose.
        const net = build({ ...recipe, steps: recipe.steps.slice(0, 6) });
        const model = await capture(net);
        net.dispose();
        fc.pre(canBeCut(model));
        await requireOneCut(model, 2, seed);
      }),
      { numRuns: 60 },
    );
  });

  test('where the first unit of a group goes, and another group of the same maker comes first from then on', async () => {
    // Units 0 and 3 of "a" are tied to "q", units 1 and 2 are not: one group lies around the other.
    const topology = functional(
      [
        input('x', [4, 3]),
        layer('Dense', 'a', { units: 4 }, ['x']),
        layer('Flatten', 'flat', {}, ['a']),
        input('z', [2]),
        layer('Dense', 'p', { units: 7 }, ['z']),
        layer('Dense', 'q', { units: 2 }, ['z']),
        layer('Dense', 'r', { units: 7 }, ['z']),
        layer('Concatenate', 'cat', { axis: -1 }, ['p', 'q', 'r']),
        layer('Add', 'sum', {}, ['flat', 'cat']),
        layer('Dense', 'head', { units: 1 }, ['sum']),
      ],
      ['head'],
    );
    const kernels = { a: [[3, 4], [4]], p: [[2, 7], [7]], q: [[2, 2], [2]], r: [[2, 7], [7]], head: [[16, 1], [1]] };
    const model = checkpoint(topology, kernels);
    expect(
      groupsOf(trace(model))
        .filter(({ frozen }) => !frozen)
        .map(({ units }) => units.length),
    ).toEqual([2, 2]);
    for (let seed = 0; seed < 60; seed++) await requireOneCut(model, 2, seed);
  });
});
