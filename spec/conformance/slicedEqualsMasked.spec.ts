/**
 * The law of the project: a model without some units computes what the original computes when nobody reads those units.
 * PROPERTY_RUNS sets the number of random architectures, PROPERTY_SEED repeats a run.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { relativeError, type TypedArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { mask, slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import type { Unit } from '../../lib/rules/rule';
import { capture } from '../../lib/runtime/capture';
import { NETS, NET_NAMES } from '../zoo/nets';
import { build, recipes } from '../zoo/random';
import { predictionsOf, randomRemoval } from '../zoo/removal';
import { probesOf } from '../zoo/weights';

const TOLERANCE = 1e-5;
const RUNS = Number(process.env.PROPERTY_RUNS ?? 500);
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 1_000_000);

interface Case {
  readonly model: Checkpoint;
  readonly removed: ReadonlySet<Unit>;
  readonly original: readonly TypedArray[];
  readonly sliced: readonly TypedArray[];
  readonly masked: readonly TypedArray[];
}

beforeEach(() => void tf.engine().startScope());
afterEach(() => tf.engine().endScope());

describe.each(NET_NAMES)('%s', name => {
  test.each([1, 2, 3])('sliced equals masked, removal %i', async seed => {
    const { sliced, masked } = await runCase(NETS[name](), seed);
    expect(errorOf(sliced, masked)).toBeLessThanOrEqual(TOLERANCE);
  });

  test('the masked units mattered, and other units would not have done', async () => {
    const cases = await Promise.all([1, 2, 3, 4].map(seed => runCase(NETS[name](), seed)));
    expect(Math.max(...cases.map(({ removed }) => removed.size))).toBeGreaterThan(0);
    expect(Math.max(...cases.map(({ masked, original }) => errorOf(masked, original)))).toBeGreaterThan(1e-3);
    const crossed = cases.map(({ sliced }, i) => errorOf(sliced, cases[(i + 1) % cases.length].masked));
    expect(Math.max(...crossed)).toBeGreaterThan(1e-3);
  });
});

test(`sliced equals masked on ${RUNS} random architectures, seed ${SEED}`, async () => {
  let [changed, cut] = [0, 0];
  const law = fc.asyncProperty(recipes(), fc.nat({ max: 1000 }), async (recipe, seed) => {
    const { sliced, masked, original, removed } = await runCase(build(recipe), seed);
    cut += removed.size > 0 ? 1 : 0;
    changed += errorOf(masked, original) > 1e-3 ? 1 : 0;
    expect(errorOf(sliced, masked)).toBeLessThanOrEqual(TOLERANCE);
  });
  await fc.assert(law, { numRuns: RUNS, seed: SEED });
  // Otherwise the law would hold for want of anything to remove.
  expect({ cut: cut / RUNS > 0.6, changed: changed / cut > 0.6 }).toEqual({ cut: true, changed: true });
}, 600_000);

test('slicing and masking nothing changes nothing', async () => {
  const { model } = await captured(NETS.residual());
  const traced = trace(model);
  expect(slice(model, traced, new Set())).toEqual(model);
  expect(mask(model, traced, new Set())).toEqual(model);
});

async function captured(net: LayersModel): Promise<{ model: Checkpoint; probes: tf.Tensor[] }> {
  const probes = probesOf(net);
  try {
    return { model: await capture(net), probes };
  } finally {
    net.dispose();
  }
}

/** Removes units at random both ways, and looks whether either touched the original. */
async function runCase(net: LayersModel, seed: number): Promise<Case> {
  const { model, probes } = await captured(net);
  const before = structuredClone(model);
  const traced = trace(model);
  const removed = randomRemoval(groupsOf(traced), seed);
  const [sliced, masked] = [slice(model, traced, removed), mask(model, traced, removed)];
  expect(model).toEqual(before);
  requireFollowing(sliced);
  const result = {
    model,
    removed,
    original: predictionsOf(model, probes),
    sliced: predictionsOf(sliced, probes),
    masked: predictionsOf(masked, probes),
  };
  expect(model).toEqual(before);
  tf.dispose(probes);
  return result;
}

function errorOf(a: readonly TypedArray[], b: readonly TypedArray[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((values, i) => relativeError(values, b[i])));
}

/** A second trace of the sliced model finds weights, configs and shapes in agreement. */
function requireFollowing(sliced: Checkpoint): void {
  for (const { layer, config, outputs, rule } of trace(sliced).calls) {
    if (rule.className === 'InputLayer') continue;
    const kernels = sliced.weights.get(layer) ?? [];
    const last = (config.dataFormat === 'channelsFirst' ? outputs[0].shape[1] : outputs[0].shape.at(-1)) ?? NaN;
    if (config.filters !== undefined && config.filters !== null) expect(last).toBe(config.filters);
    const units = Number(config.units);
    if (units > 0) expect([last, kernels[0].shape[1] % units]).toEqual([units, 0]); // once per gate of a cell
  }
}
