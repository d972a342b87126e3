/** Conv2DBackpropInput: the input gradient of a convolution, and the forward pass of a transposed one. */
import type { Conv2DBackpropInputAttrs, Conv2DBackpropInputInputs, TensorInfo } from '@tensorflow/tfjs-core';
import type { PhaseConvolution } from './inputGradient';
import { inputGradient } from './inputGradient';
import { geometryOf } from './phases';
import type { KernelCall, WasmBackend } from './wasm';
import { allocate, free, heapOf, permuted, run } from './wasm';

/** Convolutions of `dy` with the filter turned around and its channels swapped, one for each phase of the stride. */
export function conv2dInputGradient({
  inputs,
  backend,
  attrs,
}: KernelCall<Conv2DBackpropInputInputs, Conv2DBackpropInputAttrs>): TensorInfo {
  const { dy, filter } = inputs as Record<'dy' | 'filter', TensorInfo>;
  const [height, width, inChannels, outChannels] = filter.shape;
  const geometry = geometryOf('Conv2DBackpropInput', [attrs.inputShape, filter.shape, dy.shape], attrs, false);
  const dilations = [geometry.rows.dilation, geometry.columns.dilation];
  const turned = permuted(backend, filter, [height * width, inChannels, outChannels], [0, 2, 1]);
  const convolve: PhaseConvolution = (x, rows, columns, pad) => {
    const taps = rows.taps.flatMap(i => columns.taps.map(j => i * width + j));
    const picked = pickTaps(backend, turned, taps, inChannels * outChannels);
    const phase = { ...picked, shape: [rows.taps.length, columns.taps.length, outChannels, inChannels] };
    const out = run(backend, 'Conv2D', { x, filter: phase }, { strides: [1, 1], pad, dataFormat: 'NHWC', dilations });
    free(backend, picked);
    return out;
  };
  const gradient = inputGradient(backend, dy, geometry, convolve);
  free(backend, turned);
  return gradient;
}

/** The taps of a filter in a given order, `size` floats each. */
export function pickTaps(backend: WasmBackend, filter: TensorInfo, taps: readonly number[], size: number): TensorInfo {
  const out = allocate(backend, [taps.length, size]);
  const [heap, source, target] = heapOf(backend, filter, out);
  taps.forEach((tap, i) => heap.copyWithin(target + i * size, source + tap * size, source + (tap + 1) * size));
  return out;
}
