/** Penalties on whole units: by hand, by finite differences, and at work. */
import * as tf from '@tensorflow/tfjs-core';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { FitOptions, UnitWeights } from '../../lib/core/context';
import { capture } from '../../lib/runtime/capture';
import { fit } from '../../lib/runtime/fit';
import { withModel } from '../../lib/runtime/materialize';
import { createRegularizer } from '../../lib/runtime/regularize';
import { rejection } from '../zoo/refusal';
import { bits, mlp, onWasm, splits, withoutLeak } from './help';

onWasm();

type Penalty = NonNullable<FitOptions['regularize']>;

const UNITS = 6;
const self = Int32Array.from({ length: UNITS }, (_, i) => i);
const kernel = { layer: 'a', weight: 0, axis: 1 };
const bias = { layer: 'a', weight: 1, axis: 0 };
/** All units by kernel and bias. */
const whole: UnitWeights = { units: UNITS, sites: [{ ...kernel, members: self }, { ...bias, members: self }] }; // prettier-ignore
/** Two units, one with two positions, in another order; the last positions are nobody's. */
const mixed: UnitWeights = { units: 2, sites: [{ ...kernel, members: Int32Array.from([1, 0, 1, -1, -1, -1]) }] };

/** Squares and numbers of the weights that make each unit, in doubles. */
function squaresOf(model: Checkpoint, { units, sites }: UnitWeights): { squares: number[]; sizes: number[] } {
  const [squares, sizes] = [new Array<number>(units).fill(0), new Array<number>(units).fill(0)];
  for (const { layer, weight, members } of sites) {
    model.weights.get(layer)![weight].data.forEach((value, at) => {
      const unit = members[at % members.length]; // both arrays have the units last
      if (unit < 0) return;
      squares[unit] += value ** 2;
      sizes[unit] += 1;
    });
  }
  return { squares, sizes };
}

function lasso(model: Checkpoint, groups: readonly UnitWeights[], strength: number): number {
  return groups.reduce((all, group) => {
    const { squares, sizes } = squaresOf(model, group);
    return squares.reduce((sum, square, i) => sum + strength * Math.sqrt(sizes[i] * square), all);
  }, 0);
}

async function measured(model: Checkpoint, penalty: Penalty, steps = 0) {
  return withModel(model, async built => {
    const regularizer = createRegularizer(built, penalty);
    for (let i = 0; i < steps; i++) regularizer.advance();
    const [variable] = built.trainableWeights.map(weight => weight.read() as tf.Variable);
    const { value, grads } = tf.variableGrads(() => tf.tidy(regularizer.penalty), [variable]);
    const result = { value: (await value.data())[0], gradient: [...(await grads[variable.name].data())] };
    tf.dispose([value, ...Object.values(grads)]);
    regularizer.dispose();
    return result;
  });
}

const changed = (model: Checkpoint, change: (value: number, at: number) => number): Checkpoint => {
  const [first, ...others] = model.weights.get('a')!;
  return {
    ...model,
    weights: new Map(model.weights).set('a', [{ ...first, data: first.data.map(change) }, ...others]),
  };
};

describe('groupLasso', () => {
  const penalty = (groups: readonly UnitWeights[]): Penalty => ({ kind: 'groupLasso', strength: 0.3, groups });

  test.each([[[whole]], [[mixed]], [[whole, mixed]]])('is the sum of norms times roots of sizes', async groups => {
    const model = await capture(mlp());
    const { value } = await withoutLeak(() => measured(model, penalty(groups)));
    expect(value).toBeCloseTo(lasso(model, groups, 0.3), 4);
    expect(value).toBeGreaterThan(0.1);
  });

  test('its gradient agrees with finite differences of the formula', async () => {
    const model = await capture(mlp());
    const { gradient } = await measured(model, penalty([whole, mixed]));
    gradient.forEach((slope, at) => {
      const moved = (h: number): number => lasso(changed(model, (v, i) => v + (i === at ? h : 0)), [whole, mixed], 0.3); // prettier-ignore
      expect(slope).toBeCloseTo((moved(1e-3) - moved(-1e-3)) / 2e-3, 3);
    });
  });

  test('a unit that is all zero has gradient zero', async () => {
    const model = changed(await capture(mlp()), (value, at) => (at % UNITS === 2 ? 0 : value));
    const kernelOnly = { units: UNITS, sites: [whole.sites[0]] };
    const { gradient } = await measured(model, penalty([kernelOnly]));
    gradient.forEach((slope, at) => (at % UNITS === 2 ? expect(slope).toBe(0) : expect(slope).not.toBe(0)));
  });

  test('training with it makes units small, the same for the same seed', async () => {
    const model = await capture(mlp({ hidden: UNITS }));
    const options: FitOptions = { epochs: 30, batchSize: 16, learningRate: 0.02, restoreBest: false };
    const run = (regularize?: Penalty) => fit(model, splits(), { ...options, regularize }, { seed: 1 });
    const [plain, small] = [await run(), await withoutLeak(() => run(penalty([whole])))];
    expect(lasso(small, [whole], 1)).toBeLessThan(0.1 * lasso(plain, [whole], 1));
    expect(bits(await run(penalty([whole])))).toEqual(bits(small));
    expect(bits(await run({ kind: 'groupLasso', strength: 0, groups: [whole] }))).toEqual(bits(plain));
  });
});

