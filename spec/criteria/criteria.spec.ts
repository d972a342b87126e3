import fc from 'fast-check';
import { gather, ndarray, type NdArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { gamma, groupNorm, magnitude, random, type Criterion } from '../../lib/criteria';
import { groups, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { notedContext } from '../zoo/context';
import { refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer, noise } from '../zoo/topology';

const array = (shape: number[], ...values: number[]): NdArray => ndarray(Float32Array.from(values), shape);
const { context } = notedContext({ seed: 3 });

async function scores(criterion: Criterion, model: Checkpoint, name: string): Promise<number[]> {
  const [{ values }] = await criterion.score([groupNamed(model, name)], model, context);
  return Array.from(values);
}

function groupNamed(model: Checkpoint, name: string): Group {
  return groups(model).find(group => group.name === name)!;
}

/** x[2] -> a[3] -> bn -> b[3], a + b -> head[1]; "wide" reads x with 4 units. */
const topology = functional(
  [
    input('x', [2]),
    layer('Dense', 'a', { units: 3 }, ['x']),
    layer('BatchNormalization', 'bnA', { axis: -1 }, ['a']),
    layer('Dense', 'b', { units: 3 }, ['bnA']),
    layer('BatchNormalization', 'bnB', { axis: -1 }, ['b']),
    layer('Add', 'sum', {}, ['bnA', 'bnB']),
    layer('Dense', 'wide', { units: 4 }, ['sum']),
    layer('BatchNormalization', 'bnWide', { axis: -1 }, ['wide']),
    layer('Dense', 'head', { units: 1 }, ['bnWide']),
  ],
  ['head'],
);

function model(): Checkpoint {
  const shapes = {
    a: [[2, 3], [3]],
    bnA: [[3], [3], [3], [3]],
    b: [[3, 3], [3]],
    bnB: [[3], [3], [3], [3]],
    wide: [[3, 4], [4]],
    bnWide: [[4], [4], [4], [4]],
    head: [[4, 1], [1]],
  };
  const { weights, ...rest } = checkpoint(topology, shapes);
  const given = new Map(weights)
    .set('a', [array([2, 3], 1, -2, 3, -4, 5, -6), array([3], 100, 100, 100)])
    .set('b', [array([3, 3], 1, 0, 0, 0, 2, 0, 0, 0, -3), array([3], 0, 0, 0)])
    .set('bnA', [array([3], -1, 2, 0.5), ...weights.get('bnA')!.slice(1)])
    .set('bnB', [array([3], 3, -4, 0), ...weights.get('bnB')!.slice(1)])
    .set('bnWide', [array([4], 0.1, -0.2, 0.3, 0), ...weights.get('bnWide')!.slice(1)]);
  return { ...rest, weights: given };
}

describe('gamma', () => {
  test('is |gamma|, averaged over the norms of a residual stream', async () => {
    const close = (await scores(gamma(), model(), 'wide')).map(score => Number(score.toFixed(6)));
    expect(close).toEqual([0.1, 0.2, 0.3, 0]);
    expect(await scores(gamma(), model(), 'a')).toEqual([(1 + 3) / 2, (2 + 4) / 2, 0.5 / 2]);
  });

  test('covers the groups that have a gamma', () => {
    const covered = groups(model()).filter(group => gamma().covers!(group, trace(model())));
    expect(covered.map(({ name }) => name)).toEqual(['a', 'wide']);
  });

  test('averages the gammas of a unit that takes several positions', async () => {
    const wise = functional(
      [
        input('x', [2, 2, 1]),
        layer('Conv2D', 'c', { filters: 2, kernelSize: [1, 1] }, ['x']),
        layer('Flatten', 'flat', {}, ['c']),
        layer('BatchNormalization', 'bn', { axis: -1 }, ['flat']),
        layer('Dense', 'head', { units: 1 }, ['bn']),
      ],
      ['head'],
    );
    const base = checkpoint(wise, { c: [[1, 1, 1, 2], [2]], bn: [[8], [8], [8], [8]], head: [[8, 1], [1]] });
    const gammas = array([8], 1, 10, -2, 20, 3, -30, 4, 40);
    const weights = new Map(base.weights).set('bn', [gammas, ...base.weights.get('bn')!.slice(1)]);
    expect(await scores(gamma(), { ...base, weights }, 'c')).toEqual([10 / 4, 100 / 4]);
  });

  test('without scale there is nothing to score', () => {
    const bare = { ...model(), topology: replaced('bnWide', { axis: -1, scale: false }) };
    const weights = new Map(bare.weights).set('bnWide', bare.weights.get('bnWide')!.slice(1));
    const without = { ...bare, weights };
    expect(gamma().covers!(groupNamed(without, 'wide'), trace(without))).toBe(false);
  });
});

describe('magnitude', () => {
  test('l1: summed over the layers that make the unit, biases left out, divided by the mean of the group', async () => {
    // a: |1|+|-4|, |-2|+|5|, |3|+|-6|; b: 1, 2, 3
    const sums = [5 + 1, 7 + 2, 9 + 3];
    expect(await scores(magnitude(), model(), 'a')).toEqual(sums.map(sum => sum / 9));
  });

  test('l2: the root of the sum of squares of each layer', async () => {
    const sums = [Math.sqrt(17) + 1, Math.sqrt(29) + 2, Math.sqrt(45) + 3];
    const mean = sums.reduce((sum, value) => sum + value, 0) / 3;
    (await scores(magnitude({ norm: 'l2' }), model(), 'a')).forEach((score, i) => {
      expect(score).toBeCloseTo(sums[i] / mean, 6);
    });
  });

  test('the mean over a group is 1, so that groups can be ranked together', async () => {
    for (const norm of ['l1', 'l2'] as const) {
      const values = await scores(magnitude({ norm }), model(), 'wide');
      expect(values.reduce((sum, value) => sum + value, 0) / 4).toBeCloseTo(1, 12);
    }
  });

  test('scaling a layer by any factor changes nothing', async () => {
    const whole = model();
    const [kernel, bias] = whole.weights.get('wide')!;
    const scaled = { ...kernel, data: Float32Array.from(kernel.data, value => value * 8) };
    const weights = new Map(whole.weights).set('wide', [scaled, bias]);
    expect(await scores(magnitude(), { ...whole, weights }, 'wide')).toEqual(await scores(magnitude(), whole, 'wide'));
  });

  test('an all-zero layer scores zero, not NaN', async () => {
    const whole = model();
    const weights = new Map(whole.weights).set('wide', [
      array([3, 4], ...new Array(12).fill(0)),
      array([4], 1, 1, 1, 1),
    ]);
    expect(await scores(magnitude(), { ...whole, weights }, 'wide')).toEqual([0, 0, 0, 0]);
  });

  test('an unknown norm is refused with the words that are known', () => {
    const error = refusal(() => magnitude({ norm: 'l3' as never }));
    expect(error.code).toBe('bad-option');
    expect(error.message).toContain('l1, l2');
  });
});

describe('groupNorm', () => {
  /** Per unit of "wide": its column of wide [3, 4], its gamma and its row of head [4, 1]. */
  const parts = ({ weights }: Checkpoint): number[][] => {
    const [kernel, gammas, head] = ['wide', 'bnWide', 'head'].map(path => weights.get(path)![0].data);
    return [0, 1, 2, 3].map(unit => [kernel[unit], kernel[4 + unit], kernel[8 + unit], gammas[unit], head[unit]]);
  };
  const closeTo = (found: readonly number[], sums: readonly number[]): void => {
    const mean = sums.reduce((sum, value) => sum + value, 0) / sums.length;
    expect(found).toHaveLength(sums.length);
    found.forEach((score, i) => expect(score).toBeCloseTo(sums[i] / mean, 6));
  };

  test('of what makes the unit, reads it, and scales it; no biases and no statistics', async () => {
    const whole = model();
    const [ones, twos] = [1, 2].map(power =>
      parts(whole).map(values => values.reduce((sum, value) => sum + Math.abs(value) ** power, 0)),
    );
    closeTo(await scores(groupNorm({ norm: 'l1' }), whole, 'wide'), ones);
    closeTo(await scores(groupNorm(), whole, 'wide'), twos.map(Math.sqrt));
  });

  test('over all layers of a residual stream', async () => {
    const whole = model();
    // a makes 5, 7, 9; b makes and reads 1, 2, 3; gammas 1, 2, 0.5 and 3, 4, 0; and wide reads.
    const wide = whole.weights.get('wide')![0].data;
    const read = [0, 1, 2].map(row => [0, 1, 2, 3].reduce((sum, column) => sum + Math.abs(wide[4 * row + column]), 0));
    closeTo(await scores(groupNorm({ norm: 'l1' }), whole, 'a'), [11 + read[0], 17 + read[1], 15.5 + read[2]]);
  });

  test('keeps a unit that is small where it is made and large where it is read; magnitude does not', async () => {
    const whole = model();
    const kernel = array([3, 4], 0.1, 1, 1, 1, 0.1, 1, 1, 1, 0.1, 1, 1, 1);
    const weights = new Map([
      ...whole.weights,
      ['wide', [kernel, array([4], 0, 0, 0, 0)]] as const,
      ['head', [array([4, 1], 9, 1, 1, 1), array([1], 0)]] as const,
    ]);
    const least = (values: readonly number[]): number => values.indexOf(Math.min(...values));
    expect(least(await scores(magnitude({ norm: 'l2' }), { ...whole, weights }, 'wide'))).toBe(0);
    expect(least(await scores(groupNorm(), { ...whole, weights }, 'wide'))).not.toBe(0);
  });

  test('an unknown norm is refused with the words that are known', () => {
    const error = refusal(() => groupNorm({ norm: 'l3' as never }));
    expect([error.code, error.message]).toEqual(['bad-option', expect.stringContaining('l1, l2')]);
  });
});

describe('random', () => {
  test('depends on the seed and the group, not on the weights', async () => {
    const whole = model();
    const once = await scores(random(), whole, 'a');
    expect(
      await scores(random(), { ...whole, weights: new Map(whole.weights).set('a', [noise([2, 3]), noise([3])]) }, 'a'),
    ).toEqual(once);
    expect(await scores(random(), whole, 'wide')).not.toEqual(once);
    const other = notedContext({ seed: 4 }).context;
    const [{ values }] = await random().score([groupNamed(whole, 'a')], whole, other);
    expect(Array.from(values)).not.toEqual(once);
    expect(once.every(score => score >= 0 && score < 1)).toBe(true);
  });
});

describe.each([
  ['gamma', gamma()],
  ['l1', magnitude()],
  ['l2', magnitude({ norm: 'l2' })],
  ['group l2', groupNorm()],
])('%s', (name, criterion) => {
  test('permuting the units permutes the scores', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), async order => {
        const whole = model();
        const turn = (path: string, axes: readonly number[]): [string, readonly NdArray[]] => [
          path,
          whole.weights.get(path)!.map((weight, i) => (axes[i] < 0 ? weight : gather(weight, axes[i], order))),
        ];
        const weights = new Map([
          ...whole.weights,
          turn('wide', [1, 0]),
          turn('bnWide', [0, 0, 0, 0]),
          turn('head', [0, -1]),
        ]);
        const before = await scores(criterion, whole, 'wide');
        const after = await scores(criterion, { ...whole, weights }, 'wide');
        after.forEach((score, i) => expect(score).toBeCloseTo(before[order[i]], 12));
      }),
      { numRuns: 24 },
    );
  });

  test('names itself, asks for nothing, and leaves the model alone', async () => {
    const whole = model();
    const before = structuredClone(whole);
    expect(criterion.name).toBe(name);
    expect(criterion.needs).toEqual([]);
    expect(criterion.paper).toMatch(/\d{4}\.\d{5}/);
    const [{ values }] = await criterion.score([groupNamed(whole, 'a')], whole, context);
    expect(values).toBeInstanceOf(Float64Array);
    expect(values).toHaveLength(3);
    expect(whole).toEqual(before);
  });
});

function replaced(path: string, config: Record<string, unknown>): Checkpoint['topology'] {
  const layers = topology.config.layers.map(spec =>
    spec.config.name === path ? { ...spec, config: { name: path, ...config } } : spec,
  );
  return { ...topology, config: { ...topology.config, layers } };
}
