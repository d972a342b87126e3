import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { ndarray, relativeError } from '../../lib/core/array';
import { mapLeaves, type Checkpoint } from '../../lib/core/checkpoint';
import { foldConstants, isWhole, type FoldOptions } from '../../lib/edit/fold';
import { mask, slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import type { Unit } from '../../lib/rules/rule';
import { capture } from '../../lib/runtime/capture';
import { CPU_KERNELS } from '../backend';
import { apply, bn, conv, dense, gap, head, model, relu, rgb, type Flow } from '../zoo/parts';
import { refusal } from '../zoo/refusal';
import { predictionsOf } from '../zoo/removal';
import { probesOf, randomize } from '../zoo/weights';
import { EXACT, type Build } from './foldNets';

beforeAll(() => tf.setBackend(CPU_KERNELS));
beforeEach(() => void tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const { layers: L } = layers;
const point = { kernelSize: 1 } as const;
const bare = { useBias: false } as const;
const sum = (...flows: Flow[]) => apply(flows, L.add({ name: 'add' }));

/** `norms` name BatchNormalizations; the first two units of each get a gamma of 0 (or `gamma`) and a large beta. */
async function dying(net: layers.LayersModel, norms: readonly string[], gamma = 0) {
  const alive = await capture(randomize(net));
  net.dispose();
  const weights = new Map(alive.weights);
  for (const path of norms) {
    const [scale, shift, ...rest] = weights.get(path)!;
    const set = ({ data, shape }: typeof scale, ...values: number[]) => {
      const changed = Float32Array.from(data, (value, i) => values[i] ?? value);
      return ndarray(changed, shape);
    };
    weights.set(path, [set(scale, gamma, gamma), set(shift, 4, 3), ...rest]);
  }
  const checkpoint: Checkpoint = { ...alive, weights };
  const traced = trace(checkpoint);
  const removed = new Set<Unit>();
  for (const { layer, parameter, width } of traced.sites) {
    if (norms.includes(layer) && parameter === 'gamma') removed.add(width[0]).add(width[1]);
  }
  return { checkpoint, traced, removed };
}

async function run(net: layers.LayersModel, norms: readonly string[], options?: FoldOptions, gamma = 0) {
  const probes = probesOf(net);
  const { checkpoint, traced, removed } = await dying(net, norms, gamma);
  const before = structuredClone(checkpoint);
  const fold = foldConstants(checkpoint, traced, removed, options);
  expect(checkpoint).toEqual(before);
  expect(fold.model.topology).toBe(checkpoint.topology);
  const outputs = (of: Checkpoint) => predictionsOf(of, probes);
  const errorOf = (of: Checkpoint) => {
    const wanted = outputs(checkpoint);
    return Math.max(...outputs(of).map((values, i) => relativeError(values, wanted[i])));
  };
  const sliced = slice(fold.model, traced, removed);
  return {
    fold,
    traced,
    outputs,
    checkpoint,
    sliced,
    error: errorOf(sliced),
    masked: errorOf(mask(fold.model, traced, removed)),
    unfolded: errorOf(slice(checkpoint, traced, removed)),
  };
}

describe('dead units go without a trace from', () => {
  test.each(Object.entries(EXACT))('%s', async (_, [build, ...norms]) => {
    const { fold, error, masked, unfolded } = await run(build(), norms);
    expect({ left: fold.left, whole: isWhole(fold) }).toEqual({ left: [], whole: true });
    expect(fold.folded.every(({ exact, bound }) => exact && bound === 0)).toBe(true);
    expect(error).toBeLessThanOrEqual(1e-5);
    expect(masked).toBeLessThanOrEqual(1e-5);
    expect(unfolded).toBeGreaterThan(0.05);
  });
});

describe('zeros around an image', () => {
  const padded = () => {
    const x = rgb();
    return model(x, apply(x, conv('a', 5), bn('n'), relu('r'), conv('b', 4)));
  };

  test('keep exact folding away', async () => {
    const { fold, checkpoint } = await run(padded(), ['n']);
    expect(fold.model).toBe(checkpoint);
    expect(fold.folded).toEqual([]);
    expect(fold.left.map(({ layer, reason }) => [layer, reason])).toEqual([
      ['b', 'zeros around the image make its edge differ'],
      ['b', 'zeros around the image make its edge differ'],
    ]);
  });

  test('leave the inside exact and the edge within the bound that is stated', async () => {
    const { fold, sliced, checkpoint, outputs, error, unfolded } = await run(padded(), ['n'], { mode: 'bounded' });
    expect(fold.left).toEqual([]);
    expect(isWhole(fold)).toBe(false);
    const bound = fold.folded.reduce((total, each) => total + each.bound, 0);
    const [[got], [wanted]] = [outputs(sliced), outputs(checkpoint)];
    const errors = got.map((value, i) => Math.abs(value - wanted[i]));
    const isInside = (i: number): boolean => {
      const [column, row] = [Math.floor(i / 4) % 5, Math.floor(i / 20) % 6];
      return column > 0 && column < 4 && row > 0 && row < 5;
    };
    const [inside, edge] = [true, false].map(want => errors.filter((_, i) => isInside(i) === want));
    expect(Math.max(...inside)).toBeLessThan(1e-5);
    expect(Math.max(...edge)).toBeLessThanOrEqual(bound + 1e-5);
    // The bound is that of the worst corner, for each unit by itself: no more than their sum apart from what happens.
    expect(Math.max(...edge)).toBeGreaterThan(bound / 4);
    expect(error).toBeLessThan(unfolded);
  });

  test('never change more than the bound, whatever the window', async () => {
    const windows = fc.record({
      size: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })),
      kernelSize: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
      strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      dilated: fc.boolean(),
    });
    const law = fc.asyncProperty(windows, async ({ size, kernelSize, strides, dilated }) => {
      const x = layers.input({ shape: [...size, 3], name: 'x' });
      const steps = dilated ? { strides: 1, dilationRate: 2 } : { strides };
      const reader = conv('b', 4, { kernelSize, ...steps });
      const net = model(x, apply(x, conv('a', 5), bn('n'), relu('r'), reader));
      const { fold, sliced, checkpoint, outputs } = await run(net, ['n'], { mode: 'bounded' });
      const [[got], [wanted]] = [outputs(sliced), outputs(checkpoint)];
      const error = Math.max(...got.map((value, i) => Math.abs(value - wanted[i])));
      expect(error).toBeLessThanOrEqual(fold.folded.reduce((total, { bound }) => total + bound, 1e-5));
      expect(isWhole(fold)).toBe(fold.folded.every(({ bound }) => bound === 0));
    });
    await fc.assert(law, { numRuns: 40, seed: 1 });
  });

  test('of unknown size count as if any tap could meet them', async () => {
    const open = () => {
      const x = layers.input({ shape: [null, null, 3], name: 'x' });
      return model(x, apply(x, conv('a', 5), bn('n'), relu('r'), conv('b', 4)));
    };
    const { checkpoint, traced, removed } = await dying(open(), ['n']);
    const known = await dying(padded(), ['n']);
    const boundOf = ({ checkpoint: of, traced: t, removed: r }: typeof known) =>
      foldConstants(of, t, r, { mode: 'bounded' }).folded.map(({ bound }) => bound);
    const [loose, tight] = [boundOf({ checkpoint, traced, removed }), boundOf(known)];
    loose.forEach((bound, i) => expect(bound).toBeGreaterThanOrEqual(tight[i]));
    expect(foldConstants(checkpoint, traced, removed).folded).toEqual([]);
  });

  test('do not matter where the constant is zero', async () => {
    const { checkpoint, traced, removed } = await dying(padded(), ['n']);
    const norm = checkpoint.weights.get('n')!.map((array, i) => {
      return i === 1 ? ndarray(Float32Array.from(array.data, (beta, unit) => (unit < 2 ? -1 : beta)), array.shape) : array; // prettier-ignore
    });
    const negative = { ...checkpoint, weights: new Map(checkpoint.weights).set('n', norm) };
    const fold = foldConstants(negative, traced, removed);
    expect(fold.left).toEqual([]);
    expect(fold.model).toBe(negative);
  });
});

