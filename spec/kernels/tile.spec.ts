import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as fc from 'fast-check';
import { expectLikeCpu, noise, runOn, startBackends } from './compare';

beforeAll(startBackends);

const anyTiling = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 4 })
  .map(axes => ({ shape: axes.map(([size]) => size), reps: axes.map(([, times]) => times) }));

describe('Tile', () => {
  it.each([
    ['channels over an activation', [1, 1, 1, 40], [2, 3, 4, 1]],
    ['rows along the last axis', [3, 2, 1], [1, 1, 30]],
    ['all axes', [2, 3, 4], [3, 1, 2]],
    ['nothing', [2, 3], [1, 1]],
    ['a vector', [5], [3]],
  ])('%s: like cpu', (_, shape, reps) => expectLikeCpu(tf.Tile, { x: noise(shape, 1) }, { reps }));

  it('any shape: like cpu', () =>
    fc.assert(
      fc.asyncProperty(anyTiling, ({ shape, reps }) => expectLikeCpu(tf.Tile, { x: noise(shape, 1) }, { reps })),
      { seed: 5, numRuns: 100 },
    ));

  it('integers stay integers', async () => {
    const x = { shape: [1, 2], values: [7, -3], dtype: 'int32' as const };
    const out = await runOn('wasm', tf.Tile, { x }, { reps: [2, 2] });
    expect(out).toEqual({ shape: [2, 4], values: [7, -3, 7, -3, 7, -3, 7, -3], dtype: 'int32' });
  });

  it('none at all', async () => {
    expect((await runOn('wasm', tf.Tile, { x: noise([2, 3], 1) }, { reps: [0, 2] })).shape).toEqual([0, 6]);
  });
});
