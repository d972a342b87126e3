/** Sizes of windows that slide over an image: shared by convolution and pooling. */
import type { Config } from '../core/checkpoint';
import { numbersOf, type Shape } from './rule';

export interface Window {
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: string;
}

/** The channel axis of a `[batch, ...]` activation of `rank`. */
export function channelAxis(config: Config, rank: number): number {
  return config.dataFormat === 'channelsFirst' ? 1 : rank - 1;
}

/** The window of a convolution with `size` or of a pooling layer (`poolSize`, whose default stride is its size). */
export function windowOf(config: Config, dimensions: number, size: readonly number[]): Window {
  const strides =
    config.strides == null && config.poolSize != null ? [...size] : numbersOf(config, 'strides', dimensions, 1);
  return {
    size,
    strides,
    dilation: numbersOf(config, 'dilationRate', dimensions, 1),
    padding: String(config.padding ?? 'valid'),
  };
}

/** Output shape after sliding `window` over every axis but batch and channels, which become `channels`. */
export function slide(shape: Shape, window: Window, axis: number, channels: number | null): Shape {
  let dimension = 0;
  return shape.map((size, a) => {
    if (a === 0) return size;
    if (a === axis) return channels;
    return outputLength(size, window, dimension++);
  });
}

/** Output shape of a transposed convolution: every place of the input spreads over a window. */
export function spread(shape: Shape, { size, strides, padding }: Window, axis: number, channels: number): Shape {
  let dimension = 0;
  return shape.map((length, a) => {
    if (a === 0) return length;
    if (a === axis) return channels;
    const d = dimension++;
    if (length === null) return null;
    return length * strides[d] + (padding === 'valid' ? Math.max(size[d] - strides[d], 0) : 0);
  });
}

function outputLength(
  size: number | null,
  { size: window, strides, dilation, padding }: Window,
  d: number,
): number | null {
  if (size === null) return null;
  if (padding === 'same') return Math.ceil(size / strides[d]);
  const reach = (window[d] - 1) * dilation[d] + 1;
  const start = padding === 'causal' ? size : size - reach + 1;
  return Math.ceil(start / strides[d]);
}
