import * as layers from '@tensorflow/tfjs-layers';
import { ndarray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { Split } from '../../lib/core/context';
import { random } from '../../lib/core/random';
import { wrapNorms } from '../../lib/edit/slim';
import { capture } from '../../lib/runtime/capture';
import { predict } from '../../lib/runtime/predict';
import { recalibrate } from '../../lib/runtime/recalibrate';
import { rejection } from '../zoo/refusal';
import { batchNormalization, bits, dense, dropout, mlp, normals, onWasm, withoutLeak } from './help';

onWasm();

const L = layers.layers;
type Flow = layers.SymbolicTensor;

/** A normalisation of the input itself, so that its statistics are those of the data. */
function bare(options: object = {}): Promise<Checkpoint> {
  return capture(layers.sequential({ layers: [batchNormalization({ name: 'b', inputShape: [2], ...options })] }));
}

/** Mean and biased variance of every column. */
function moments({ data, shape }: Split['inputs'][number]): number[][] {
  const column = (c: number) => Array.from(data).filter((_, i) => i % shape[1] === c);
  const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
  const columns = Array.from({ length: shape[1] }, (_, c) => column(c));
  return [columns.map(mean), columns.map(values => mean(values.map(value => (value - mean(values)) ** 2)))];
}

function data(rows: number, seed = 1): Split {
  const { normal } = random(seed);
  const values = Float32Array.from({ length: rows * 2 }, (_, i) => (i % 2 ? 3 * normal() + 5 : normal() - 2));
  return { inputs: [ndarray(values, [rows, 2])], targets: [] };
}

const closeTo = (expected: number[]) => expected.map(value => expect.closeTo(value, 4));

test('one batch gives its mean and variance, whatever the old ones were', async () => {
  const model = await bare();
  const split = data(50);
  const fresh = await withoutLeak(() => recalibrate(model, split, {}, { seed: 1 }));
  const [mean, variance] = moments(split.inputs[0]);
  expect([bits(fresh)['b/2'], bits(fresh)['b/3']]).toEqual([closeTo(mean), closeTo(variance)]);
  expect(fresh.topology).toBe(model.topology);
  expect(fresh.weights.get('b')!.slice(0, 2)).toEqual(model.weights.get('b')!.slice(0, 2));
});

test('several give the plain average over batches; all are weighed alike', async () => {
  const split = data(64);
  const { 'b/2': means } = bits(await recalibrate(await bare(), split, { batchSize: 16 }, { seed: 1 }));
  expect(means).toEqual(closeTo(moments(split.inputs[0])[0]));
});

test('examples that fill no batch are left out, and as many batches are used as asked for', async () => {
  const split = data(20);
  const [two, all, one] = await Promise.all(
    [{ batches: 2, batchSize: 8 }, { batchSize: 8 }, { batches: 1, batchSize: 8 }].map(async options =>
      bits(await recalibrate(await bare(), split, options, { seed: 1 })),
    ),
  );
  expect(all).toEqual(two);
  expect(one).not.toEqual(two);
});

test('the seed draws the order', async () => {
  const run = async (seed: number) =>
    bits(await recalibrate(await bare(), data(50), { batches: 2, batchSize: 8 }, { seed }));
  expect(await run(1)).toEqual(await run(1));
  expect(await run(1)).not.toEqual(await run(2));
});

test('all other weights keep their bits, and the model then normalises its training data', async () => {
  const model = await capture(mlp());
  const split = { inputs: [normals([96, 4], random(3).normal)], targets: [] };
  const fresh = await withoutLeak(() => recalibrate(model, split, { batchSize: 96 }, { seed: 1 }));
  for (const path of ['a', 'c']) expect(fresh.weights.get(path)).toBe(model.weights.get(path));
  const upTo = async ({ topology, weights }: Checkpoint) => {
    const cut = { ...topology, config: { ...topology.config, layers: topology.config.layers.slice(0, 2) } };
    const kept = new Map([...weights].filter(([path]) => path !== 'c'));
    return moments((await predict({ topology: cut, weights: kept }, split.inputs))[0]);
  };
  const [gamma, beta] = [0, 1].map(i => bits(model)[`b/${i}`]);
  const [means, variances] = await upTo(fresh);
  means.forEach((mean, i) => expect(mean).toBeCloseTo(beta[i], 4));
  const expected = bits(fresh)['b/3'].map((variance, i) => (gamma[i] ** 2 * variance) / (variance + 1e-3));
  expect(variances).toEqual(closeTo(expected));
  expect((await upTo(model))[0][0]).not.toBeCloseTo(beta[0], 2);
});

test('a shared BatchNormalization averages over both its calls', async () => {
  const [x, y] = ['x', 'y'].map(name => layers.input({ shape: [2], name }));
  const shared = batchNormalization({ name: 'b' });
  const outputs = [x, y].map(input => shared.apply(input) as Flow);
  const model = await capture(layers.model({ inputs: [x, y], outputs }));
  const inputs = [data(32, 1).inputs[0], data(32, 2).inputs[0]];
  const fresh = bits(await recalibrate(model, { inputs, targets: [] }, { batchSize: 8 }, { seed: 1 }));
  const [first, second] = inputs.map(input => moments(input)[0]);
  expect(fresh['b/2']).toEqual(closeTo(first.map((mean, i) => (mean + second[i]) / 2)));
});

test('works in wrappers, in nested models and without gamma or beta', async () => {
  const split = data(40);
  const [mean, variance] = moments(split.inputs[0]);
  const wrapped = bits(await recalibrate(wrapNorms(await bare(), { l1: 1 }), split, {}, { seed: 1 }));
  expect(wrapped['b/3']).toEqual(closeTo(variance));
  const part = layers.sequential({ name: 'part', layers: [batchNormalization({ name: 'b', inputShape: [2] })] });
  const nested = await capture(layers.sequential({ layers: [part, dense({ units: 1 })] }));
  expect(bits(await recalibrate(nested, split, {}, { seed: 1 }))['part/b/2']).toEqual(closeTo(mean));
  for (const [options, count] of [
    [{ scale: false }, 3],
    [{ scale: false, center: false }, 2],
  ] as const) {
    const { weights } = await recalibrate(await bare(options), split, {}, { seed: 1 });
    expect(weights.get('b')!.length).toBe(count);
    expect(Array.from(weights.get('b')![count - 2].data)).toEqual(closeTo(mean));
  }
  const inTime = { inputs: [ndarray(split.inputs[0].data, [10, 4, 2])], targets: [] };
  const timed = L.timeDistributed({ name: 't', layer: batchNormalization(), inputShape: [4, 2] });
  const { weights } = await recalibrate(await capture(layers.sequential({ layers: [timed] })), inTime, {}, { seed: 1 });
  expect(Array.from(weights.get('t')![2].data)).not.toEqual([0, 0]);
});

test('Dropout and noise are off', async () => {
  const noisy = layers.sequential({
    layers: [
      dropout({ rate: 0.9, inputShape: [2] }),
      L.gaussianNoise({ stddev: 9 }),
      L.gaussianDropout({ rate: 0.5 }),
      L.alphaDropout({ rate: 0.5 }),
      L.reshape({ targetShape: [2, 1] }),
      L.spatialDropout1d({ rate: 0.5 }),
      L.timeDistributed({ layer: dropout({ rate: 0.9 }) }),
      L.flatten(),
      batchNormalization({ name: 'b' }),
    ],
  });
  const split = data(30);
  const model = await capture(noisy);
  const before = JSON.stringify(model.topology);
  const [mean, variance] = moments(split.inputs[0]);
  const fresh = await recalibrate(model, split, {}, { seed: 1 });
  expect([bits(fresh)['b/2'], bits(fresh)['b/3']]).toEqual([closeTo(mean), closeTo(variance)]);
  expect(JSON.stringify(fresh.topology)).toBe(before);
});

test('a model without BatchNormalization is returned itself', async () => {
  const model = await capture(layers.sequential({ layers: [dense({ units: 1, inputShape: [2] })] }));
  expect(await withoutLeak(() => recalibrate(model, data(4), {}, { seed: 1 }))).toBe(model);
});

test('refuses bad options, axes that tf.js cannot train, and to go on after an abort', async () => {
  const model = await bare();
  for (const options of [{ batches: 0 }, { batchSize: 0.5 }]) {
    expect((await rejection(recalibrate(model, data(4), options, { seed: 1 }))).code).toBe('bad-option');
  }
  const signal = AbortSignal.abort();
  const aborted = await withoutLeak(() => rejection(recalibrate(model, data(4), {}, { seed: 1, signal })));
  expect(aborted.code).toBe('aborted');
  const odd = await capture(
    layers.sequential({ layers: [batchNormalization({ name: 'odd', axis: 1, inputShape: [3, 2] })] }),
  );
  const split = { inputs: [normals([4, 3, 2], () => 1)], targets: [] };
  expect((await withoutLeak(() => rejection(recalibrate(odd, split, {}, { seed: 1 })))).message).toMatch(
    /recalibrate, layer "odd"/,
  );
});
