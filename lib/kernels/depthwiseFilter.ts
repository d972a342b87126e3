/**
 * DepthwiseConv2dNativeBackpropFilter. A multiplier m is a plain depthwise convolution whose input channels are repeated m times.
 *
 * Input and output gradient are laid on one padded grid, so that a filter tap is nothing but a distance in memory: for every tap one
 * elementwise product of a window on the input with the output gradient, and one reduction. Nothing is copied but the two grids.
 */
import type {
  DepthwiseConv2dNativeBackpropFilterAttrs,
  DepthwiseConv2dNativeBackpropFilterInputs,
  TensorInfo,
} from '@tensorflow/tfjs-core';
import type { Axis, Geometry } from './phases';
import { geometryOf } from './phases';
import { columnSums } from './reduce';
import type { KernelCall, WasmBackend } from './wasm';
import { allocate, floats, free, heapOf, move, run, withWindow, zeros } from './wasm';

export function depthwiseFilterGradient({
  inputs,
  backend,
  attrs,
}: KernelCall<DepthwiseConv2dNativeBackpropFilterInputs, DepthwiseConv2dNativeBackpropFilterAttrs>): TensorInfo {
  const { x, dy } = inputs as Record<'x' | 'dy', TensorInfo>;
  const { filterShape } = attrs;
  const geometry = geometryOf('DepthwiseConv2dNativeBackpropFilter', [x.shape, filterShape, dy.shape], attrs, true);
  const { batch, rows, columns, outChannels: channels } = geometry;
  if (batch * rows.outputs * columns.outputs === 0) return zeros(backend, filterShape);
  const out = allocate(backend, filterShape);
  const repeated = repeatChannels(backend, x, filterShape[3]);
  const [input, gradient] = onOneGrid(backend, repeated, dy, geometry);
  for (let tap = 0; tap < rows.taps * columns.taps; tap++) {
    const distance = distanceOf(geometry, Math.floor(tap / columns.taps), tap % columns.taps) * channels;
    const sums = withWindow(backend, input, distance, gradient.shape, window => pixelSums(backend, window, gradient));
    const [heap, source, target] = heapOf(backend, sums, out);
    move(heap, target + tap * channels, source, channels);
    free(backend, sums);
  }
  free(backend, input, gradient);
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

/** Where a tap reads: in which phase of the stride, and how many steps after the earliest tap of all. */
function stepOf({ stride, dilation, pad }: Axis, tap: number): { phase: number; steps: number } {
  const earliest = Math.floor(-pad / stride);
  const offset = tap * dilation - pad;
  const step = Math.floor(offset / stride);
  return { phase: offset - step * stride, steps: step - earliest };
}

/** How long an axis of the grid is: an output and all it reads, in steps of the stride. */
function lengthOf(axis: Axis): number {
  const reach =
    Math.floor(((axis.taps - 1) * axis.dilation - axis.pad) / axis.stride) - Math.floor(-axis.pad / axis.stride);
  return axis.outputs + reach;
}

/** From an output's place in the grid to the pixel that a tap reads for it. */
function distanceOf({ batch, rows, columns }: Geometry, rowTap: number, columnTap: number): number {
  const [row, column] = [stepOf(rows, rowTap), stepOf(columns, columnTap)];
  const [height, width] = [lengthOf(rows), lengthOf(columns)];
  const plane = row.phase * columns.stride + column.phase;
  return plane * batch * height * width + row.steps * width + column.steps;
}

/** x as `[row phase, column phase, image, row, column, channel]`, with what the last window reads beyond; dy in the same grid. All else zero. */
function onOneGrid(backend: WasmBackend, x: TensorInfo, dy: TensorInfo, geometry: Geometry): [TensorInfo, TensorInfo] {
  const { batch, rows, columns, outChannels: channels } = geometry;
  const [height, width] = [lengthOf(rows), lengthOf(columns)];
  const grid = [batch, height, width, channels];
  const input = zeros(backend, [(rows.stride * columns.stride * batch + 1) * height * width * channels]);
  const gradient = zeros(backend, grid);
  const [heap, fromX, toInput, fromDy, toGradient] = heapOf(backend, x, input, dy, gradient);
  const line = columns.outputs * channels;
  for (let i = 0; i < batch * rows.outputs; i++) {
    const row = Math.floor(i / rows.outputs) * height + (i % rows.outputs);
    heap.copyWithin(toGradient + row * width * channels, fromDy + i * line, fromDy + (i + 1) * line);
  }
  for (let image = 0; image < batch; image++) {
    for (let row = 0; row < rows.inputs; row++) {
      const at = placeOf(rows, row, height);
      if (at === undefined) continue;
      const read = fromX + (image * rows.inputs + row) * columns.inputs * channels;
      const write = (plane: number): number =>
        toInput +
        ((at.phase * columns.stride + plane) * batch + image) * height * width * channels +
        at.steps * width * channels;
      spreadLine(heap, read, write, columns, width, channels);
    }
  }
  return [input, gradient];
}

/** Where an input row is in the grid, if it is read at all. */
function placeOf({ stride, pad }: Axis, index: number, length: number): { phase: number; steps: number } | undefined {
  const steps = Math.floor(index / stride) - Math.floor(-pad / stride);
  return steps < length ? { phase: index % stride, steps } : undefined;
}

/** One input line to its places: at stride 1 one run, else pixel by pixel to the plane of its phase. */
function spreadLine(
  heap: Float32Array,
  read: number,
  write: (plane: number) => number,
  columns: Axis,
  width: number,
  channels: number,
): void {
  if (columns.stride === 1) {
    const length = Math.min(columns.inputs, width - columns.pad);
    heap.copyWithin(write(0) + columns.pad * channels, read, read + length * channels);
    return;
  }
  const planes = Array.from({ length: columns.stride }, (_, phase) => write(phase));
  for (let column = 0; column < columns.inputs; column++) {
    const at = placeOf(columns, column, width);
    if (at !== undefined) move(heap, planes[at.phase] + at.steps * channels, read + column * channels, channels);
  }
}

/** `sum over images and pixels of a * b`, by channel. */
function pixelSums(backend: WasmBackend, a: TensorInfo, b: TensorInfo): TensorInfo {
  const [batch, height, width, channels] = a.shape;
  const products = run(backend, 'Multiply', { a, b });
  const sums = columnSums(backend, products, batch * height * width, channels);
  free(backend, products);
  return sums;
}
