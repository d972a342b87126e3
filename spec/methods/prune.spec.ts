import { uniform, type Budget } from '../../lib/budgets';
import type { NdArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { scoreEach, magnitude, gamma, random, type Criterion } from '../../lib/criteria';
import { mask, slice } from '../../lib/edit/slice';
import { groups, groupsOf, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { prune } from '../../lib/methods';
import { notedContext } from '../zoo/context';
import { rejection } from '../zoo/refusal';
import { checkpoint, functional, input, layer } from '../zoo/topology';

/** x[4,4,2] -> a[6] -> bn -> wise -> b[8] -> pool -> head[3] */
const topology = functional(
  [
    input('x', [4, 4, 2]),
    layer('Conv2D', 'a', { filters: 6, kernelSize: [1, 1] }, ['x']),
    layer('BatchNormalization', 'bn', { axis: -1 }, ['a']),
    layer('DepthwiseConv2D', 'wise', { kernelSize: [1, 1], depthMultiplier: 1 }, ['bn']),
    layer('Conv2D', 'b', { filters: 8, kernelSize: [1, 1] }, ['wise']),
    layer('GlobalAveragePooling2D', 'pool', {}, ['b']),
    layer('Dense', 'head', { units: 3 }, ['pool']),
  ],
  ['head'],
);
const model = checkpoint(topology, {
  a: [[1, 1, 2, 6], [6]],
  bn: [[6], [6], [6], [6]],
  wise: [[1, 1, 6, 1], [6]],
  b: [[1, 1, 6, 8], [8]],
  head: [[8, 3], [3]],
});

/** Scores that are the index of the unit: the first units go first. */
const byIndex: Criterion = {
  name: 'index',
  needs: [],
  score: scoreEach(({ units }) => Float64Array.from(units.keys())),
};
const half = uniform({ ratio: 0.5 });

async function run(options: Partial<Parameters<typeof prune>[0]> = {}, on: Checkpoint = model) {
  const { context, noted } = notedContext({ seed: 1 });
  const result = await prune({ criterion: byIndex, budget: half, ...options }).run(on, context);
  return { result, noted };
}

const widths = ({ weights }: Checkpoint): number[] =>
  ['a', 'b', 'head'].map(path => weights.get(path)![0].shape.at(-1)!);

describe('prune', () => {
  test('removes what the budget lets go and keeps the weights that stay', async () => {
    const before = structuredClone(model);
    const { result } = await run();
    expect(widths(result)).toEqual([3, 4, 3]);
    const [traced, removed] = [trace(model), new Set<number>()];
    for (const { name, units } of groupsOf(traced)) {
      if (name === 'a') units.slice(0, 3).forEach(unit => removed.add(unit));
      if (name === 'b') units.slice(0, 4).forEach(unit => removed.add(unit));
    }
    expect(result).toEqual(slice(model, traced, removed));
    expect(model).toEqual(before);
  });

  test('certifies the cut with the masked model, tells the plan, the log and the stage', async () => {
    const { result, noted } = await run();
    expect(noted.certified).toHaveLength(1);
    expect(noted.certified[0].place).toBe('prune');
    expect(noted.certified[0].sliced).toBe(result);
    const traced = trace(model);
    const gone = groupsOf(traced).flatMap(({ name, units }) =>
      name === 'a' || name === 'b' ? units.slice(0, units.length / 2) : [],
    );
    expect(noted.certified[0].masked).toEqual(mask(model, traced, new Set(gone)));
    expect(noted.stages).toEqual([{ name: 'pruned', model: result }]);
    expect(noted.logs).toEqual(['removed 7 of 14 units']);
    expect(noted.progress).toEqual([{ stage: 'score index', done: 2, total: 2 }]);
    expect(noted.steps[0].groups).toEqual([
      { name: 'x', kind: 'features', units: 2, removed: [], frozen: 'model input' },
      { name: 'a', kind: 'channels', units: 6, removed: [0, 1, 2] },
      { name: 'b', kind: 'channels', units: 8, removed: [0, 1, 2, 3] },
      { name: 'head', kind: 'neurons', units: 3, removed: [], frozen: 'model output' },
    ]);
    const sites = noted.steps[0].sites.map(({ layer: path, weight, axis, kept }) => [
      `${path}.${weight}.${axis}`,
      kept,
    ]);
    expect(Object.fromEntries(sites)['wise.0.2']).toEqual([3, 4, 5]);
    expect(Object.fromEntries(sites)['head.0.0']).toEqual([4, 5, 6, 7]);
  });

  test('a certificate that fails stops it before anything is told', async () => {
    const { context, noted } = notedContext({
      abilities: { certify: () => Promise.reject(new Error('not exact')) },
    });
    await expect(prune({ criterion: byIndex, budget: half }).run(model, context)).rejects.toThrow('not exact');
    expect([noted.steps, noted.stages, noted.logs]).toEqual([[], [], []]);
  });

  test('the same seed gives the same model, another seed another', async () => {
    const method = prune({ criterion: random(), budget: half });
    const [one, same, other] = await Promise.all(
      [1, 1, 2].map(seed => method.run(model, notedContext({ seed }).context)),
    );
    expect(one).toEqual(same);
    expect(one).not.toEqual(other);
  });
});

describe('fold', () => {
  /** Gammas of the first two units of `a` are zero and their betas large; a 1x1 convolution reads them through another. */
  const weights = new Map(model.weights);
  const set = (array: NdArray, value: number): NdArray => ({
    ...array,
    data: Float32Array.from(array.data, (old, i) => (i < 2 ? value : old)),
  });
  const [scale, shift, mean, variance] = model.weights.get('bn')!;
  const rest = [mean, { ...variance, data: Float32Array.from(variance.data, Math.abs) }];
  const dead: Checkpoint = { ...model, weights: weights.set('bn', [set(scale, 0), set(shift, 5), ...rest]) };
  const only = (count: number) => ({
    budget: uniform({ ratio: count / 6 }),
    groups: ({ name }: Group) => name === 'a',
    fold: 'exact' as const,
  });
  const biasOf = ({ weights: of }: Checkpoint) => of.get('b')![1].data;

  test('moves what constant units give into what reads them, and certifies it against the model before', async () => {
    const { result, noted } = await run(only(2), dead);
    expect(biasOf(result)).not.toEqual(biasOf(dead));
    expect(noted.certified.map(({ place }) => place)).toEqual(['prune', 'prune, constant units']);
    expect(noted.certified.map(({ sliced }) => sliced)).toEqual([result, result]);
    expect(noted.certified[1].masked).toBe(dead);
    expect(biasOf(noted.certified[0].masked)).toEqual(biasOf(result));
    expect(noted.logs).toEqual(['folded 2 constant units into what reads them', 'removed 2 of 6 units']);
  });

  test('promises less where other units went too, or nothing was constant', async () => {
    const { result, noted } = await run(only(3), dead);
    expect(biasOf(result)).not.toEqual(biasOf(dead));
    expect(noted.certified.map(({ place }) => place)).toEqual(['prune']);
    const alive = await run(only(2));
    expect(biasOf(alive.result)).toEqual(biasOf(model));
    expect([alive.noted.certified.length, alive.noted.logs.length]).toEqual([1, 1]);
  });

  test('is not done unasked', async () => {
    const { result, noted } = await run({ ...only(2), fold: undefined }, dead);
    expect(biasOf(result)).toEqual(biasOf(dead));
    expect(noted.certified).toHaveLength(1);
  });

  test('takes gammas for zero that are small enough, but does not call that exact', async () => {
    const nearly: Checkpoint = {
      ...dead,
      weights: new Map(weights).set('bn', [set(scale, 1e-4), set(shift, 5), ...rest]),
    };
    expect(biasOf((await run({ ...only(2), fold: 'bounded' }, nearly)).result)).toEqual(biasOf(nearly));
    const { result, noted } = await run({ ...only(2), fold: 'bounded', deadGamma: 1e-3 }, nearly);
    expect(biasOf(result)).not.toEqual(biasOf(nearly));
    expect(noted.certified).toHaveLength(1);
  });

  test('knows its words', async () => {
    expect((await rejection(run({ fold: 'all' as never }))).message).toContain('one of exact, bounded');
  });
});

describe('groups and protect', () => {
  test('groups picks by any property', async () => {
    expect(widths((await run({ groups: ({ name }: Group) => name === 'b' })).result)).toEqual([6, 4, 3]);
    expect(widths((await run({ groups: ({ units }: Group) => units.length < 8 })).result)).toEqual([3, 8, 3]);
  });

  test('a budget never sees the groups that were not picked', async () => {
    const seen: string[] = [];
    const budget: Budget = scored => {
      seen.push(...scored.map(({ group }) => group.name));
      return new Map();
    };
    const { result } = await run({ budget, protect: ['a'] });
    expect(seen).toEqual(['b']);
    expect(result).toEqual(model);
  });

  test.each(['a', 'bn', 'wise'])('a protected %s keeps every unit of its output', async path => {
    expect(widths((await run({ protect: [path] })).result)).toEqual([6, 4, 3]);
  });

  test('protecting a reader leaves what it reads free', async () => {
    expect(widths((await run({ protect: ['b'] })).result)).toEqual([3, 8, 3]);
  });

  test('an unknown path in protect is refused with paths that exist', async () => {
    const error = await rejection(run({ protect: ['conv9'] }));
    expect(error.code).toBe('bad-option');
    expect(error.message).toContain('"conv9"');
    expect(error.message).toMatch(/such as a, |such as a,/);
  });
});

describe('refusals', () => {
  test('no-groups lists every group with its reason', async () => {
    const error = await rejection(run({ protect: ['a'], groups: ({ name }: Group) => name !== 'b' }));
    expect(error.code).toBe('no-groups');
    expect(error.message).toContain('x: model input; a: protected; b: not selected; head: model output');
  });

  test('no-groups of gamma says what it needs', async () => {
    const error = await rejection(run({ criterion: gamma(), protect: ['a'] }));
    expect(error.code).toBe('no-groups');
    expect(error.message).toContain('b: not covered by gamma');
    expect(error.message).toContain('slimmable');
    expect((await rejection(run({ criterion: magnitude(), protect: ['a', 'b'] }))).message).not.toContain('slimmable');
  });

  test('gamma passes over groups without BatchNormalization', async () => {
    expect(widths((await run({ criterion: gamma() })).result)[1]).toBe(8);
  });

  test('scores with NaN, or too few of them, are refused', async () => {
    const broken = (scores: number[]): Criterion => ({
      ...byIndex,
      score: scoreEach(() => Float64Array.from(scores)),
    });
    const error = await rejection(run({ criterion: broken([1, NaN, 3, NaN, 5, 6]), protect: ['b'] }));
    expect(error.code).toBe('bad-weights');
    expect(error.message).toContain('criterion index, group "a"');
    expect(error.message).toContain('2 of them NaN');
    expect((await rejection(run({ criterion: broken([1, 2]) }))).code).toBe('bad-weights');
  });

  test('a budget that empties a group is refused', async () => {
    const budget: Budget = scored => new Map(scored.map(({ group }) => [group.name, []]));
    expect((await rejection(run({ budget }))).code).toBe('empty-group');
  });

  test('NaN weights do not go unnoticed', async () => {
    const [kernel, bias] = model.weights.get('a')!;
    const sick = { ...kernel, data: kernel.data.slice() };
    sick.data[3] = NaN;
    const weights = new Map(model.weights).set('a', [sick, bias]);
    expect((await rejection(run({ criterion: magnitude() }, { ...model, weights }))).code).toBe('bad-weights');
  });
});

test('name and paper come from the criterion', () => {
  const method = prune({ criterion: gamma(), budget: half });
  expect(method).toMatchObject({ name: 'prune(gamma)', paper: gamma().paper, needs: [] });
});

test('groups of the model are as the spec assumes', () => {
  expect(groups(model).map(({ name }) => name)).toEqual(['x', 'a', 'b', 'head']);
});
