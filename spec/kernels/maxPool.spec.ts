import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { expectClose, expectLikeCpu, noise, runOn, startBackends, type Plain } from './compare';

beforeAll(startBackends);

/** Below zero, most windows have no positive value; above, all do. */
const shifted = (shape: readonly number[], by: number): Plain => {
  const { values } = noise(shape, 1);
  return { shape, values: values.map(value => value + by) };
};

const planes: [input: number[], filterSize: number[], strides: number[], pad: 'same' | 'valid' | number][] = [
  [[2, 8, 8, 3], [2, 2], [2, 2], 'valid'],
  [[2, 7, 6, 3], [3, 3], [2, 2], 'same'],
  [[1, 6, 5, 2], [2, 3], [1, 1], 'valid'],
  [[3, 5, 9, 1], [1, 4], [1, 3], 'same'],
  [[1, 6, 6, 2], [3, 3], [2, 2], 1],
];
/** Windows as high as wide: for others the gradient of cpu counts places wrongly. */
const volumes: [input: number[], filterSize: number[], strides: number[], pad: 'same' | 'valid'][] = [
  [[2, 4, 4, 4, 3], [2, 2, 2], [2, 2, 2], 'valid'],
  [[1, 5, 4, 6, 2], [3, 2, 2], [2, 1, 2], 'same'],
  [[2, 3, 5, 4, 1], [1, 2, 2], [1, 1, 1], 'valid'],
];

describe.each([-2, -0.5, 2])('values around %d', by => {
  it.each(planes)(
    'MaxPoolGrad of %j, windows %j, strides %j, padding %j: like cpu',
    async (shape, filterSize, strides, pad) => {
      const attrs = { filterSize, strides, pad };
      const input = shifted(shape, by);
      const output = await runOn('cpu', tf.MaxPool, { x: input }, attrs);
      await expectLikeCpu(tf.MaxPoolGrad, { dy: noise(output.shape, 2), input, output }, attrs);
    },
  );

  it.each(volumes)(
    'MaxPool3D of %j, windows %j, strides %j, padding %j, and its gradient: like cpu',
    async (shape, filterSize, strides, pad) => {
      const attrs = { filterSize, strides, pad, dataFormat: 'NDHWC' };
      const input = shifted(shape, by);
      const output = await runOn('cpu', tf.MaxPool3D, { x: input }, attrs);
      expectClose(await runOn('wasm', tf.MaxPool3D, { x: input }, attrs), output, 0);
      await expectLikeCpu(tf.MaxPool3DGrad, { dy: noise(output.shape, 2), input, output }, attrs);
    },
  );
});

it('in three dimensions, windows of any height and width: like one slice after the other', async () => {
  const attrs = { filterSize: [1, 2, 3], strides: [1, 1, 2], pad: 'same' };
  const flat = { filterSize: [2, 3], strides: [1, 2], pad: 'same' };
  const volume = shifted([2, 3, 5, 6, 2], -1);
  const slices = { ...volume, shape: [6, 5, 6, 2] };
  const output = await runOn('cpu', tf.MaxPool, { x: slices }, flat);
  const dy = noise(output.shape, 2);
  const expected = await runOn('cpu', tf.MaxPoolGrad, { dy, input: slices, output }, flat);
  const deep = { ...dy, shape: [2, 3, ...dy.shape.slice(1)] };
  const got = await runOn('wasm', tf.MaxPool3DGrad, { dy: deep, input: volume, output: deep }, attrs);
  expectClose(got, { ...expected, shape: volume.shape });
});

it('what is equal: the first takes the gradient', async () => {
  const input = { shape: [1, 2, 2, 1], values: [-1, -1, -1, -1] };
  const dy = { shape: [1, 1, 1, 1], values: [5] };
  const attrs = { filterSize: [2, 2], strides: [2, 2], pad: 'valid' };
  expect((await runOn('wasm', tf.MaxPoolGrad, { dy, input, output: dy }, attrs)).values).toEqual([5, 0, 0, 0]);
});
