import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as fc from 'fast-check';
import { expectLikeCpu, noise, runOn, startBackends } from './compare';

beforeAll(startBackends);

const places = (shape: readonly number[], below: number) => ({
  shape,
  values: noise(shape, 2).values.map(value => Math.floor(((value + 1) / 2) * below)),
  dtype: 'int32' as const,
});

const anyGather = fc
  .record({
    shape: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
    axis: fc.nat(3),
    batchDims: fc.nat(2),
    more: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
  })
  .filter(({ shape, axis, batchDims }) => axis < shape.length && batchDims <= axis)
  .map(each => ({ ...each, at: [...each.shape.slice(0, each.batchDims), ...each.more] }));

describe('GatherV2', () => {
  it.each([
    ['rows of an embedding', [7, 40], [2, 5], 0, 0],
    ['numbers', [6], [9], 0, 0],
    ['along the last axis', [3, 4, 5], [2], 2, 0],
    ['an own choice in each batch', [3, 6, 30], [3, 4], 1, 1],
    ['one place', [4, 3], [], 0, 0],
  ])('%s: like cpu', (_, shape, at, axis, batchDims) =>
    expectLikeCpu(tf.GatherV2, { x: noise(shape, 1), indices: places(at, shape[axis]) }, { axis, batchDims }),
  );

  it('any shape, axis and batch: like cpu', () =>
    fc.assert(
      fc.asyncProperty(anyGather, ({ shape, axis, batchDims, at }) =>
        expectLikeCpu(tf.GatherV2, { x: noise(shape, 1), indices: places(at, shape[axis]) }, { axis, batchDims }),
      ),
      { seed: 5, numRuns: 100 },
    ));

  it('integers stay integers, and no place gives nothing', async () => {
    const x = { shape: [2, 1], values: [16777217, -3], dtype: 'int32' as const };
    const gathered = (at: readonly number[]) =>
      runOn('wasm', tf.GatherV2, { x, indices: { shape: [at.length], values: at, dtype: 'int32' } }, { axis: 0, batchDims: 0 }); // prettier-ignore
    expect(await gathered([1, 0, 1])).toEqual({ shape: [3, 1], values: [-3, 16777217, -3], dtype: 'int32' });
    expect(await gathered([])).toEqual({ shape: [0, 1], values: [], dtype: 'int32' });
  });

  it.each([-1, 3])('refuses place %d of 3, as the stock kernel does', async place => {
    const inputs = { x: noise([3, 2], 1), indices: { shape: [2], values: [0, place], dtype: 'int32' as const } };
    await expect(runOn('wasm', tf.GatherV2, inputs, { axis: 0, batchDims: 0 })).rejects.toThrow(/is not in \[0, 2\]/);
  });
});
