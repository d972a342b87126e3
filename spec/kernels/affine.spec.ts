import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as fc from 'fast-check';
import { expectClose, expectLikeCpu, noise, runOn, startBackends, type Plain } from './compare';

beforeAll(startBackends);

/** Statistics as batch normalization has them: variances are positive. */
function inputsOf(shape: readonly number[], given: { scale: boolean; offset: boolean }, row = shape.slice(-1)) {
  const positive = ({ values }: Plain): Plain => ({ shape: row, values: values.map(value => value ** 2 + 0.1) });
  return {
    x: noise(shape, 1),
    mean: noise(row, 2),
    variance: positive(noise(row, 3)),
    ...(given.scale && { scale: noise(row, 4) }),
    ...(given.offset && { offset: noise(row, 5) }),
  };
}

describe('FusedBatchNorm', () => {
  it.each([
    ['images', [2, 3, 5, 6]],
    ['one channel', [2, 3, 5, 1]],
    ['one pixel', [1, 1, 1, 7]],
    ['many channels', [1, 2, 2, 130]],
  ] as const)('%s: like cpu', async (_, shape) => {
    for (const scale of [true, false]) {
      for (const offset of [true, false]) {
        await expectLikeCpu(tf.FusedBatchNorm, inputsOf(shape, { scale, offset }), { varianceEpsilon: 1e-3 });
      }
    }
  });

  it('any size and epsilon: like cpu', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 4, maxLength: 4 }),
        fc.constantFrom(1e-5, 1e-3, 0.5),
        (shape, varianceEpsilon) =>
          expectLikeCpu(tf.FusedBatchNorm, inputsOf(shape, { scale: true, offset: true }), { varianceEpsilon }),
      ),
      { seed: 3, numRuns: 100 },
    ));

  it('leaves statistics of other shapes to the stock kernel', async () => {
    const shape = [2, 3, 2, 4];
    const inputs = inputsOf(shape, { scale: true, offset: true }, shape);
    await expectLikeCpu(tf.FusedBatchNorm, inputs, { varianceEpsilon: 1e-3 });
  });

  it('keeps what a large mean leaves', async () => {
    const [mean, variance] = [noise([3], 2), { shape: [3], values: [1, 1, 1] }];
    const far = { shape: [3], values: mean.values.map(value => value + 100) };
    const x = noise([1, 1, 50, 3], 1);
    const moved = { shape: x.shape, values: x.values.map(value => value + 100) };
    const attrs = { varianceEpsilon: 1e-3 };
    const near = await runOn('wasm', tf.FusedBatchNorm, { x, mean, variance }, attrs);
    expectClose(await runOn('wasm', tf.FusedBatchNorm, { x: moved, mean: far, variance }, attrs), near, 2e-5);
  });
});
