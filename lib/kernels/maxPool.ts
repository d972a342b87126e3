/**
 * Max pooling where the stock kernels look for a maximum from the smallest positive number on: the gradient of a window without a
 * positive value is lost, and in three dimensions so is its maximum.
 */
import type {
  MaxPool3DAttrs,
  MaxPool3DGradAttrs,
  MaxPool3DGradInputs,
  MaxPool3DInputs,
  MaxPoolGradAttrs,
  MaxPoolGradInputs,
  TensorInfo,
} from '@tensorflow/tfjs-core';
import { backend_util } from '@tensorflow/tfjs-core';
import type { KernelCall, WasmBackend } from './wasm';
import { allocate, floats, zeros } from './wasm';

/** Of `[batch, height, width, channels]`; what is equal shares nothing, the first takes it all. */
export function maxPoolGradient({
  inputs,
  backend,
  attrs,
}: KernelCall<MaxPoolGradInputs, MaxPoolGradAttrs>): TensorInfo {
  const given = inputs as Given;
  return gradient(backend, given, planes(given.input.shape, attrs));
}

/** Of `[batch, depth, height, width, channels]`. */
export function maxPool3dGradient({
  inputs,
  backend,
  attrs,
}: KernelCall<MaxPool3DGradInputs, MaxPool3DGradAttrs>): TensorInfo {
  const given = inputs as Given;
  return gradient(backend, given, volumes(given.input.shape, attrs));
}

/** Of `[batch, depth, height, width, channels]`, which is all that tf.js has. */
export function maxPool3d({ inputs, backend, attrs }: KernelCall<MaxPool3DInputs, MaxPool3DAttrs>): TensorInfo {
  const { x } = inputs as Record<'x', TensorInfo>;
  const windows = volumes(x.shape, attrs);
  const { batch, channels, axes } = windows;
  const out = allocate(backend, [batch, ...axes.map(axis => axis.results), channels]);
  const [values, results] = [floats(backend, x), floats(backend, out)];
  forEachWindow(windows, (result, places, count) => {
    for (let channel = 0; channel < channels; channel++) {
      results[result + channel] = values[largest(values, places, count, channel)];
    }
  });
  return out;
}

type Given = Record<'dy' | 'input', TensorInfo>;

function gradient(backend: WasmBackend, { dy, input }: Given, windows: Windows): TensorInfo {
  const out = zeros(backend, input.shape);
  const [values, given, sums] = [input, dy, out].map(tensor => floats(backend, tensor));
  forEachWindow(windows, (result, places, count) => {
    for (let channel = 0; channel < windows.channels; channel++) {
      sums[largest(values, places, count, channel)] += given[result + channel];
    }
  });
  return out;
}

/** Where the first of the largest values of one channel lies. */
function largest(values: Float32Array, places: Int32Array, count: number, channel: number): number {
  let best = places[0] + channel;
  for (let i = 1; i < count; i++) if (values[places[i] + channel] > values[best]) best = places[i] + channel;
  return best;
}

interface Axis {
  readonly size: number;
  readonly results: number;
  readonly stride: number;
  readonly window: number;
  readonly padding: number;
}

interface Windows {
  readonly batch: number;
  readonly channels: number;
  /** Depth, height, width. */
  readonly axes: readonly [Axis, Axis, Axis];
}

function planes(shape: readonly number[], attrs: MaxPoolGradAttrs): Windows {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  const info = backend_util.computePool2DInfo(shape as Shape4, filterSize, strides, 1, pad, dimRoundingMode);
  const flat = { size: 1, results: 1, stride: 1, window: 1, padding: 0 };
  return { batch: info.batchSize, channels: info.inChannels, axes: [flat, ...inPlane(info)] };
}

function volumes(shape: readonly number[], attrs: MaxPool3DGradAttrs): Windows {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  const info = backend_util.computePool3DInfo(shape as Shape5, filterSize, strides, 1, pad, dimRoundingMode);
  const depth = {
    size: info.inDepth,
    results: info.outDepth,
    stride: info.strideDepth,
    window: info.filterDepth,
    padding: info.padInfo.front,
  };
  return { batch: info.batchSize, channels: info.inChannels, axes: [depth, ...inPlane(info)] };
}

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

function inPlane(info: backend_util.Conv2DInfo | backend_util.Conv3DInfo): [Axis, Axis] {
  const height = {
    size: info.inHeight,
    results: info.outHeight,
    stride: info.strideHeight,
    window: info.filterHeight,
    padding: info.padInfo.top,
  };
  const width = {
    size: info.inWidth,
    results: info.outWidth,
    stride: info.strideWidth,
    window: info.filterWidth,
    padding: info.padInfo.left,
  };
  return [height, width];
}

/** Tells for each window where its results begin, and where the channels of its first `count` places do. */
function forEachWindow(
  { batch, channels, axes }: Windows,
  use: (result: number, places: Int32Array, count: number) => void,
): void {
  const [depth, height, width] = axes;
  const [slices, rows, columns] = axes.map(axis => Array.from({ length: axis.results }, (_, i) => inside(axis, i)));
  const places = new Int32Array(depth.window * height.window * width.window);
  let result = 0;
  for (let example = 0; example < batch; example++) {
    for (const near of slices) {
      for (const across of rows) {
        for (const along of columns) {
          let count = 0;
          for (const slice of near) {
            for (const row of across) {
              const start = ((example * depth.size + slice) * height.size + row) * width.size;
              for (const column of along) places[count++] = (start + column) * channels;
            }
          }
          use(result, places, count);
          result += channels;
        }
      }
    }
  }
}

/** The places along one axis that window number `index` covers. */
function inside({ size, stride, window, padding }: Axis, index: number): number[] {
  const start = index * stride - padding;
  const places: number[] = [];
  for (let place = Math.max(0, start); place < Math.min(size, start + window); place++) places.push(place);
  return places;
}
