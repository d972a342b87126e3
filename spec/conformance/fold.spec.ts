/**
 * Removal without a trace: where fold says that it is exact, the smaller model computes what the original does.
 * PROPERTY_RUNS sets the number of random architectures, PROPERTY_SEED repeats a run.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { relativeError, sizeOf, type TypedArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { Observed } from '../../lib/core/context';
import { constants } from '../../lib/edit/constants';
import { foldConstants, type Fold } from '../../lib/edit/fold';
import { mask, slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import type { Trace } from '../../lib/graph/ledger';
import { trace } from '../../lib/graph/trace';
import { unknown } from '../../lib/rules/arithmetic';
import type { Unit } from '../../lib/rules/rule';
import { capture } from '../../lib/runtime/capture';
import { observe } from '../../lib/runtime/observe';
import { fromTensor } from '../../lib/runtime/tensors';
import { someUnits, withDead } from '../zoo/dead';
import { NETS, NET_NAMES } from '../zoo/nets';
import { build, recipes } from '../zoo/random';
import { predictionsOf } from '../zoo/removal';
import { probesOf } from '../zoo/weights';

const TOLERANCE = 1e-5;
const RUNS = Number(process.env.PROPERTY_RUNS ?? 60);
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 1_000_000);

beforeEach(() => void tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** Nets of the zoo none of whose dead units can be folded exactly, each for the reason given. */
const NOTHING_EXACT: Readonly<Record<string, string>> = {
  channelsFirst: 'a softmax over rows and zeros around images',
  addChain: 'convolutions with zeros around images read all',
  addToInput: 'a convolution with zeros around images reads all',
  broadcastAdd: 'every unit meets a map that depends on the example',
  depthwiseAdd: 'a depthwise convolution with zeros around images feeds the sum',
  sharedLayer: 'a convolution with zeros around images reads all',
  generator: 'neurons reshaped to an image',
  volume: 'a convolution with zeros around volumes, a transposed one',
};

/** What recurrent layers, wrappers, products, lookups and corrections of low rank make of a constant is not followed. */
const NOT_FOLLOWED =
  /^(stack|stackedCells|encoderDecoder|bothWays_\w+|everyStep|modelAtEveryStep|movingImages|masked|maskedWords|attention|products|adapted)$/;

describe.each(NET_NAMES)('%s', name => {
  test('loses its dead units without a trace', async () => {
    const counts: number[] = [];
    for (const seed of [1, 2, 3]) {
      const { removed, error, twins } = await runCase(NETS[name](), seed);
      expect({ error: error <= TOLERANCE, twins: twins <= TOLERANCE }).toEqual({ error: true, twins: true });
      counts.push(removed.size);
    }
    expect(Math.max(...counts) > 0).toBe(!(name in NOTHING_EXACT || NOT_FOLLOWED.test(name)));
  });
});

describe('what is said to be constant is', () => {
  test.each(NET_NAMES.filter(name => !NOT_FOLLOWED.test(name)))('%s', async name => {
    const counts = [];
    for (const seed of [1, 2]) counts.push(await requireConstants(await dying(NETS[name](), seed)));
    expect(Math.max(...counts)).toBeGreaterThan(0);
  });

  test(`${RUNS} random architectures, seed ${SEED}`, async () => {
    const law = fc.asyncProperty(recipes(), fc.nat({ max: 1000 }), async (recipe, seed) => {
      await requireConstants(await dying(build(recipe), seed));
    });
    await fc.assert(law, { numRuns: RUNS, seed: SEED });
  }, 600_000);
});

test(`dead units leave no trace in ${RUNS} random architectures, seed ${SEED}`, async () => {
  let [folded, mattered] = [0, 0];
  const law = fc.asyncProperty(recipes(), fc.nat({ max: 1000 }), async (recipe, seed) => {
    const { removed, error, twins, unfolded } = await runCase(build(recipe), seed);
    folded += removed.size > 0 ? 1 : 0;
    mattered += unfolded > 1e-3 ? 1 : 0;
    expect(error).toBeLessThanOrEqual(TOLERANCE);
    expect(twins).toBeLessThanOrEqual(TOLERANCE);
  });
  await fc.assert(law, { numRuns: RUNS, seed: SEED });
  // Otherwise the law would hold for want of anything to fold.
  expect({ folded: folded / RUNS > 0.4, mattered: mattered / folded > 0.4 }).toEqual({ folded: true, mattered: true });
}, 600_000);

