import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { ndarray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { FitOptions, Progress } from '../../lib/core/context';
import { random } from '../../lib/core/random';
import { capture } from '../../lib/runtime/capture';
import type { Splits } from '../../lib/runtime/data';
import { evaluate } from '../../lib/runtime/evaluate';
import { fit } from '../../lib/runtime/fit';
import { rejection } from '../zoo/refusal';
import { batchNormalization, bits, dense, dropout, examples, mlp, normals, onWasm, splits, withoutLeak } from './help';

onWasm();

const L = layers.layers;
const net = (): Promise<Checkpoint> => capture(mlp());
const few: FitOptions = { epochs: 2, batchSize: 16 };

test('learns; same topology, other weights, the input untouched, nothing left behind', async () => {
  const before = await net();
  const frozenCopy = bits(before);
  const data = splits(200);
  const after = await withoutLeak(() => fit(before, data, { epochs: 20, learningRate: 0.02 }, { seed: 1 }));
  expect(after.topology).toBe(before.topology);
  expect([...after.weights.keys()]).toEqual([...before.weights.keys()]);
  expect(bits(before)).toEqual(frozenCopy);
  const scores = await Promise.all([before, after].map(model => evaluate(model, data.validation!, data.loss)));
  expect(scores[0].accuracy).toBeLessThan(0.6);
  expect(scores[1].accuracy).toBeGreaterThan(0.85);
});

test('tells of every epoch in words and in numbers', async () => {
  const events: Progress[] = [];
  const run = { seed: 1, progress: (event: Progress) => void events.push(event) };
  const data = splits(100);
  const trained = await fit(await net(), data, { ...few, restoreBest: false }, run);
  expect(events.map(({ done, total }) => [done, total])).toEqual([[1, 2], [2, 2]]); // prettier-ignore
  for (const { epoch, detail } of events) expect(detail).toMatch(`loss ${epoch!.loss.toFixed(4)}, validation loss`);
  expect(events[1].epoch!.validation).toEqual(await evaluate(trained, data.validation!, data.loss));
  const bare: Progress[] = [];
  const { validation: _, ...alone } = data;
  await fit(await net(), alone, few, { seed: 1, progress: event => void bare.push(event) });
  expect(bare.map(({ epoch }) => Object.keys(epoch!))).toEqual([['loss'], ['loss']]);
});

test.each(['adam', 'momentum'] as const)('%s: same seed, same bytes; another seed, others', async optimizer => {
  const noisy = await capture(
    layers.sequential({
      layers: [
        dense({ name: 'a', units: 6, inputShape: [4] }),
        L.gaussianNoise({ name: 'g', stddev: 0.1 }),
        batchNormalization({ name: 'b' }),
        dropout({ name: 'd', rate: 0.5 }),
        dense({ name: 'c', units: 3, activation: 'softmax' }),
      ],
    }),
  );
  const run = (seed: number) => fit(noisy, splits(), { ...few, optimizer, fraction: 0.5 }, { seed });
  const [once, twice, other] = [await run(3), await run(3), await run(4)];
  expect(bits(twice)).toEqual(bits(once));
  expect(bits(other)).not.toEqual(bits(once));
});

test('dropout masks differ from step to step, and Math.random is given back', async () => {
  const { random: original } = Math;
  const model = await capture(
    layers.sequential({
      layers: [
        dropout({ rate: 0.5, inputShape: [8] }),
        dense({ name: 'd', units: 1, useBias: false, kernelInitializer: 'zeros' }),
      ],
    }),
  );
  const seen: string[] = [];
  const loss = (_: tf.Tensor, predictions: tf.Tensor): tf.Scalar => tf.mean(predictions);
  const data = { train: { inputs: [normals([1, 8], () => 1)], targets: [normals([1, 1], () => 1)] }, loss: [loss] };
  for (const epochs of [1, 2, 3]) {
    const after = await fit(model, data, { epochs, optimizer: 'momentum', learningRate: 1 }, { seed: 1 });
    seen.push(
      bits(after)
        ['d/0'].map(value => Math.sign(value))
        .join(),
    );
  }
  expect(new Set(seen).size).toBe(3);
  expect(Math.random).toBe(original);
  const failing = { ...data, loss: [() => tf.tensor1d([1, 2]) as never] };
  await rejection(fit(model, failing, few, { seed: 1 }));
  expect(Math.random).toBe(original);
});

/** Follows the rate: the loss is w, so that momentum 0 would move w by the rate at each step. */
test('the rate follows half a cosine from its peak to zero, also over a shorter last batch', async () => {
  const model = await capture(
    layers.sequential({ layers: [dense({ name: 'd', units: 1, useBias: false, inputShape: [1] })] }),
  );
  const start = bits(model)['d/0'][0];
  const loss = (_: tf.Tensor, predictions: tf.Tensor): tf.Scalar => tf.mean(predictions);
  const one = normals([5, 1], () => 1);
  const data = { train: { inputs: [one], targets: [one] }, loss: [loss] };
  const after = await fit(
    model,
    data,
    { epochs: 2, batchSize: 3, optimizer: 'momentum', learningRate: 0.1 },
    { seed: 1 },
  );
  let [weight, velocity] = [start, 0];
  for (let step = 0; step < 4; step++) {
    velocity = 0.9 * velocity + 1;
    weight -= 0.05 * (1 + Math.cos((Math.PI * step) / 4)) * velocity;
  }
  expect(bits(after)['d/0'][0]).toBeCloseTo(weight, 5);
});

describe('which examples', () => {
  /** The sum of the inputs seen in a run, by a loss that tells. */
  async function seen(options: FitOptions, train: Splits['train'], lossName?: Splits['loss'][number]) {
    const batches: number[][] = [];
    const model = await capture(
      layers.sequential({ layers: [L.flatten({ inputShape: [1, 1] }), dense({ units: 3 })] }),
    );
    const inputs = [
      ndarray(
        Float32Array.from({ length: train.targets[0].shape[0] }, (_, i) => i),
        [train.targets[0].shape[0], 1, 1],
      ),
    ];
    const targets = lossName ? train.targets : inputs;
    const loss = (_: tf.Tensor, predictions: tf.Tensor): tf.Scalar => {
      batches.push(Array.from(_.dataSync()));
      return tf.mean(predictions);
    };
    await fit(model, { train: { inputs, targets }, loss: [loss] }, options, { seed: 5 });
    return batches;
  }
  const train = examples(17);

  test('every example once an epoch, in another order each time; a last single one joins the batch before', async () => {
    const batches = await seen({ epochs: 2, batchSize: 4 }, train);
    expect(batches.map(({ length }) => length)).toEqual([4, 4, 4, 5, 4, 4, 4, 5]);
    const [first, second] = [batches.slice(0, 4).flat(), batches.slice(4).flat()];
    const all = Array.from({ length: 17 }, (_, i) => i);
    expect([...first].sort((a, b) => a - b)).toEqual(all);
    expect([...second].sort((a, b) => a - b)).toEqual(all);
    expect(first).not.toEqual(all);
    expect(first).not.toEqual(second);
  });

  test('a single example, and batches of one, are let be', async () => {
    expect((await seen({ epochs: 1, batchSize: 1 }, examples(3))).map(({ length }) => length)).toEqual([1, 1, 1]);
    expect((await seen({ epochs: 1, batchSize: 4 }, examples(1))).map(({ length }) => length)).toEqual([1]);
  });

  test('a fraction, the same in every epoch', async () => {
    const batches = await seen({ epochs: 3, batchSize: 32, fraction: 0.3 }, examples(50));
    expect(batches.map(({ length }) => length)).toEqual([15, 15, 15]);
    expect(new Set(batches.flat()).size).toBe(15);
  });
});

test('a fraction of classes takes from each its share, at least one', async () => {
  const { subset } = await import('../../lib/runtime/sampling');
  const labels = Int32Array.from({ length: 111 }, (_, i) => (i < 100 ? 0 : i < 110 ? 1 : 2));
  const split = { inputs: [normals([111, 1], () => 0)], targets: [ndarray(labels, [111])] };
  const drawn = Array.from(subset(split, ['sparseCategoricalCrossentropy'], 0.1, 1));
  expect([0, 1, 2].map(label => drawn.filter(i => labels[i] === label).length)).toEqual([10, 1, 1]);
  expect(drawn).toEqual([...drawn].sort((a, b) => a - b));
  expect(Array.from(subset(split, ['sparseCategoricalCrossentropy'], 0.1, 2))).not.toEqual(drawn);
  expect(subset(split, ['meanSquaredError'], 0.1, 1)).toHaveLength(11);
  expect(subset(split, ['meanSquaredError'], 1, 1)).toHaveLength(111);
});

describe('progress and validation', () => {
  async function history(options: FitOptions, data = splits()) {
    const events: Progress[] = [];
    const model = await fit(await net(), data, options, { seed: 1, progress: event => events.push(event) });
    return { events, model };
  }

  test('one event per epoch', async () => {
    const { events } = await history({ ...few, label: 'again' });
    expect(events).toEqual(
      [1, 2].map(done => ({
        stage: 'again',
        done,
        total: 2,
        detail: expect.stringMatching(/^loss \d\.\d{4}, validation loss \d\.\d{4}, accuracy \d+\.\d %$/),
        epoch: { loss: expect.any(Number), validation: { loss: expect.any(Number), accuracy: expect.any(Number) } },
      })),
    );
    const { train, loss } = splits();
    expect((await history(few, { train, loss })).events[1]).toMatchObject({
      stage: 'fit',
      detail: expect.stringMatching(/^loss \d\.\d{4}$/),
    });
  });

  test('the loss shown is the mean over the examples of the epoch, penalties left out', async () => {
    const x = normals([5, 1], () => 1);
    const penalty = layers.regularizers.l1({ l1: 50 });
    const model = await capture(
      layers.sequential({
        layers: [dense({ units: 1, inputShape: [1], kernelInitializer: 'ones', kernelRegularizer: penalty })],
      }),
    );
    const events: Progress[] = [];
    const data = { train: { inputs: [x], targets: [normals([5, 1], () => 3)] }, loss: ['meanSquaredError' as const] };
    await fit(
      model,
      data,
      { epochs: 1, batchSize: 3, learningRate: 1e-9 },
      { seed: 1, progress: event => events.push(event) },
    );
    expect(events[0].detail).toBe('loss 4.0000');
  });

  const validationLosses = (events: readonly Progress[]) =>
    events.map(({ detail }) => Number(/validation loss ([\d.]+)/.exec(detail!)![1]));

  test('the best epoch comes back where there is a validation split, the last on request', async () => {
    const options = { epochs: 12, batchSize: 4, learningRate: 0.3 };
    const data = { ...splits(12), validation: splits().validation! }; // few enough to learn by heart
    const best = await history(options, data);
    const last = await history({ ...options, restoreBest: false }, data);
    const losses = validationLosses(best.events);
    expect(losses).toEqual(validationLosses(last.events));
    expect(losses.indexOf(Math.min(...losses))).toBeLessThan(losses.length - 1); // or this would prove nothing
    expect((await evaluate(best.model, data.validation, data.loss)).loss).toBeCloseTo(Math.min(...losses), 3);
    expect((await evaluate(last.model, data.validation, data.loss)).loss).toBeCloseTo(losses[11], 3);
  });

  test('patience stops after so many epochs without progress', async () => {
    const { events } = await history({ epochs: 30, batchSize: 4, learningRate: 0.5, patience: 2 });
    const losses = validationLosses(events);
    const best = losses.indexOf(Math.min(...losses));
    expect(events.length).toBe(best + 3);
    expect(events.length).toBeLessThan(30);
  });
});

test('a convolution trains', async () => {
  const model = await capture(
    layers.sequential({
      layers: [
        L.conv2d({ name: 'conv', filters: 4, kernelSize: 3, inputShape: [6, 6, 2], useBias: false }),
        batchNormalization({ name: 'b' }),
        L.reLU({ name: 'r' }),
        L.depthwiseConv2d({ name: 'deep', kernelSize: 2, depthMultiplier: 1 }),
        L.globalAveragePooling2d({ name: 'g', dataFormat: 'channelsLast' }),
        dense({ name: 'd', units: 2, activation: 'softmax' }),
      ],
    }),
  );
  // The classes differ by the sign of the mean.
  const labels = Int32Array.from({ length: 40 }, (_, i) => i % 2);
  const { normal } = random(1);
  const inputs = ndarray(
    Float32Array.from({ length: 40 * 72 }, (_, i) => normal() + (labels[Math.floor(i / 72)] ? 0.7 : -0.7)),
    [40, 6, 6, 2],
  );
  const data = {
    train: { inputs: [inputs], targets: [ndarray(labels, [40])] },
    loss: ['sparseCategoricalCrossentropy' as const],
  };
  const [once, twice] = [1, 1].map(seed =>
    fit(model, data, { epochs: 12, batchSize: 8, learningRate: 0.02, l1: 0.01 }, { seed }),
  );
  expect(bits(await once)).toEqual(bits(await twice));
  expect((await evaluate(await once, data.train, data.loss)).accuracy).toBeGreaterThan(0.9);
});

test('2,000 steps hold no more tensors than three', async () => {
  const counts: number[] = [];
  const watch = (): number => {
    counts.push(tf.memory().numTensors);
    return 1;
  };
  const small = [
    batchNormalization({ name: 'b', inputShape: [4] }),
    dense({ name: 'd', units: 3, activation: 'softmax' }),
  ];
  const model = await capture(layers.sequential({ layers: small }));
  const { loss } = splits();
  const options = { epochs: 400, batchSize: 2, optimizer: 'momentum' as const, l1: 1e-4, anneal: watch };
  await withoutLeak(() => fit(model, { train: examples(10), loss }, options, { seed: 1 }));
  expect(counts).toHaveLength(2000);
  expect(counts[1999]).toBe(counts[2]);
});

let netOnce: Promise<Checkpoint>;
beforeAll(() => void (netOnce = net()));

describe('refuses', () => {
  test.each([
    [{ epochs: 0 }, 'bad-option', /epochs/],
    [{ epochs: 1.5 }, 'bad-option', /epochs/],
    [{ epochs: 1, batchSize: 0 }, 'bad-option', /batchSize/],
    [{ epochs: 1, learningRate: 0 }, 'bad-option', /learningRate/],
    [{ epochs: 1, fraction: 0 }, 'bad-option', /fraction/],
    [{ epochs: 1, fraction: 1.1 }, 'bad-option', /fraction/],
    [{ epochs: 1, patience: 0 }, 'bad-option', /patience/],
    [{ epochs: 1, l1: -1 }, 'bad-option', /l1/],
    [{ epochs: 1, optimizer: 'sgd' }, 'bad-option', /optimizer to be one of adam, momentum, got "sgd"/],
  ])('%j', async (options, code, message) => {
    const error = await rejection(fit(await netOnce, splits(), options as FitOptions, { seed: 1 }));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)]);
  });

  test.each([{ patience: 3 }, { restoreBest: true }])('%j without a validation split', async options => {
    const { train, loss } = splits();
    const error = await rejection(fit(await netOnce, { train, loss }, { epochs: 1, ...options }, { seed: 1 }));
    expect([error.code, error.message]).toEqual([
      'bad-data',
      expect.stringContaining(`a validation split for ${Object.keys(options)[0]}`),
    ]);
  });

  test('a loss that runs away, with the rate as the cure', async () => {
    const model = await capture(mlp({ head: 'linear' }));
    const { train } = splits();
    const data = { train, loss: ['meanSquaredError' as const] };
    const error = await withoutLeak(() =>
      rejection(fit(model, data, { epochs: 30, optimizer: 'momentum', learningRate: 1e9 }, { seed: 1 })),
    );
    expect(error.code).toBe('bad-option');
    expect(error.message).toMatch(
      /^fit, epoch \d+: expected a finite loss, got (NaN|Infinity). Lower learningRate below 1000000000/,
    );
  });

  test('to go on after an abort, at once or in the middle, and leaves nothing behind', async () => {
    const model = await netOnce;
    const before = bits(model);
    const early = await withoutLeak(() =>
      rejection(fit(model, splits(), few, { seed: 1, signal: AbortSignal.abort('stop') })),
    );
    expect(early).toMatchObject({ code: 'aborted', cause: 'stop' });
    const controller = new AbortController();
    let epochs = 0;
    const progress = (): void => {
      epochs += 1;
      if (epochs === 2) setTimeout(() => controller.abort(), 1);
    };
    const late = await withoutLeak(() =>
      rejection(
        fit(model, splits(), { epochs: 100_000, batchSize: 8 }, { seed: 1, signal: controller.signal, progress }),
      ),
    );
    expect(late.code).toBe('aborted');
    expect(epochs).toBeLessThan(100);
    expect(bits(model)).toEqual(before);
  });
});
