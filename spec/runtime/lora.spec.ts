/** Corrections of low rank: nothing changes before they are trained, only they are trained, and merged they are no more. */
import * as tf from '@tensorflow/tfjs-core';
import type * as layers from '@tensorflow/tfjs-layers';
import { addLora, groups, mergeLora, train } from 'tfjs-prune';
import { ndarray, relativeError, type NdArray } from '../../lib/core/array';
import { leaves, weightsOf } from '../../lib/core/checkpoint';
import { withLora, withoutLora } from '../../lib/edit/lora';
import { mask, slice } from '../../lib/edit/slice';
import { trace } from '../../lib/graph/trace';
import { installTrainingKernels } from '../../lib/kernels';
import { capture } from '../../lib/runtime/capture';
import { materialize } from '../../lib/runtime/materialize';
import { ownTransformer, VOCABULARY } from '../zoo/ownTransformer';
import { predictionsOf } from '../zoo/removal';
import { rejection } from '../zoo/refusal';
import { probesOf, randomize } from '../zoo/weights';
import { onWasm, withoutLeak } from './help';

onWasm();
beforeAll(() => installTrainingKernels());

const build = () => randomize(ownTransformer({ blocks: 1, bias: true }));
const projections = (path: string): boolean => /_[qkvo]$/.test(path);
/** As training would: both halves of every correction are something else than nothing. */
const trained = (model: layers.LayersModel): layers.LayersModel => randomize(model, 9);

function crossEntropy(model: layers.LayersModel, inputs: NdArray, targets: NdArray): number {
  return tf.tidy(() => {
    const logits = model.predict(tf.tensor(inputs.data, [...inputs.shape], 'int32')) as tf.Tensor;
    const labels = tf.oneHot(tf.tensor1d(targets.data, 'int32'), VOCABULARY);
    return tf.losses.softmaxCrossEntropy(labels, tf.reshape(logits, [-1, VOCABULARY])).dataSync()[0];
  });
}

test('computes the same at first, and as much after merging', async () => {
  const net = build();
  const probes = probesOf(net, 3);
  const before = await capture(net);
  const adapted = await addLora(net, { rank: 2 });
  const [[same], [first]] = [await capture(adapted), before].map(each => predictionsOf(each, probes));
  expect(relativeError(same, first)).toBeLessThan(1e-6);
  const merged = await mergeLora(adapted);
  expect((await capture(merged)).weights).toEqual(before.weights);
  expect(await capture(net)).toEqual(before);

  trained(adapted);
  const [a, b] = [await capture(adapted), await capture(await mergeLora(adapted))];
  const [[bent], [flat], [original]] = [a, b, before].map(each => predictionsOf(each, probes));
  expect(relativeError(flat, bent)).toBeLessThan(1e-6);
  expect(relativeError(bent, original)).toBeGreaterThan(0.1);
  expect(leaves(b.topology).map(({ spec }) => spec.className)).toEqual(leaves(before.topology).map(({ spec }) => spec.className)); // prettier-ignore
  tf.dispose(probes);
});

test('scale counts: alpha twice as large, a correction twice as large', async () => {
  const model = await capture(build());
  const delta = (alpha: number): number => {
    const adapted = withLora(model, { rank: 2, alpha, layers: path => path === 'block0_q' });
    const [kernel, bias, a, b] = weightsOf(adapted, 'block0_q');
    const ones = ndarray(b.data.map(() => 1), b.shape); // prettier-ignore
    const weights = new Map(adapted.weights).set('block0_q', [kernel, bias, a, ones]);
    const [merged] = weightsOf(withoutLora({ ...adapted, weights }), 'block0_q');
    return merged.data[5] - kernel.data[5];
  };
  expect(delta(8)).toBeCloseTo(2 * delta(4), 5);
  expect(Math.abs(delta(8))).toBeGreaterThan(0.1);
});

test('only the corrections train, and a toy text is learned', async () => {
  const net = build();
  const adapted = await addLora(net, { rank: 2, layers: projections, seed: 3 });
  expect(adapted.trainableWeights.map(({ originalName }) => originalName)).toEqual(
    ['q', 'k', 'v', 'o'].flatMap(part => ['a', 'b'].map(half => `block0_${part}/lora_${half}`)),
  );
  const rows = Array.from({ length: 24 }, (_, row) => Array.from({ length: 6 }, (_, t) => (row + 2 * t) % VOCABULARY));
  const inputs = ndarray(Int32Array.from(rows.flatMap(row => row.slice(0, 5))), [24, 5]);
  const targets = ndarray(Int32Array.from(rows.flatMap(row => row.slice(1))), [24, 5]);
  const data = { train: { inputs: [inputs], targets: [targets] }, loss: 'sparseCategoricalCrossentropy' } as const;
  const after = await train(adapted, {
    data,
    epochs: 30,
    batchSize: 8,
    seed: 1,
    optimizer: 'adam',
    learningRate: 0.02,
  });
  const [a, b] = [await capture(adapted), await capture(after)];
  for (const [path, arrays] of a.weights) {
    const fixed = projections(path) ? arrays.length - 2 : arrays.length;
    arrays.forEach((array, i) => {
      const moved = array.data.some((x, at) => x !== weightsOf(b, path)[i].data[at]);
      expect([path, i, moved]).toEqual([path, i, i >= fixed]);
    });
  }
  expect(crossEntropy(after, inputs, targets)).toBeLessThan(0.9 * crossEntropy(adapted, inputs, targets));
});

test('is cut with its layer, and the rank stays', async () => {
  const model = await capture(trained(await addLora(build(), { rank: 3 })));
  const net = materialize(model);
  const probes = probesOf(net, 3);
  net.dispose();
  const traced = trace(model);
  const found = groups(model);
  const ranks = found.filter(({ kind }) => kind === 'rank');
  expect(ranks.length).toBe(7);
  expect(ranks.every(({ frozen, units }) => frozen !== undefined && units.length === 3)).toBe(true);
  for (const kind of ['heads', 'neurons', 'dimensions']) {
    const { units } = found.find(group => group.kind === kind && group.frozen === undefined)!;
    const removed = new Set([units[1]]);
    const [[a], [b]] = [slice, mask].map(edit => predictionsOf(edit(model, traced, removed), probes));
    expect(relativeError(a, b)).toBeLessThanOrEqual(1e-5);
    const sliced = slice(model, traced, removed);
    const [[c]] = [predictionsOf(withoutLora(sliced), probes)];
    expect(relativeError(c, a)).toBeLessThan(1e-5);
  }
  tf.dispose(probes);
});

test('the same seed draws the same, and nothing is left behind', async () => {
  const model = await capture(build());
  expect(withLora(model, { seed: 4 })).toEqual(withLora(model, { seed: 4 }));
  expect(weightsOf(withLora(model, { seed: 5 }), 'block0_q')[2]).not.toEqual(weightsOf(withLora(model, { seed: 4 }), 'block0_q')[2]); // prettier-ignore
  const net = build();
  await withoutLeak(async () => {
    const adapted = await addLora(net, { rank: 2 });
    const merged = await mergeLora(adapted);
    adapted.dispose();
    merged.dispose();
  });
});

test('refuses what has no place for it', async () => {
  const net = build();
  expect(await rejection(addLora(net, { layers: () => false }))).toMatchObject({ code: 'bad-option' });
  expect(await rejection(addLora(net, { rank: 0 }))).toMatchObject({ code: 'bad-option' });
  expect(await rejection(mergeLora(net))).toMatchObject({ code: 'bad-option' });
});
