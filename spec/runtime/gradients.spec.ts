import * as layers from '@tensorflow/tfjs-layers';
import { sizeOf, type NdArray } from '../../lib/core/array';
import { weightsOf, type Checkpoint } from '../../lib/core/checkpoint';
import type { Split } from '../../lib/core/context';
import { random } from '../../lib/core/random';
import { mask } from '../../lib/edit/slice';
import { gatesOf } from '../../lib/graph/gates';
import { groupsOf, membersAt, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import type { Splits } from '../../lib/runtime/data';
import { evaluate } from '../../lib/runtime/evaluate';
import { gateGradients, weightGradients } from '../../lib/runtime/gradients';
import { materialize } from '../../lib/runtime/materialize';
import { predict } from '../../lib/runtime/predict';
import { probeInputs } from '../../lib/runtime/probes';
import { NETS, NET_NAMES } from '../zoo/nets';
import { rejection } from '../zoo/refusal';
import { dropout, mlp, normals, onWasm, randomize, withoutLeak } from './help';

onWasm();

const EXAMPLES = 6;

/** Random inputs, and targets near the outputs, with a squared error on every output. */
async function task(model: Checkpoint): Promise<Splits> {
  const net = materialize(model);
  const inputs = probeInputs(net, 1, EXAMPLES);
  net.dispose();
  const outputs = await predict(model, inputs);
  const { normal } = random(2, 'targets');
  const targets = outputs.map(({ data, shape }): NdArray => ({ shape, dtype: 'float32', data: Float32Array.from(data, v => v + normal()) })); // prettier-ignore
  const loss = outputs.map(() => 'meanSquaredError' as const);
  return { train: { inputs, targets }, loss };
}

const one = { batches: 1, batchSize: EXAMPLES };

/** Derivative of the mean loss by a factor on every weight that reads a unit: what the law calls masking it. */
async function byWeights(model: Checkpoint, splits: Splits, group: Group): Promise<Float64Array> {
  const sums = new Float64Array(group.units.length);
  const see = (gradients: Checkpoint['weights']): void => {
    for (const site of group.sites.filter(({ role }) => role === 'reads')) {
      const [weight, gradient] = [weightsOf(model, site.layer), gradients.get(site.layer)!].map(w => w[site.weight]);
      const inner = sizeOf(weight.shape.slice(site.axis + 1));
      const members = membersAt(group, site);
      weight.data.forEach((value, at) => {
        const member = members[Math.floor(at / inner) % weight.shape[site.axis]];
        if (member >= 0) sums[member] += value * gradient.data[at];
      });
    }
  };
  await weightGradients(model, splits, see, one, { seed: 1 });
  return sums;
}

/** For each example and unit the sum over the gates. */
async function byGates(model: Checkpoint, splits: Splits, group: Group, options = one): Promise<Float64Array[]> {
  const gates = gatesOf(trace(model), group)!;
  const examples: Float64Array[] = [];
  const see = (arrays: readonly NdArray[]): void => {
    for (let n = 0; n < arrays[0].shape[0]; n++) {
      const sums = new Float64Array(group.units.length);
      arrays.forEach(({ data }, g) => {
        const { members } = gates[g];
        members.forEach((member, p) => void (member >= 0 && (sums[member] += data[n * members.length + p])));
      });
      examples.push(sums);
    }
  };
  await gateGradients(model, splits, gates, see, options, { seed: 1 });
  return examples;
}

const mean = (rows: readonly Float64Array[]): Float64Array =>
  rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);

function expectClose(a: ArrayLike<number>, b: ArrayLike<number>): void {
  const scale = Math.max(1e-3, ...Array.from(b, Math.abs));
  Array.from(a).forEach((value, i) => expect(Math.abs(value - b[i]) / scale).toBeLessThan(2e-4));
}

/** Nets with an operation whose gradient tf.js lacks: dilated and transposed convolutions, and what jumps. */
const undifferentiable = ['activations', 'strides', 'waves', 'cropped', 'volume'];

test.each(undifferentiable)('%s: what tf.js cannot differentiate is refused', async name => {
  const net = NETS[name]();
  const model = await capture(net);
  net.dispose();
  const splits = await task(model);
  const see = jest.fn();
  const error = await rejection(withoutLeak(() => weightGradients(model, splits, see, one, { seed: 1 })));
  expect(error.code).toBe('bad-model');
  expect(error.message).toContain('Use a criterion that needs no gradients.');
  expect(see).not.toHaveBeenCalled();
});

