import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as fc from 'fast-check';
import { expectLikeCpu, noise, startBackends } from './compare';

beforeAll(startBackends);

const size = fc.integer({ min: 1, max: 6 });
const window = fc.integer({ min: 1, max: 3 });
const anyVolume = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  sizes: fc.tuple(size, size, size),
  windows: fc.tuple(window, window, window),
  strides: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
  channels: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
  pad: fc.constantFrom('same' as const, 'valid' as const),
});

describe('Conv3D', () => {
  it.each(['same', 'valid'] as const)('dilated in all directions (%s): like cpu', pad => {
    const inputs = { x: noise([1, 7, 6, 5, 2], 1), filter: noise([3, 2, 3, 2, 3], 2) };
    return expectLikeCpu(tf.Conv3D, inputs, { strides: 1, pad, dilations: [2, 3, 1] });
  });

  it('any volume, window and stride: like cpu', () =>
    fc.assert(
      fc.asyncProperty(anyVolume, ({ batch, sizes, windows, strides, channels: [from, to], pad }) => {
        // With a window smaller than its stride cpu starts one place too late.
        fc.pre(pad === 'valid' || windows.every((length, axis) => Math.min(length, sizes[axis]) >= strides[axis]));
        const taps = windows.map((length, axis) => Math.min(length, sizes[axis]));
        const inputs = { x: noise([batch, ...sizes, from], 1), filter: noise([...taps, from, to], 2) };
        return expectLikeCpu(tf.Conv3D, inputs, { strides, pad, dilations: 1 });
      }),
      { seed: 3, numRuns: 100 },
    ));
});
