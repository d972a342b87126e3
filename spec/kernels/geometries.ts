/** The convolutions that the gradient kernels are tried on: a table of the awkward ones and a generator of any. */
import { backend_util } from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';

type Quad = [number, number, number, number];

export interface Convolution {
  readonly x: Quad;
  /** Last: output channels, or the multiplier of a depthwise filter. */
  readonly filter: Quad;
  readonly strides: [number, number];
  readonly pad: 'same' | 'valid' | number | backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

export const awkward: readonly (readonly [string, Convolution])[] = [
  ['plain 3x3', { x: [2, 7, 6, 3], filter: [3, 3, 3, 4], strides: [1, 1], pad: 'same' }],
  ['stride 2, same, odd', { x: [2, 7, 5, 3], filter: [3, 3, 3, 2], strides: [2, 2], pad: 'same' }],
  ['stride 2, same, even', { x: [2, 6, 8, 3], filter: [3, 3, 3, 2], strides: [2, 2], pad: 'same' }],
  ['stride 2, valid, a row unused', { x: [2, 6, 6, 2], filter: [3, 3, 2, 3], strides: [2, 2], pad: 'valid' }],
  ['stride 3, valid, rows unused', { x: [2, 9, 8, 2], filter: [2, 2, 2, 3], strides: [3, 3], pad: 'valid' }],
  ['1x1', { x: [3, 4, 5, 3], filter: [1, 1, 3, 5], strides: [1, 1], pad: 'same' }],
  ['1x1, stride 2', { x: [2, 5, 6, 3], filter: [1, 1, 3, 2], strides: [2, 2], pad: 'same' }],
  ['1x1, stride 3, valid', { x: [2, 8, 7, 2], filter: [1, 1, 2, 2], strides: [3, 3], pad: 'valid' }],
  ['filter smaller than the stride', { x: [2, 8, 7, 2], filter: [2, 1, 2, 2], strides: [3, 2], pad: 0 }],
  ['5x5', { x: [2, 7, 6, 2], filter: [5, 5, 2, 3], strides: [1, 1], pad: 'same' }],
  ['7x7, stride 2', { x: [1, 9, 9, 2], filter: [7, 7, 2, 2], strides: [2, 2], pad: 'same' }],
  ['even 4x2', { x: [2, 6, 7, 2], filter: [4, 2, 2, 3], strides: [1, 1], pad: 'same' }],
  ['one row 1x7', { x: [2, 3, 9, 2], filter: [1, 7, 2, 3], strides: [1, 2], pad: 'same' }],
  ['strides 1 and 3', { x: [2, 6, 8, 2], filter: [3, 3, 2, 2], strides: [1, 3], pad: 'same' }],
  ['filter larger than the input', { x: [2, 2, 3, 2], filter: [5, 7, 2, 3], strides: [1, 1], pad: 'same' }],
  ['padding beyond the filter', { x: [2, 4, 4, 2], filter: [2, 2, 2, 3], strides: [1, 1], pad: 3 }],
  ['padding beyond the filter, stride 2', { x: [1, 3, 4, 2], filter: [1, 2, 2, 3], strides: [2, 2], pad: 3 }],
  ['number and rounding', { x: [2, 6, 7, 2], filter: [3, 3, 2, 2], strides: [2, 2], pad: 1, dimRoundingMode: 'floor' }],
  ['explicit padding', { x: [2, 5, 6, 2], filter: [3, 2, 2, 2], strides: [2, 1], pad: explicit(0, 2, 1, 0) }],
  ['batch 1', { x: [1, 6, 5, 2], filter: [3, 3, 2, 2], strides: [1, 1], pad: 'valid' }],
  ['one channel', { x: [2, 6, 5, 1], filter: [3, 3, 1, 1], strides: [2, 2], pad: 'same' }],
  ['one pixel', { x: [2, 1, 1, 4], filter: [3, 3, 4, 2], strides: [1, 1], pad: 'same' }],
  ['one output', { x: [1, 5, 5, 3], filter: [5, 5, 3, 2], strides: [1, 1], pad: 'valid' }],
  ['thirty channels', { x: [1, 4, 5, 30], filter: [3, 3, 30, 3], strides: [2, 2], pad: 'same' }],
];

export const anyConvolution: fc.Arbitrary<Convolution> = fc
  .record({
    x: fc.tuple(fc.integer({ min: 1, max: 3 }), side(), side(), fc.integer({ min: 1, max: 4 })),
    window: fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 })),
    out: fc.integer({ min: 1, max: 4 }),
    strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    pad: fc.oneof(
      fc.constantFrom<'same' | 'valid'>('same', 'valid'),
      fc.integer({ min: 0, max: 3 }),
      fc.tuple(border(), border(), border(), border()).map(pads => explicit(...pads)),
    ),
  })
  .map(({ x, window, out, strides, pad }): Convolution => ({ x, filter: [...window, x[3], out], strides, pad }))
  .filter(convolution => Math.min(...outputShape(convolution, false)) > 0);

/** The shape of the forward result, so of its gradient. */
export function outputShape(convolution: Convolution, depthwise: boolean, dilations: [number, number] = [1, 1]): Quad {
  const { x, filter, strides, pad, dimRoundingMode } = convolution;
  return backend_util.computeConv2DInfo(x, filter, strides, dilations, pad, dimRoundingMode, depthwise).outShape;
}

function explicit(top: number, bottom: number, left: number, right: number): backend_util.ExplicitPadding {
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

function side(): fc.Arbitrary<number> {
  return fc.integer({ min: 1, max: 9 });
}

function border(): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: 2 });
}