describe('growing', () => {
  const penalty: Penalty = { kind: 'growing', delta: 0.2, every: 3, ceiling: 0.5, groups: [mixed] };

  test.each([
    [0, 0],
    [2, 0],
    [3, 0.2],
    [5, 0.2],
    [6, 0.4],
    [9, 0.5],
    [100, 0.5],
  ])('after %d steps the factor is %d', async (steps, factor) => {
    const model = await capture(mlp());
    const { value, gradient } = await measured(model, penalty, steps);
    const { squares } = squaresOf(model, mixed);
    expect(value).toBeCloseTo(0.5 * factor * (squares[0] + squares[1]), 5);
    model.weights.get('a')![0].data.forEach((weight, at) => {
      expect(gradient[at]).toBeCloseTo(at % UNITS < 3 ? factor * weight : 0, 5);
    });
  });

  test('training makes its units small and lets the others be', async () => {
    const model = await capture(mlp());
    const options: FitOptions = {
      epochs: 40,
      batchSize: 10,
      learningRate: 0.05,
      optimizer: 'momentum',
      restoreBest: false,
    };
    const regularize: Penalty = { ...penalty, delta: 0.05, every: 2, ceiling: 1 };
    const run = async (more: Partial<FitOptions>): Promise<number[]> => {
      const after = await withoutLeak(() => fit(model, splits(), { ...options, ...more }, { seed: 1 }));
      return squaresOf(after, { units: UNITS, sites: [whole.sites[0]] }).squares;
    };
    const [free, pressed] = [await run({}), await run({ regularize })];
    for (const unit of [0, 1, 2]) expect(pressed[unit]).toBeLessThan(0.1 * free[unit]);
    for (const unit of [3, 4, 5]) expect(pressed[unit]).toBeGreaterThan(0.5 * free[unit]);
  });
});

test.each<[string, Penalty]>([
  ['regularize.kind', { kind: 'ridge' } as never],
  ['regularize.strength', { kind: 'groupLasso', strength: -1, groups: [whole] }],
  ['regularize.every', { kind: 'growing', delta: 1, every: 0.5, ceiling: 1, groups: [whole] }],
  ['regularize.delta', { kind: 'growing', delta: NaN, every: 1, ceiling: 1, groups: [whole] }],
  ['regularize.ceiling', { kind: 'growing', delta: 1, every: 1, ceiling: -1, groups: [whole] }],
  ['got [4, 6]', { kind: 'groupLasso', strength: 1, groups: [whole, { units: 2, sites: [{ ...kernel, members: new Int32Array(2) }] }] }], // prettier-ignore
  ['got no such weight', { kind: 'groupLasso', strength: 1, groups: [{ units: 2, sites: [{ ...kernel, layer: 'x', members: new Int32Array(2) }] }] }], // prettier-ignore
])('is refused: %s', async (message, regularize) => {
  const model = await capture(mlp());
  const error = await withoutLeak(() => rejection(fit(model, splits(), { epochs: 1, regularize }, { seed: 1 })));
  expect([error.code, error.message]).toEqual(['bad-option', expect.stringContaining(message)]);
});