describe('what is left, and why', () => {
  const reasons = async (build: Build, norms: readonly string[], options?: FoldOptions, gamma?: number) => {
    const { fold } = await run(build(), norms, options, gamma);
    return [...new Set(fold.left.map(({ layer, reason }) => `${layer}: ${reason}`))];
  };
  const chain =
    (...after: layers.layers.Layer[]) =>
    () => {
      const x = rgb();
      return model(x, apply(x, conv('a', 5), bn('n'), relu('r'), ...after));
    };

  test('units that depend on the example', async () => {
    const { checkpoint, traced } = await dying(chain(gap(), dense('out', 2))(), ['n']);
    const alive = groupsOf(traced).find(({ name }) => name === 'a')!.units[4];
    expect(foldConstants(checkpoint, traced, new Set([alive]))).toEqual({
      model: checkpoint,
      folded: [],
      left: [{ unit: alive, layer: 'out', reason: 'it depends on the example' }],
    });
  });

  test.each([
    ['"b" has no bias, and "b" bends what it gives', conv('b', 4, { ...point, ...bare, activation: 'relu' })],
    ['"b" has no bias, and it leaves the model', conv('b', 4, { ...point, ...bare })],
  ])('%s', async (reason, reader) => {
    expect(await reasons(chain(reader), ['n'])).toEqual([`b: ${reason}`]);
  });

  test('a reader without a bias before something that is not linear, or not the same at every place', async () => {
    const reader = () => conv('b', 5, { ...point, ...bare });
    expect(await reasons(chain(reader(), relu('s'), conv('c', 3, point)), ['n'])).toEqual([
      'b: "b" has no bias, and "s" bends what it gives',
    ]);
    expect(await reasons(chain(reader(), L.softmax({ name: 'soft', axis: -1 }), conv('c', 3)), ['n'])).toEqual([
      'b: "b" has no bias, and "soft" is not linear',
    ]);
    expect(await reasons(chain(reader(), conv('c', 3)), ['n'])).toEqual([
      'b: "b" has no bias, and "c" sees it differ by place',
    ]);
    const twice = () => {
      const x = rgb();
      const [a, b] = [apply(x, conv('a', 5), bn('n'), relu('r'), reader()), apply(x, conv('other', 5))];
      const shared = bn('shared');
      return model(x, head(sum(apply(a, shared), apply(b, shared))));
    };
    expect(await reasons(twice, ['n'])).toEqual(['b: "b" has no bias, and the calls of "shared" behind it differ']);
    const looped = () => {
      const x = rgb();
      const shared = conv('b', 5, { ...point, ...bare });
      return model(x, head(apply(x, conv('a', 5), bn('n'), relu('r'), shared, shared)));
    };
    expect(await reasons(looped, ['n'])).toEqual(['b: it depends on the example', 'head: it depends on the example']);
  });

  test('a shared reader whose calls see something else', async () => {
    const shared = () => {
      const x = rgb();
      const both = [bn('n'), L.leakyReLU({ name: 'leaky', alpha: 0.5 })];
      const a = apply(x, conv('a', 5), both[0]);
      const minus = L.reLU({ name: 'least', maxValue: 1 });
      const reader = conv('shared', 4, point);
      return model(x, head(sum(apply(a, both[1], reader), apply(a, minus, reader))));
    };
    expect(await reasons(shared, ['n'])).toEqual(['shared: the calls of its reader see it differ']);
  });

  test('what is read without a weight', async () => {
    const { checkpoint, traced, removed } = await dying(chain(gap(), dense('out', 2))(), ['n']);
    const [unit] = removed;
    const { left } = foldConstants(checkpoint, { ...traced, bare: new Set([unit]) }, removed);
    expect(left).toEqual([{ unit, layer: 'a', reason: 'something reads it without a weight' }]);
  });

  test('constants stop at a setting that a rule does not know', async () => {
    const { checkpoint, removed } = await dying(chain(gap(), dense('out', 2))(), ['n']);
    const odd = mapLeaves(checkpoint.topology, (spec, path) =>
      path === 'r' ? { ...spec, config: { ...spec.config, mystery: 1 } } : spec,
    );
    const strange = { ...checkpoint, topology: odd };
    const { left, model: same } = foldConstants(strange, trace(strange), removed);
    expect(left.map(({ reason }) => reason)).toEqual(Array(2).fill('it depends on the example'));
    expect(same).toBe(strange);
  });

  test('gammas that are not quite zero, unless they may count as zero', async () => {
    const build = () => chain(gap(), dense('out', 2))();
    expect(await reasons(build, ['n'], {}, 1e-3)).toEqual(['out: it depends on the example']);
    expect(await reasons(build, ['n'], { deadGamma: 1e-2 }, 1e-3)).toEqual(['out: its gamma is not quite zero']);
    const { fold, error, unfolded } = await run(build(), ['n'], { mode: 'bounded', deadGamma: 1e-2 }, 1e-3);
    expect(fold.left).toEqual([]);
    expect(fold.folded.every(({ exact, bound }) => !exact && bound === Infinity)).toBe(true);
    expect(error).toBeLessThan(unfolded / 100);
  });
});

test('a part of the units may be exact: that part is folded', async () => {
  const x = rgb();
  const wide = apply(x, conv('a', 5), bn('n'), relu('r'));
  const { fold } = await run(model(x, head(sum(apply(wide, conv('b', 4, point)), apply(wide, conv('c', 4))))), ['n']);
  expect(fold.folded.map(({ layer, exact }) => [layer, exact])).toEqual([
    ['b', true],
    ['b', true],
  ]);
  expect(fold.left.map(({ layer }) => layer)).toEqual(['c', 'c']);
});

test('nothing removed changes nothing; unknown modes and negative gammas are refused', async () => {
  const x = rgb();
  const { checkpoint, traced, removed } = await dying(model(x, head(apply(x, conv('a', 5), bn('n')))), ['n']);
  const none = foldConstants(checkpoint, traced, new Set());
  expect(none).toEqual({ model: checkpoint, folded: [], left: [] });
  expect(isWhole(none)).toBe(false);
  for (const options of [{ mode: 'roughly' as never }, { deadGamma: -1 }]) {
    expect(refusal(() => foldConstants(checkpoint, traced, removed, options)).code).toBe('bad-option');
  }
});
