import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { ndarray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { Split } from '../../lib/core/context';
import { random } from '../../lib/core/random';
import { capture } from '../../lib/runtime/capture';
import { evaluate, predict } from '../../lib/runtime/evaluate';
import { prepareLoss, type Loss } from '../../lib/runtime/loss';
import { rejection } from '../zoo/refusal';
import { activation, dense, examples, mlp, normals, onWasm, outputsOf, withoutLeak } from './help';

onWasm();

const L = layers.layers;
type Flow = layers.SymbolicTensor;

describe('predict', () => {
  test('gives what the model gives, whatever the batch size, last batch included', async () => {
    const model = mlp();
    const { inputs } = examples(7);
    const whole = outputsOf(model, ...inputs)[0];
    for (const batchSize of [1, 3, 7, 128]) {
      const [output] = await withoutLeak(() => predict(model, inputs, { batchSize }));
      expect([output.shape, output.dtype]).toEqual([[7, 3], 'float32']);
      output.data.forEach((value: number, i: number) => expect(value).toBeCloseTo(whole[i], 6));
    }
    const checkpoint = await capture(model);
    const [output] = await withoutLeak(() => predict(checkpoint, inputs));
    expect(Array.from(output.data)).toEqual(whole);
  });

  test('several inputs and outputs', async () => {
    const [x, y] = [3, 2].map(size => layers.input({ shape: [size] }));
    const both = L.concatenate().apply([x, y]) as Flow;
    const model = layers.model({ inputs: [x, y], outputs: [dense({ units: 4 }).apply(both) as Flow, both] });
    const inputs = [normals([5, 3], () => 1), normals([5, 2], () => 2)];
    const outputs = await predict(model, inputs, { batchSize: 2 });
    expect(outputs.map(({ shape }) => shape)).toEqual([
      [5, 4],
      [5, 5],
    ]);
    expect(Array.from(outputs[1].data.slice(20))).toEqual([1, 1, 1, 2, 2]);
  });

  test('can be aborted, and refuses a batch of nothing', async () => {
    const checkpoint = await capture(mlp());
    const { inputs } = examples(7);
    const work = withoutLeak(() => rejection(predict(checkpoint, inputs, { signal: AbortSignal.abort('enough') })));
    expect(await work).toMatchObject({ code: 'aborted', cause: 'enough' });
    expect((await rejection(predict(checkpoint, inputs, { batchSize: 0 }))).code).toBe('bad-option');
  });
});

/** A model that gives its input, ended by `head`. */
function identity(head: 'softmax' | 'sigmoid' | 'linear' | 'relu', width: number): Promise<Checkpoint> {
  const model = layers.sequential({
    layers: [dense({ name: 'd', units: width, inputShape: [width], activation: head, kernelInitializer: 'identity' })],
  });
  return capture(model);
}

const row = (...values: number[]): Split['inputs'][number] => ndarray(Float32Array.from(values), [1, values.length]);
const softmax = (logits: number[]): number[] => {
  const powers = logits.map(Math.exp);
  return powers.map(power => power / powers.reduce((a, b) => a + b));
};

describe('losses by hand', () => {
  const logits = [0.3, -1.2, 2];
  const p = softmax(logits);
  const s = logits.map(x => 1 / (1 + Math.exp(-x)));
  const labels = (...values: number[]) => ndarray(Int32Array.from(values), [values.length]);
  test.each([
    [
      'categoricalCrossentropy',
      'softmax',
      row(0.2, 0.3, 0.5),
      -(0.2 * Math.log(p[0]) + 0.3 * Math.log(p[1]) + 0.5 * Math.log(p[2])),
      1,
    ],
    ['categoricalCrossentropy', 'linear', row(0, 1, 0), -Math.log(p[1]), 0],
    ['sparseCategoricalCrossentropy', 'softmax', labels(0), -Math.log(p[0]), 0],
    ['sparseCategoricalCrossentropy', 'softmax', row(2), -Math.log(p[2]), 1],
    ['binaryCrossentropy', 'sigmoid', row(1, 1, 0), -(Math.log(s[0]) + Math.log(s[1]) + Math.log(1 - s[2])) / 3, 1 / 3],
    ['meanSquaredError', 'linear', row(1, 1, 1), (0.7 ** 2 + 2.2 ** 2 + 1) / 3, undefined],
    ['meanSquaredError', 'softmax', row(0, 0, 1), (p[0] ** 2 + p[1] ** 2 + (1 - p[2]) ** 2) / 3, 1],
    ['meanSquaredError', 'sigmoid', row(1, 0, 1), ((1 - s[0]) ** 2 + s[1] ** 2 + (1 - s[2]) ** 2) / 3, 1],
  ] as const)('%s on %s', async (name, head, target, loss, accuracy) => {
    const model = await identity(head, 3);
    const score = await withoutLeak(() => evaluate(model, { inputs: [row(...logits)], targets: [target] }, [name]));
    expect(score.loss).toBeCloseTo(loss, 5);
    if (accuracy === undefined) expect(score).not.toHaveProperty('accuracy');
    else expect(score.accuracy).toBeCloseTo(accuracy, 6);
  });

  test('the same through a head that cannot be taken off', async () => {
    // A Reshape comes last: the loss works on probabilities then.
    const model = layers.sequential({
      layers: [
        dense({ units: 3, inputShape: [3], kernelInitializer: 'identity' }),
        activation({ activation: 'softmax' }),
        L.reshape({ targetShape: [3] }),
      ],
    });
    const checkpoint = await capture(model);
    expect(prepareLoss(checkpoint, ['categoricalCrossentropy']).checkpoint.topology).toBe(checkpoint.topology);
    const split = { inputs: [row(...logits)], targets: [row(0, 1, 0)] };
    expect((await evaluate(checkpoint, split, ['categoricalCrossentropy'])).loss).toBeCloseTo(-Math.log(p[1]), 5);
    const binary = await capture(
      layers.sequential({
        layers: [activation({ activation: 'sigmoid', inputShape: [3] }), L.reshape({ targetShape: [3] })],
      }),
    );
    expect((await evaluate(binary, split, ['binaryCrossentropy'])).loss).toBeCloseTo(
      -(Math.log(1 - s[0]) + Math.log(s[1]) + Math.log(1 - s[2])) / 3,
      5,
    );
  });

  test('stay right where the probability is 0 or 1 in floats', async () => {
    const extreme = { inputs: [row(200, -200, 0)], targets: [row(0, 1, 0)] };
    expect((await evaluate(await identity('softmax', 3), extreme, ['categoricalCrossentropy'])).loss).toBeCloseTo(
      400,
      3,
    );
    expect((await evaluate(await identity('sigmoid', 3), extreme, ['binaryCrossentropy'])).loss).toBeCloseTo(
      (400 + Math.log(2)) / 3,
      3,
    );
  });

  test('a binary head takes labels without the last axis', async () => {
    const split = { inputs: [normals([2, 1], () => 2)], targets: [ndarray(Int32Array.of(1, 0), [2])] };
    const { loss, accuracy } = await evaluate(await identity('sigmoid', 1), split, ['binaryCrossentropy']);
    expect(loss).toBeCloseTo((Math.log(1 + Math.exp(-2)) + Math.log(1 + Math.exp(2))) / 2, 5);
    expect(accuracy).toBe(0.5);
  });

  test('a function sees targets and predictions as the model gives them', async () => {
    const own = (targets: tf.Tensor, predictions: tf.Tensor): tf.Scalar =>
      tf.sum<tf.Scalar>(tf.mul(targets, predictions));
    const split = { inputs: [row(...logits)], targets: [row(1, 2, 3)] };
    expect((await evaluate(await identity('softmax', 3), split, [own])).loss).toBeCloseTo(
      p[0] + 2 * p[1] + 3 * p[2],
      5,
    );
    const linear = await identity('linear', 3);
    const bad = withoutLeak(() => rejection(evaluate(linear, split, [((t: tf.Tensor) => t) as never])));
    expect(await bad).toMatchObject({ code: 'bad-option', message: expect.stringContaining('got a tensor [1, 3]') });
    const none = rejection(evaluate(linear, split, [(() => 1) as never]));
    expect(await none).toMatchObject({ code: 'bad-option', message: expect.stringContaining('got number') });
  });
});

test('labels per position of a sequence', async () => {
  const model = await capture(
    layers.sequential({
      layers: [dense({ units: 3, inputShape: [null, 3], activation: 'softmax', kernelInitializer: 'identity' })],
    }),
  );
  const inputs = [ndarray(Float32Array.of(1, 0, 0, 0, 1, 0), [1, 2, 3])];
  const targets = [ndarray(Int32Array.of(0, 2), [1, 2])];
  const { loss, accuracy } = await evaluate(model, { inputs, targets }, ['sparseCategoricalCrossentropy']);
  const [hit, miss] = softmax([1, 0, 0]);
  expect([loss, accuracy]).toEqual([expect.closeTo(-(Math.log(hit) + Math.log(miss)) / 2, 5), 0.5]);
});

test('is the mean over all examples, whatever the batches', async () => {
  const model = await capture(mlp());
  const split = examples(10);
  const loss: Loss = ['categoricalCrossentropy'];
  const whole = await evaluate(model, split, loss);
  const [probabilities] = await predict(model, split.inputs);
  const wanted = Array.from(split.targets[0].data);
  const byHand = wanted.reduce((sum, t, i) => sum - t * Math.log(probabilities.data[i]), 0) / 10;
  expect(whole.loss).toBeCloseTo(byHand, 5);
  for (const batchSize of [1, 3, 4, 9]) {
    const { loss: mean, accuracy } = await withoutLeak(() => evaluate(model, split, loss, { batchSize }));
    expect(mean).toBeCloseTo(whole.loss, 5);
    expect(accuracy).toBeCloseTo(whole.accuracy!, 6);
  }
});

test('of several outputs the losses are added and the accuracies averaged', async () => {
  const x = layers.input({ shape: [2], name: 'x' });
  const kernelInitializer = 'identity';
  const outputs = [
    dense({ name: 'p', units: 2, activation: 'softmax', kernelInitializer }).apply(x) as Flow,
    dense({ name: 'q', units: 2, activation: 'sigmoid', kernelInitializer }).apply(x) as Flow,
    dense({ name: 'r', units: 2, kernelInitializer }).apply(x) as Flow,
  ];
  const model = await capture(layers.model({ inputs: x, outputs }));
  const split = { inputs: [row(1, -1)], targets: [row(0), row(1, 1), row(0, 0)] };
  const { loss, accuracy } = await evaluate(model, split, [
    'sparseCategoricalCrossentropy',
    'binaryCrossentropy',
    'meanSquaredError',
  ]);
  const binary = (Math.log(1 + Math.exp(-1)) + Math.log(1 + Math.exp(1))) / 2;
  expect(loss).toBeCloseTo(-Math.log(softmax([1, -1])[0]) + binary + 1, 5);
  expect(accuracy).toBe(0.75);
});

test('leaves penalties out, can be aborted, refuses a batch of nothing', async () => {
  const penalised = layers.sequential({
    layers: [
      dense({
        units: 1,
        inputShape: [1],
        kernelInitializer: 'ones',
        kernelRegularizer: layers.regularizers.l1({ l1: 100 }),
      }),
    ],
  });
  const checkpoint = await capture(penalised);
  const split = { inputs: [row(1)], targets: [row(1)] };
  expect((await evaluate(checkpoint, split, ['meanSquaredError'])).loss).toBe(0);
  const signal = AbortSignal.abort();
  const aborted = await withoutLeak(() => rejection(evaluate(checkpoint, split, ['meanSquaredError'], { signal })));
  expect(aborted.code).toBe('aborted');
  expect((await rejection(evaluate(checkpoint, split, ['meanSquaredError'], { batchSize: 0 }))).code).toBe(
    'bad-option',
  );
});

test('long work lets others run, so that an abort comes through', async () => {
  const checkpoint = await capture(mlp());
  const controller = new AbortController();
  const inputs = [normals([200_000, 4], random(1).normal)];
  setTimeout(() => controller.abort(), 60);
  const work = () => rejection(predict(checkpoint, inputs, { batchSize: 1, signal: controller.signal }));
  expect((await withoutLeak(work)).code).toBe('aborted');
});
