/** PROPERTY_RUNS sets the number of random architectures, PROPERTY_SEED repeats a run. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { costAfter } from '../../lib/edit/cutCost';
import { slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { costOf } from '../../lib/report/cost';
import { capture } from '../../lib/runtime/capture';
import { NETS, NET_NAMES } from '../zoo/nets';
import { build, recipes } from '../zoo/random';
import { randomRemoval } from '../zoo/removal';
import { checkpoint, functional, input, layer } from '../zoo/topology';

const RUNS = Number(process.env.PROPERTY_RUNS ?? 200);
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 1_000_000);

beforeEach(() => void tf.engine().startScope());
afterEach(() => tf.engine().endScope());

test.each(NET_NAMES)('%s: counted before the cut as measured after it', async name => {
  const model = await captured(NETS[name]());
  expectSame(model, new Set());
  expect([1, 2, 3].map(seed => expectSame(model, randomRemoval(groupsOf(trace(model)), seed)))).toContain(true);
});

test(`so on ${RUNS} random architectures, seed ${SEED}`, async () => {
  let cheaper = 0;
  const law = fc.asyncProperty(recipes(), fc.nat({ max: 1000 }), async (recipe, seed) => {
    const model = await captured(build(recipe));
    if (expectSame(model, randomRemoval(groupsOf(trace(model)), seed))) cheaper++;
  });
  await fc.assert(law, { numRuns: RUNS, seed: SEED });
  expect(cheaper / RUNS).toBeGreaterThan(0.6);
}, 600_000);

test('touches no weight and leaves the model alone', () => {
  const model = open();
  const before = structuredClone(model);
  costAfter(model, trace(model), new Set(groupsOf(trace(model))[1].units.slice(0, 1)));
  expect(model).toEqual(before);
});

test('an open size leaves the count of operations open, and only that', () => {
  const model = open();
  const conv = groupsOf(trace(model)).find(({ name }) => name === 'a')!;
  expect(costAfter(model, trace(model), new Set())).toEqual({ parameters: 8 + 3, bytes: 44, macs: undefined });
  expect(costAfter(model, trace(model), new Set([conv.units[1]]))).toEqual({
    parameters: 4 + 2,
    bytes: 24,
    macs: undefined,
  });
});

/** x[?, 5, 3] -> a: 1x1 conv[2] -> gap -> head[1] */
function open(): Checkpoint {
  const topology = functional(
    [
      input('x', [null, 5, 3]),
      layer('Conv2D', 'a', { filters: 2, kernelSize: [1, 1] }, ['x']),
      layer('GlobalAveragePooling2D', 'gap', {}, ['a']),
      layer('Dense', 'head', { units: 1 }, ['gap']),
    ],
    ['head'],
  );
  return checkpoint(topology, { a: [[1, 1, 3, 2], [2]], head: [[2, 1], [1]] });
}

/** Whether the cut made anything cheaper. */
function expectSame(model: Checkpoint, removed: ReadonlySet<number>): boolean {
  const traced = trace(model);
  const counted = costAfter(model, traced, removed);
  const { parameters, bytes, macs } = costOf(slice(model, traced, removed));
  expect(counted).toEqual({ parameters, bytes, macs });
  return counted.parameters < costOf(model).parameters;
}

async function captured(net: LayersModel): Promise<Checkpoint> {
  try {
    return await capture(net);
  } finally {
    net.dispose();
  }
}
