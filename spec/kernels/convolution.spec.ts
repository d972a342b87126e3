import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as fc from 'fast-check';
import type { Plain } from './compare';
import { expectClose, expectLikeCpu, noise, runOn, startBackends } from './compare';
import type { Convolution } from './geometries';
import { anyConvolution, awkward, outputShape } from './geometries';

beforeAll(startBackends);

/** Both gradients of one convolution against the `cpu` backend. */
async function expectBothGradients(convolution: Convolution): Promise<void> {
  const { x, filter, strides, pad, dimRoundingMode } = convolution;
  const attrs = { strides, pad, dimRoundingMode, dataFormat: 'NHWC' };
  const dy = noise(outputShape(convolution, false), 1);
  await expectLikeCpu(tf.Conv2DBackpropFilter, { x: noise(x, 2), dy }, { ...attrs, filterShape: filter });
  await expectLikeCpu(tf.Conv2DBackpropInput, { dy, filter: noise(filter, 3) }, { ...attrs, inputShape: x });
}

describe('convolution gradients', () => {
  it.each(awkward)('%s: like cpu', (_, convolution) => expectBothGradients(convolution));

  it('any geometry: like cpu', () =>
    fc.assert(fc.asyncProperty(anyConvolution, expectBothGradients), { seed: 7, numRuns: 150 }));

  // By an identity, since the cpu kernel would take minutes: a batch is the sum of its halves.
  it('take a batch too large for their working memory in turns', async () => {
    const [x, dy] = [noise([12, 40, 40, 24], 1), noise([12, 40, 40, 2], 2)];
    const attrs = { strides: 1, pad: 'same', dataFormat: 'NHWC', filterShape: [5, 5, 24, 2] };
    const part = (whole: Plain, from: number, to: number): Plain => {
      const size = whole.values.length / whole.shape[0];
      return { shape: [to - from, ...whole.shape.slice(1)], values: whole.values.slice(from * size, to * size) };
    };
    const gradient = (from: number, to: number): Promise<Plain> =>
      runOn('wasm', tf.Conv2DBackpropFilter, { x: part(x, from, to), dy: part(dy, from, to) }, attrs);
    const [whole, low, high] = [await gradient(0, 12), await gradient(0, 5), await gradient(5, 12)];
    const sum = low.values.map((value, i) => value + high.values[i]);
    expectClose(whole, { shape: whole.shape, values: sum });
  });

  it('are zero where the forward pass had no output', async () => {
    const attrs = { strides: [1, 1], pad: 'valid', dataFormat: 'NHWC' };
    const dy = { shape: [2, 0, 2, 3], values: [] };
    const filter = await runOn(
      'wasm',
      tf.Conv2DBackpropFilter,
      { x: noise([2, 2, 4, 1], 1), dy },
      { ...attrs, filterShape: [3, 3, 1, 3] },
    );
    const input = await runOn(
      'wasm',
      tf.Conv2DBackpropInput,
      { dy, filter: noise([3, 3, 1, 3], 1) },
      { ...attrs, inputShape: [2, 2, 4, 1] },
    );
    expect([filter.values.every(value => value === 0), input.values.every(value => value === 0)]).toEqual([true, true]);
  });

  it('are the same bytes every time', async () => {
    const inputs = { x: noise([4, 9, 9, 5], 1), dy: noise([4, 9, 9, 6], 2) };
    const attrs = { strides: 1, pad: 'same', dataFormat: 'NHWC', filterShape: [3, 3, 5, 6] };
    const [first, second] = [
      await runOn('wasm', tf.Conv2DBackpropFilter, inputs, attrs),
      await runOn('wasm', tf.Conv2DBackpropFilter, inputs, attrs),
    ];
    expect(second.values).toEqual(first.values);
  });

  it('refuse NCHW by name', async () => {
    const attrs = { strides: 1, pad: 'same', dataFormat: 'NCHW', inputShape: [1, 2, 4, 4] };
    const inputs = { dy: noise([1, 2, 4, 4], 1), filter: noise([3, 3, 2, 2], 2) };
    await expect(runOn('wasm', tf.Conv2DBackpropInput, inputs, attrs)).rejects.toMatchObject({ code: 'bad-option' });
  });
});
