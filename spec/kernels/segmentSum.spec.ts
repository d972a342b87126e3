import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { expectLikeCpu, noise, runOn, startBackends } from './compare';

beforeAll(startBackends);

describe('UnsortedSegmentSum', () => {
  it.each([
    ['rows', [5, 3], [2, 0, 2, 1, 0], 4],
    ['numbers', [4], [1, 1, 1, 0], 2],
    ['higher rank', [3, 2, 4], [0, 2, 0], 3],
    ['one segment', [3, 2], [0, 0, 0], 1],
    ['ids outside of the segments', [4, 2], [-1, 0, 3, 7], 3],
  ])('%s: like cpu', (_, shape, ids, numSegments) => {
    const segmentIds = { shape: [ids.length], values: ids, dtype: 'int32' as const };
    return expectLikeCpu(tf.UnsortedSegmentSum, { x: noise(shape, 1), segmentIds }, { numSegments });
  });

  it('many rows in few segments: like cpu', () => {
    const segmentIds = {
      shape: [300],
      values: Array.from({ length: 300 }, (_, i) => (i * 7) % 5),
      dtype: 'int32' as const,
    };
    return expectLikeCpu(tf.UnsortedSegmentSum, { x: noise([300, 6], 1), segmentIds }, { numSegments: 5 });
  });

  it('sums integers as integers', async () => {
    const x = { shape: [3], values: [16777217, 1, 2], dtype: 'int32' as const };
    const segmentIds = { shape: [3], values: [0, 0, 1], dtype: 'int32' as const };
    const out = await runOn('wasm', tf.UnsortedSegmentSum, { x, segmentIds }, { numSegments: 2 });
    expect(out).toEqual({ shape: [2], values: [16777218, 2], dtype: 'int32' });
  });

  it('refuses ids that do not fit', async () => {
    const segmentIds = { shape: [2], values: [0, 0], dtype: 'int32' as const };
    const run = runOn('wasm', tf.UnsortedSegmentSum, { x: noise([3, 2], 1), segmentIds }, { numSegments: 2 });
    await expect(run).rejects.toMatchObject({ code: 'bad-option' });
  });
});
