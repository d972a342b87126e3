import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { denseBincount } from '../../lib/kernels/denseBincount';
import { installNativeKernels } from '../../lib/kernels/native';
import { nativeLayers } from '../../lib/kernels/nativeLayers';
import { expectClose, noise, registerVariant, runOn, type Plain } from './compare';

const integers = (shape: readonly number[], values: readonly number[]): Plain => ({ shape, values, dtype: 'int32' });
const NONE: Plain = { shape: [0], values: [] };

describe('DenseBincount', () => {
  const other = 'composed';
  beforeAll(() => registerVariant(other, { [tf.DenseBincount]: () => denseBincount }));

  it.each([
    ['rows', [2, 3], [0, 1, 1, 3, 3, 3], 4],
    ['one value', [1, 1], [0], 1],
    ['values beyond the last', [2, 2], [0, 7, 1, 1], 2],
  ])('of %s: like cpu, counted, weighted and binary', async (_, shape, values, size) => {
    const x = integers(shape, values);
    for (const weights of [NONE, noise(shape, 1)]) {
      for (const binaryOutput of [false, true]) {
        const expected = await runOn('cpu', tf.DenseBincount, { x, weights }, { size, binaryOutput });
        expectClose(await runOn(other, tf.DenseBincount, { x, weights }, { size, binaryOutput }), expected);
      }
    }
  });

  // The cpu backend knows binaryOutput for rows of rows only.
  it('of a single row', async () => {
    const x = integers([6], [0, 2, 2, 4, 1, 2]);
    const count = (weights: Plain, binaryOutput: boolean): Promise<Plain> =>
      runOn(other, tf.DenseBincount, { x, weights }, { size: 5, binaryOutput });
    expect((await count(NONE, false)).values).toEqual([1, 1, 3, 0, 1]);
    expect((await count(NONE, true)).values).toEqual([1, 1, 1, 0, 1]);
    const weights = { shape: [6], values: [1, 2, 3, 4, 5, 6], dtype: 'int32' } as const;
    expect(await count(weights, false)).toEqual({ shape: [5], values: [1, 5, 11, 0, 4], dtype: 'int32' });
  });
});

test('installNativeKernels fills the gaps, once', () => {
  const stock = jest.fn();
  tf.registerKernel({ kernelName: tf.Conv3D, backendName: 'tensorflow', kernelFunc: stock });
  expect(tf.getKernel(tf.DenseBincount, 'tensorflow')).toBeUndefined();
  installNativeKernels();
  const installed = tf.getKernelsForBackend('tensorflow');
  const own = nativeLayers.map(({ kernelName }) => kernelName);
  expect(installed.map(({ kernelName }) => kernelName).sort()).toEqual([tf.Conv3D, tf.DenseBincount, ...own].sort());
  expect(tf.getKernel(tf.DenseBincount, 'tensorflow').kernelFunc).toBe(denseBincount);
  expect(tf.getKernel(tf.Conv3D, 'tensorflow').kernelFunc).not.toBe(stock);
  installNativeKernels();
  expect(tf.getKernelsForBackend('tensorflow')).toEqual(installed);
});
