import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as fc from 'fast-check';
import type { Plain } from './compare';
import { expectClose, expectLikeCpu, noise, runOn, startBackends } from './compare';
import type { Convolution } from './geometries';
import { anyConvolution, awkward, outputShape } from './geometries';

beforeAll(startBackends);

/** Both gradients of one depthwise convolution against the `cpu` backend. */
async function expectBothGradients(convolution: Convolution): Promise<void> {
  const { x, filter, strides, pad, dimRoundingMode } = convolution;
  const attrs = { strides, pad, dimRoundingMode, dilations: [1, 1] };
  const dy = noise(outputShape(convolution, true), 1);
  await expectLikeCpu(
    tf.DepthwiseConv2dNativeBackpropFilter,
    { x: noise(x, 2), dy },
    { ...attrs, filterShape: filter },
  );
  await expectLikeCpu(
    tf.DepthwiseConv2dNativeBackpropInput,
    { dy, filter: noise(filter, 3) },
    { ...attrs, inputShape: x },
  );
}

/** The derivative of `sum(dy * f(input))` for linear f: its value at every unit vector. */
async function byUnitVectors(shape: readonly number[], dy: Plain, f: (unit: Plain) => Promise<Plain>): Promise<Plain> {
  const size = tf.util.sizeFromShape([...shape]);
  const values: number[] = [];
  for (let i = 0; i < size; i++) {
    const out = await f({ shape, values: Array.from({ length: size }, (_, j) => Number(i === j)) });
    values.push(out.values.reduce((sum, value, j) => sum + value * dy.values[j], 0));
  }
  return { shape, values };
}

describe('depthwise convolution gradients', () => {
  it.each(awkward)('%s: like cpu', (_, convolution) => expectBothGradients(convolution));

  it('any geometry and multiplier: like cpu', () =>
    fc.assert(fc.asyncProperty(anyConvolution, expectBothGradients), { seed: 11, numRuns: 150 }));

  // The cpu kernels ignore dilations, so its forward pass is the reference.
  it.each([
    ['3x3, 2', [3, 3, 2, 1], [2, 2], 'same'],
    ['2x3, 2 and 3, multiplier 2', [2, 3, 2, 2], [2, 3], 'valid'],
    ['3x2, 3 and 2, padded', [3, 2, 2, 1], [3, 2], 2],
  ] as const)('with dilation %s: the derivative of the forward pass', async (_, filterShape, dilations, pad) => {
    const convolution: Convolution = { x: [2, 7, 8, 2], filter: [...filterShape], strides: [1, 1], pad };
    const [x, filter] = [noise(convolution.x, 1), noise(filterShape, 2)];
    const dy = noise(outputShape(convolution, true, [...dilations]), 3);
    const attrs = { strides: [1, 1], pad, dilations };
    const forward = (inputs: Record<string, Plain>): Promise<Plain> =>
      runOn('cpu', tf.DepthwiseConv2dNative, inputs, attrs);
    expectClose(
      await runOn('wasm', tf.DepthwiseConv2dNativeBackpropInput, { dy, filter }, { ...attrs, inputShape: x.shape }),
      await byUnitVectors(x.shape, dy, unit => forward({ x: unit, filter })),
    );
    expectClose(
      await runOn('wasm', tf.DepthwiseConv2dNativeBackpropFilter, { x, dy }, { ...attrs, filterShape }),
      await byUnitVectors(filterShape, dy, unit => forward({ x, filter: unit })),
    );
  });

  it('refuse a stride together with a dilation', async () => {
    const attrs = { strides: 2, pad: 'same', dilations: 2, inputShape: [1, 4, 4, 2] };
    const inputs = { dy: noise([1, 2, 2, 2], 1), filter: noise([3, 3, 2, 1], 2) };
    const run = runOn('wasm', tf.DepthwiseConv2dNativeBackpropInput, inputs, attrs);
    await expect(run).rejects.toMatchObject({ code: 'bad-option' });
  });
});
