import * as tf from '@tensorflow/tfjs-core';
import { capture } from '../../lib/runtime/capture';
import { slimModel, strip } from '../../lib/runtime/slimModel';
import { train } from '../../lib/runtime/train';
import { rejection } from '../zoo/refusal';
import { bits, examples, mlp, normals, onWasm, outputsOf, withoutLeak } from './help';

onWasm();

const asTensors = () => {
  const { inputs, targets } = examples(80);
  const [x, y] = [inputs[0], targets[0]].map(({ data, shape }) => tf.tensor(data, [...shape]));
  return { inputs: x, targets: y };
};

test('gives a trained copy, of the same bytes for the same seed, and leaves model and data alone', async () => {
  const model = mlp();
  const data = { train: asTensors() };
  const before = bits(await capture(model));
  const options = { data, epochs: 6, learningRate: 0.02 };
  const copies = [
    await train(model, { ...options, seed: 1 }),
    await train(model, { ...options, seed: 1 }),
    await train(model, options),
  ];
  const [once, twice, other] = await Promise.all(copies.map(async copy => bits(await capture(copy))));
  expect(once).toEqual(twice);
  expect(other).not.toEqual(once);
  expect(bits(await capture(model))).toEqual(before);
  expect(data.train.inputs.isDisposed).toBe(false);
  expect(copies[0].layers.map(layer => layer.name)).toEqual(['a', 'b', 'c']);
  await withoutLeak(async () => (await train(model, options)).dispose());
});

test('a slim model stays slim, and its strip predicts the same', async () => {
  const model = mlp();
  const slim = await slimModel(model, { l1: 0.5 });
  const trained = await train(slim, { data: { train: asTensors() }, epochs: 2 });
  expect(trained.layers[1].getClassName()).toBe('Slimmable');
  const plain = await strip(trained);
  const probe = normals([3, 4], () => 0.3);
  expect(outputsOf(plain, probe)).toEqual(outputsOf(trained, probe));
  expect(plain.layers.map(layer => layer.getClassName())).toEqual(['Dense', 'BatchNormalization', 'Dense']);
});

test('passes progress and abort on, and refuses what fit and readData refuse', async () => {
  const data = { train: asTensors() };
  const stages: string[] = [];
  const model = mlp();
  await train(model, {
    data,
    epochs: 2,
    label: 'warm up',
    progress: ({ stage, done }) => stages.push(`${stage} ${done}`),
  });
  expect(stages).toEqual(['warm up 1', 'warm up 2']);
  expect((await rejection(train(model, { data, epochs: 2, signal: AbortSignal.abort() }))).code).toBe('aborted');
  expect((await rejection(train(model, { data, epochs: -1 }))).code).toBe('bad-option');
  expect((await rejection(train(model, { data: {} as never, epochs: 1 }))).code).toBe('bad-data');
  expect((await rejection(train({} as never, { data, epochs: 1 }))).code).toBe('bad-model');
  expect((await rejection(slimModel(model, { l1: -1 }))).code).toBe('bad-option');
});
