/** DepthwiseConv2dNativeBackpropInput. A multiplier m is a plain depthwise convolution of m times the channels, summed in groups of m. */
import type {
  DepthwiseConv2dNativeBackpropInputAttrs,
  DepthwiseConv2dNativeBackpropInputInputs,
  TensorInfo,
} from '@tensorflow/tfjs-core';
import type { Padding, PhaseConvolution } from './inputGradient';
import { inputGradient } from './inputGradient';
import { geometryOf } from './phases';
import type { KernelCall, WasmBackend } from './wasm';
import { free, heapOf, reshaped, run, zeros } from './wasm';

/** Depthwise convolutions of `dy` with the filter turned around, one for each phase of the stride. */
export function depthwiseInputGradient({
  inputs,
  backend,
  attrs,
}: KernelCall<DepthwiseConv2dNativeBackpropInputInputs, DepthwiseConv2dNativeBackpropInputAttrs>): TensorInfo {
  const { dy, filter } = inputs as Record<'dy' | 'filter', TensorInfo>;
  const geometry = geometryOf(
    'DepthwiseConv2dNativeBackpropInput',
    [attrs.inputShape, filter.shape, dy.shape],
    attrs,
    true,
  );
  const dilations = [geometry.rows.dilation, geometry.columns.dilation];
  const convolve: PhaseConvolution = (x, rows, columns, padding) => {
    const out = convolveTaps(backend, x, filter, { rows: rows.taps, columns: columns.taps, padding, dilations });
    return sumOverMultiplier(backend, out, filter.shape[3]);
  };
  return inputGradient(backend, dy, geometry, convolve);
}

interface Taps {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly padding: Padding;
  readonly dilations: readonly number[];
}

/** Filter sizes with a fast path in the backend, cheapest first. Others run ten times slower and are filled up with zeros to one of these. */
const fastSizes = [
  [1, 1],
  [1, 3],
  [3, 1],
  [2, 2],
  [1, 4],
  [4, 1],
  [3, 3],
  [1, 9],
  [9, 1],
  [5, 5],
] as const;

/** A stride-1 depthwise convolution with some taps of a filter. */
function convolveTaps(backend: WasmBackend, x: TensorInfo, filter: TensorInfo, taps: Taps): TensorInfo {
  const { rows, columns, padding, dilations } = taps;
  const enough = fastSizes.find(size => size[0] >= rows.length && size[1] >= columns.length);
  const [height, width] = enough ?? [rows.length, columns.length];
  const channels = filter.shape[2] * filter.shape[3];
  const filled = zeros(backend, [height, width, channels, 1]);
  const [heap, source, target] = heapOf(backend, filter, filled);
  rows.forEach((row, i) =>
    columns.forEach((column, j) => {
      const read = source + (row * filter.shape[1] + column) * channels;
      heap.copyWithin(target + (i * width + j) * channels, read, read + channels);
    }),
  );
  const [none, [top, bottom], [left, right]] = padding;
  const below = bottom + (height - rows.length) * dilations[0];
  const beside = right + (width - columns.length) * dilations[1];
  const attrs = { strides: [1, 1], pad: [none, [top, below], [left, beside], none], dilations };
  const out = run(backend, 'DepthwiseConv2dNative', { x, filter: filled }, attrs);
  free(backend, filled);
  return out;
}

function sumOverMultiplier(backend: WasmBackend, tensor: TensorInfo, multiplier: number): TensorInfo {
  if (multiplier === 1) return tensor;
  const [batch, height, width, channels] = tensor.shape;
  const split = reshaped(tensor, [batch, height, width, channels / multiplier, multiplier]);
  const out = run(backend, 'Sum', { x: split }, { axis: [4], keepDims: false });
  free(backend, tensor);
  return out;
}