describe.each(NET_NAMES.filter(name => !undifferentiable.includes(name)))('%s', name => {
  test('the gates of a group are the mask of its reads, example by example', async () => {
    const net = NETS[name]();
    const model = await capture(net);
    net.dispose();
    const splits = await task(model);
    const traced = trace(model);
    for (const group of groupsOf(traced).filter(({ frozen }) => frozen === undefined)) {
      if (gatesOf(traced, group) === undefined) continue;
      const all = await byGates(model, splits, group);
      expect(all).toHaveLength(EXAMPLES);
      // What is read without a weight is gated too: spec/graph/gates and spec/criteria/masks see to that.
      if (!group.units.some(unit => traced.bare.has(unit))) {
        expectClose(mean(all), await byWeights(model, splits, group));
      }
      const single = await byGates(model, splits, group, { batches: EXAMPLES, batchSize: 1 });
      all.forEach((example, n) => expectClose(example, single[n]));
    }
  });
});

test('a gradient is the slope of the loss', async () => {
  const model = await capture(mlp());
  const splits = await task(model);
  const traced = trace(model);
  const group = groupsOf(traced).find(each => each.name === 'a')!;
  const slopes = await byWeights(model, splits, group);
  const lossAt = async (unit: number, factor: number): Promise<number> => {
    const gone = mask(model, traced, new Set([group.units[unit]]));
    const weights = new Map(
      [...model.weights].map(([path, arrays]) => {
        const masked = weightsOf(gone, path);
        const mixed = arrays.map((array, i) => {
          const zeroed = masked[i].data;
          return { ...array, data: Float32Array.from(array.data, (v, at) => factor * v + (1 - factor) * zeroed[at]) };
        });
        return [path, mixed] as const;
      }),
    );
    return (await evaluate({ ...model, weights }, splits.train, splits.loss)).loss;
  };
  for (const unit of group.units.keys()) {
    const slope = ((await lossAt(unit, 1.05)) - (await lossAt(unit, 0.95))) / 0.1;
    expect(Math.abs(slope - slopes[unit])).toBeLessThan(2e-3 * Math.max(...slopes.map(Math.abs)));
  }
});

const withNoise = (): layers.LayersModel => {
  const net = layers.sequential({
    layers: [mlp({ outputs: 4, head: 'linear' }), dropout({ rate: 0.5, name: 'noise' })],
  });
  randomize(net, 1);
  return net;
};

test('nothing is trained, mixed or dropped, nothing stays behind, and the same seed draws the same batches', async () => {
  const model = await capture(withNoise());
  const before = structuredClone(model.weights);
  const train: Split = { inputs: [normals([20, 4], random(1).normal)], targets: [normals([20, 4], random(2).normal)] };
  const splits: Splits = { train, loss: ['meanSquaredError'] };
  const seen = async (seed: number): Promise<Checkpoint['weights'][]> => {
    const all: Checkpoint['weights'][] = [];
    const see = (batch: Checkpoint['weights']): void => void all.push(batch);
    await withoutLeak(() => weightGradients(model, splits, see, { batches: 2, batchSize: 8 }, { seed }));
    return all;
  };
  const [once, again, other] = [await seen(1), await seen(1), await seen(2)];
  expect(once).toHaveLength(2);
  expect(once).toEqual(again);
  expect(once).not.toEqual(other);
  expect(model.weights).toEqual(before);
  const shapes = (weights: Checkpoint['weights']): unknown =>
    [...weights].map(([path, arrays]) => [path, arrays.map(a => a.shape)]);
  expect(shapes(once[0])).toEqual(shapes(model.weights));
  const moving = once[0].get([...model.weights.keys()].find(path => path.endsWith('b'))!)!.slice(-2);
  expect(moving.every(({ data }) => data.every(value => value === 0))).toBe(true);
});

test('seeing enough ends the run, and an unknown gate is refused', async () => {
  const model = await capture(mlp());
  const splits = await task(model);
  let batches = 0;
  const run = { seed: 1 };
  await weightGradients(model, splits, () => ++batches === 2, { batches: 5, batchSize: 1 }, run);
  expect(batches).toBe(2);
  for (const gate of [
    { layer: 'x', input: 0, axis: 1 },
    { layer: 'a', input: 1, axis: 1 },
    { layer: 'a', input: 0, axis: 2 },
  ]) {
    // prettier-ignore
    const error = await rejection(withoutLeak(() => gateGradients(model, splits, [gate], () => {}, one, run)));
    expect(error.code).toBe('bad-option');
  }
});
