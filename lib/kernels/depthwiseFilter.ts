/** DepthwiseConv2dNativeBackpropFilter. A multiplier m is a plain depthwise convolution whose input channels are repeated m times. */
import type {
  DepthwiseConv2dNativeBackpropFilterAttrs,
  DepthwiseConv2dNativeBackpropFilterInputs,
  TensorInfo,
} from '@tensorflow/tfjs-core';
import type { Geometry } from './phases';
import { geometryOf } from './phases';
import type { KernelCall, WasmBackend } from './wasm';
import { allocate, floats, free, heapOf, reshaped, run, zeros } from './wasm';

/** For every tap the sum over images and pixels of the shifted input times `dy`. */
export function depthwiseFilterGradient({
  inputs,
  backend,
  attrs,
}: KernelCall<DepthwiseConv2dNativeBackpropFilterInputs, DepthwiseConv2dNativeBackpropFilterAttrs>): TensorInfo {
  const { x, dy } = inputs as Record<'x' | 'dy', TensorInfo>;
  const geometry = geometryOf('DepthwiseConv2dNativeBackpropFilter', x.shape, attrs.filterShape, attrs, true);
  const { batch, rows, columns, outChannels } = geometry;
  const out = zeros(backend, attrs.filterShape);
  if (batch * rows.outputs * columns.outputs === 0) return out;
  const repeated = repeatChannels(backend, x, attrs.filterShape[3]);
  const window = allocate(backend, dy.shape);
  for (let tap = 0; tap < rows.taps * columns.taps; tap++) {
    if (!shift(backend, repeated, window, geometry, Math.floor(tap / columns.taps), tap % columns.taps)) continue;
    const sums = pixelSums(backend, window, dy);
    const from = floats(backend, sums);
    floats(backend, out).set(from, tap * outChannels);
    free(backend, sums);
  }
  free(backend, window);
  if (repeated !== x) free(backend, repeated);
  return out;
}

/** Every channel `times` times in a row; the tensor itself for once. */
function repeatChannels(backend: WasmBackend, tensor: TensorInfo, times: number): TensorInfo {
  if (times === 1) return tensor;
  const [batch, height, width, channels] = tensor.shape;
  const out = allocate(backend, [batch, height, width, channels * times]);
  const [from, to] = [floats(backend, tensor), floats(backend, out)];
  for (let i = 0, write = 0; i < from.length; i++) for (let j = 0; j < times; j++) to[write++] = from[i];
  return out;
}

/** Fills `to` with what one tap reads for every output, zero outside of the input. False if that is nothing at all. */
function shift(
  backend: WasmBackend,
  from: TensorInfo,
  to: TensorInfo,
  { batch, rows, columns, outChannels: channels }: Geometry,
  rowTap: number,
  columnTap: number,
): boolean {
  const [heap, source, target] = heapOf(backend, from, to);
  const offset = columnTap * columns.dilation - columns.pad;
  const low = Math.min(columns.outputs, Math.max(0, Math.ceil(-offset / columns.stride)));
  const high = Math.max(low, Math.min(columns.outputs, Math.ceil((columns.inputs - offset) / columns.stride)));
  const line = columns.outputs * channels;
  const step = columns.stride * channels;
  let any = false;
  for (let i = 0; i < batch * rows.outputs; i++) {
    const row = (i % rows.outputs) * rows.stride + rowTap * rows.dilation - rows.pad;
    const write = target + i * line;
    const [first, last] = row < 0 || row >= rows.inputs ? [0, 0] : [low * channels, high * channels];
    heap.fill(0, write, write + first);
    heap.fill(0, write + last, write + line);
    if (first === last) continue;
    any = true;
    const image = Math.floor(i / rows.outputs);
    let read = source + ((image * rows.inputs + row) * columns.inputs + offset + low * columns.stride) * channels;
    const length = columns.stride === 1 ? last - first : channels;
    for (let at = first; at < last; at += length, read += step) heap.copyWithin(write + at, read, read + length);
  }
  return any;
}

/** `sum over images and pixels of a * b`, by channel. Average pooling reduces columns 15 times as fast as the backend's Sum does. */
function pixelSums(backend: WasmBackend, a: TensorInfo, b: TensorInfo): TensorInfo {
  const [batch, height, width, channels] = a.shape;
  const products = run(backend, 'Multiply', { a, b });
  const perImage = averaged(backend, products, [batch, height, width, channels]);
  const out = averaged(backend, perImage, [1, batch, 1, channels]);
  const values = floats(backend, out);
  for (let i = 0; i < values.length; i++) values[i] *= batch * height * width;
  return reshaped(out, [channels]);
}

/** The average over the two middle axes; frees its input. */
function averaged(backend: WasmBackend, tensor: TensorInfo, shape: readonly number[]): TensorInfo {
  if (shape[1] * shape[2] === 1) return reshaped(tensor, shape); // the backend cannot pool single pixels
  const attrs = { filterSize: [shape[1], shape[2]], strides: [1, 1], pad: 'valid' };
  const out = run(backend, 'AvgPool', { x: reshaped(tensor, shape) }, attrs);
  free(backend, tensor);
  return out;
}
