import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as fc from 'fast-check';
import { expectClose, expectLikeCpu, noise, runOn, startBackends } from './compare';

beforeAll(startBackends);

const anyReduction = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }).chain(shape =>
  fc.record({
    shape: fc.constant(shape),
    axis: fc.shuffledSubarray(shape.map((_, axis) => axis)),
    keepDims: fc.boolean(),
    name: fc.constantFrom(tf.Sum, tf.Mean),
  }),
);

describe('Sum and Mean', () => {
  it.each([
    ['images and pixels', [4, 3, 5, 6], [0, 1, 2], false],
    ['kept', [4, 3, 5, 6], [0, 1, 2], true],
    ['one row', [1, 8], [0], false],
    ['a prime number of rows', [31, 5], [0], false],
    ['a square number of rows', [36, 4], [0], true],
    ['counted from the end', [7, 3, 5], [-3, -2], false],
    ['narrow', [9, 2], [0], false],
    ['last axis', [4, 9], [1], false],
    ['everything', [4, 9], [0, 1], false],
  ] as const)('%s: like cpu', async (_, shape, axis, keepDims) => {
    for (const name of [tf.Sum, tf.Mean])
      await expectLikeCpu(name, { x: noise(shape, 1) }, { axis: [...axis], keepDims });
  });

  it('any shape and axes: like cpu', () =>
    fc.assert(
      fc.asyncProperty(anyReduction, ({ shape, axis, keepDims, name }) =>
        expectLikeCpu(name, { x: noise(shape, 1) }, { axis, keepDims }),
      ),
      { seed: 5, numRuns: 200 },
    ));

  it('keeps integers exact', async () => {
    const x = { shape: [2, 4], values: [16777217, 1, 2, 3, 1, 1, 1, 1], dtype: 'int32' as const };
    const out = await runOn('wasm', tf.Sum, { x }, { axis: [0], keepDims: false });
    expect(out).toEqual({ shape: [4], values: [16777218, 2, 3, 4], dtype: 'int32' });
  });

  it('loses little in long sums', async () => {
    const { values } = noise([65536, 4], 1);
    const sums = [0, 0, 0, 0];
    values.forEach((value, i) => (sums[i % 4] += Math.fround(value + 3)));
    const x = { shape: [65536, 4], values: values.map(value => value + 3) };
    expectClose(await runOn('wasm', tf.Sum, { x }, { axis: [0], keepDims: false }), { shape: [4], values: sums }, 2e-6);
  });
});
