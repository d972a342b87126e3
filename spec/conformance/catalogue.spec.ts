/** The catalogue: exact groups, and the law on each of its nets. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { ndarray, relativeError, type NdArray, type TypedArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { mask, slice } from '../../lib/edit/slice';
import { groups, groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { materialize } from '../../lib/runtime/materialize';
import { CPU_KERNELS } from '../backend';
import { CATALOGUE, type Case } from '../zoo/catalogue';
import { spelled, told, unitsAt } from '../zoo/notation';
import { refusal } from '../zoo/refusal';
import { predictionsOf, randomRemoval } from '../zoo/removal';
import { probesOf, randomize } from '../zoo/weights';

beforeAll(() => tf.setBackend(CPU_KERNELS));
beforeEach(() => void tf.engine().startScope());
afterEach(() => tf.engine().endScope());

async function built({ net }: Case): Promise<{ model: Checkpoint; probes: tf.Tensor[] }> {
  const made = randomize(net());
  const probes = probesOf(made);
  const model = await capture(made);
  made.dispose();
  return { model, probes };
}

describe.each(Object.entries(CATALOGUE))('%s', (_, cases) => {
  test.each(Object.entries(cases))('%s', async (_name, entry) => {
    const { model, probes } = await built(entry);
    const found = groups(model);
    expect(found.map(told).sort()).toEqual(entry.groups.map(line => spelled(line, model)).sort());
    for (const [place, units] of Object.entries(entry.positions ?? {})) {
      expect([place, unitsAt(place, found)]).toEqual([place, units]);
    }

    const traced = trace(model);
    const differences: number[] = [];
    for (const seed of [1, 2, 3]) {
      const removed = randomRemoval(groupsOf(traced), seed);
      const [sliced, masked] = [slice(model, traced, removed), mask(model, traced, removed)];
      const [got, expected] = [sliced, masked].map(each => predictionsOf(each, probes));
      expect(errorOf(got, expected)).toBeLessThanOrEqual(1e-5);
      differences.push(errorOf(expected, predictionsOf(model, probes)));
    }
    const free = found.some(({ frozen, units }) => frozen === undefined && units.length > 1);
    if (free) expect(Math.max(...differences)).toBeGreaterThan(1e-3);
    else expect(differences).toEqual([0, 0, 0]);
  });
});

describe.each(Object.entries(CATALOGUE))('weights of another rank or length are refused: %s', (_, cases) => {
  test.each(Object.entries(cases))('%s', async (_name, entry) => {
    const { model } = await built(entry);
    for (const [path, [first, ...others]] of model.weights) {
      const damaged = { ...model, weights: new Map(model.weights).set(path, [misshapen(first), ...others]) };
      // LayerNormalization has no units of its own: only tf.js's shapes tell that its weights do not fit.
      const held = trace(model).sites.some(({ layer }) => layer === path);
      const error = refusal(() => (held ? trace(damaged) : materialize(damaged)));
      expect(error.code).toBe(held ? 'bad-model' : 'bad-weights');
      expect(error.message).toContain(`"${path}"`);
    }
  });
});

/** The same numbers in one row; a row gets one more. */
function misshapen({ shape, data }: NdArray): NdArray {
  return shape.length > 1 ? ndarray(data, [data.length]) : ndarray(Float32Array.of(...data, 0), [data.length + 1]);
}

function errorOf(a: readonly TypedArray[], b: readonly TypedArray[]): number {
  return Math.max(...a.map((values, i) => relativeError(values, b[i])));
}
