import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as fc from 'fast-check';
import { dilatedConv3d } from '../../lib/kernels/dilatedConv3d';
import { expectClose, noise, registerVariant, runOn } from './compare';

const other = 'composed';
/** As TensorFlow does on a CPU. */
const undilated = (stock: tf.KernelConfig): tf.KernelConfig => ({
  ...stock,
  kernelFunc: call => {
    const { dilations } = call.attrs as unknown as tf.Conv3DAttrs;
    expect([dilations].flat().every(step => step === 1)).toBe(true);
    return stock.kernelFunc(call);
  },
});
beforeAll(() => registerVariant(other, { [tf.Conv3D]: stock => dilatedConv3d(undilated(stock)) }));

const volume = fc.record({
  sizes: fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 4, max: 7 }))),
  windows: fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 1, max: 2 }))),
  dilations: fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 1, max: 3 }))),
  batch: fc.integer({ min: 1, max: 2 }),
  pad: fc.constantFrom('same' as const, 'valid' as const),
});

test('Conv3D of any dilation, composed of undilated ones: like cpu', () =>
  fc.assert(
    fc.asyncProperty(volume, async ({ sizes, windows, dilations, batch, pad }) => {
      const inputs = { x: noise([batch, ...sizes, 2], 1), filter: noise([...windows, 2, 3], 2) };
      const attrs = { strides: 1, pad, dilations };
      expectClose(await runOn(other, tf.Conv3D, inputs, attrs), await runOn('cpu', tf.Conv3D, inputs, attrs));
    }),
    { seed: 5, numRuns: 60 },
  ));

test('Conv3D without dilation stays what it was, strides included', async () => {
  const inputs = { x: noise([1, 5, 6, 4, 2], 1), filter: noise([3, 2, 2, 2, 3], 2) };
  const attrs = { strides: 2, pad: 'same', dilations: 1 };
  expect(await runOn(other, tf.Conv3D, inputs, attrs)).toEqual(await runOn('cpu', tf.Conv3D, inputs, attrs));
});