interface Case {
  readonly removed: ReadonlySet<Unit>;
  /** Of the sliced model against the original: with folding, and without. */
  readonly error: number;
  readonly unfolded: number;
  /** Of the sliced model against the masked one. */
  readonly twins: number;
}

interface Dying {
  readonly model: Checkpoint;
  readonly traced: Trace;
  readonly dead: ReadonlySet<Unit>;
  readonly probes: tf.Tensor[];
}

/** The model of `net` with some units dead. */
async function dying(net: LayersModel, seed: number): Promise<Dying> {
  const probes = probesOf(net);
  const alive = await capture(net);
  net.dispose();
  const traced = trace(alive);
  const dead = someUnits(groupsOf(traced), seed);
  return { model: withDead(alive, traced, dead), traced, dead, probes };
}

/** Compares what layers are given with what is said of it; returns how many numbers that were. */
async function requireConstants({ model, traced, probes }: Dying): Promise<number> {
  const known = constants(model, traced);
  const once = traced.calls.filter(({ layer, inputs }) => {
    return inputs.length > 0 && traced.calls.filter(other => other.layer === layer).length === 1;
  });
  const inputs = await Promise.all(probes.map(fromTensor));
  let compared = 0;
  const see = ([seen]: readonly Observed[]): void => {
    for (const { layer, inputs: flows } of once) {
      const [given] = seen.get(layer)!;
      flows.forEach((flow, i) => {
        const { shape, data } = given[i];
        const inner = sizeOf(shape.slice(flow.axis + 1));
        data.forEach((x, at) => {
          const position = Math.floor(at / inner) % flow.width.length;
          const { value, low, high } = known.get(flow) ?? unknown(flow.width.length);
          if (Number.isNaN(value[position])) return;
          const slack = TOLERANCE * Math.max(1, Math.abs(value[position]));
          const bounded = Number.isFinite(low[position]) && Number.isFinite(high[position]);
          const fits = bounded && x >= low[position] - slack && x <= high[position] + slack;
          if (!fits)
            throw new Error(`${layer}, position ${position}: ${x} outside ${low[position]} .. ${high[position]}`);
          compared += 1;
        });
      });
    }
  };
  const layers = once.map(({ layer }) => layer);
  await observe([{ model, layers }], { inputs, targets: [] }, see, {}, { seed: 0 });
  tf.dispose(probes);
  return compared;
}

/** Keeps the dead units that fold exactly at every reader, and removes them. */
async function runCase(net: LayersModel, seed: number): Promise<Case> {
  const { model, traced, dead, probes } = await dying(net, seed);
  const before = structuredClone(model);
  const { fold, removed } = foldable(model, traced, dead);
  const [sliced, masked] = [slice, mask].map(cut => predictionsOf(cut(fold.model, traced, removed), probes));
  const original = predictionsOf(model, probes);
  const unfolded = predictionsOf(slice(model, traced, removed), probes);
  expect(model).toEqual(before);
  tf.dispose(probes);
  return {
    removed,
    error: errorOf(sliced, original),
    unfolded: errorOf(unfolded, original),
    twins: errorOf(sliced, masked),
  };
}

/** As many of the units as leave nothing behind. */
function foldable(model: Checkpoint, traced: Trace, units: ReadonlySet<Unit>): { fold: Fold; removed: Set<Unit> } {
  const removed = new Set(units);
  for (;;) {
    const fold = foldConstants(model, traced, removed);
    if (fold.left.length === 0) return { fold, removed };
    for (const { unit } of fold.left) removed.delete(unit);
  }
}

function errorOf(a: readonly TypedArray[], b: readonly TypedArray[]): number {
  return Math.max(...a.map((values, i) => relativeError(values, b[i])));
}
