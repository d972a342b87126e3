/**
 * Conv2DBackpropFilter: the filter gradient as matrix products `columns(x)^T x dy`, one for each filter row.
 *
 * The sum runs over (out row, out column, image) with the images innermost, so that a filter tap shifts x by whole runs of floats and the
 * columns are plain memory moves; dy is packed once for all filter rows. Against one dilated convolution with dy as its
 * filter this is 1.1 to 2 times as fast, because the backend packs the right-hand side of a product faster than a filter.
 */
import type { Conv2DBackpropFilterAttrs, Conv2DBackpropFilterInputs, TensorInfo } from '@tensorflow/tfjs-core';
import { util } from '@tensorflow/tfjs-core';
import type { Axis, Geometry } from './phases';
import { geometryOf } from './phases';
import type { KernelCall, WasmBackend } from './wasm';
import { allocate, floats, free, heapOf, permuted, product, reshaped, run, withWindow, zeros } from './wasm';

export function conv2dFilterGradient({
  inputs,
  backend,
  attrs,
}: KernelCall<Conv2DBackpropFilterInputs, Conv2DBackpropFilterAttrs>): TensorInfo {
  const { x, dy } = inputs as Record<'x' | 'dy', TensorInfo>;
  const geometry = geometryOf('Conv2DBackpropFilter', [x.shape, attrs.filterShape, dy.shape], attrs, false);
  const { batch, rows, columns } = geometry;
  if (batch * rows.outputs * columns.outputs === 0) return zeros(backend, attrs.filterShape);
  if (isPointwise(rows) && isPointwise(columns)) return reshaped(pointwise(backend, x, dy), attrs.filterShape);
  const perImage = columns.taps * geometry.inChannels * rows.outputs * columns.outputs;
  const count = Math.min(batch, Math.max(1, Math.floor(largestColumns / perImage)));
  const out = zeros(backend, attrs.filterShape);
  for (let first = 0; first < batch; first += count) {
    addImages(backend, x, dy, out, { ...geometry, batch: Math.min(count, batch - first) }, first);
  }
  return out;
}

/** How many floats the columns may take: 8 MB, as fast as any other size. More images are taken in turns. */
const largestColumns = 2 ** 21;

/** Adds the gradient of some images, `geometry.batch` from the first on. */
function addImages(
  backend: WasmBackend,
  x: TensorInfo,
  dy: TensorInfo,
  out: TensorInfo,
  geometry: Geometry,
  first: number,
): void {
  const some = <T>(tensor: TensorInfo, body: (window: TensorInfo) => T): T => {
    const size = util.sizeFromShape(tensor.shape.slice(1));
    return withWindow(backend, tensor, first * size, [geometry.batch, ...tensor.shape.slice(1)], body);
  };
  const part = some(x, images => some(dy, gradients => general(backend, images, gradients, geometry)));
  const [sums, terms] = [floats(backend, out), floats(backend, part)];
  for (let i = 0; i < sums.length; i++) sums[i] += terms[i];
  free(backend, part);
}

function isPointwise({ taps, stride, pad, inputs, outputs }: Axis): boolean {
  return taps === 1 && stride === 1 && pad === 0 && inputs === outputs;
}

/** A 1x1 filter: one product, nothing to shift. */
function pointwise(backend: WasmBackend, x: TensorInfo, dy: TensorInfo): TensorInfo {
  const [batch, height, width, inChannels] = x.shape;
  const pixels = batch * height * width;
  const turned = permuted(backend, x, [pixels, inChannels], [1, 0]);
  const out = product(backend, turned, dy, inChannels, pixels, dy.shape[3]);
  free(backend, turned);
  return out;
}

function general(backend: WasmBackend, x: TensorInfo, dy: TensorInfo, geometry: Geometry): TensorInfo {
  const { batch, rows, columns, inChannels, outChannels } = geometry;
  const pixels = rows.outputs * columns.outputs;
  const line = columns.taps * inChannels;
  const turnedX = imagesInnermost(backend, x, columns.stride);
  const turnedDy = permuted(backend, dy, [batch, pixels, outChannels], [1, 0, 2]);
  const shifted = allocate(backend, [line, pixels * batch]);
  const out = allocate(backend, [rows.taps, line * outChannels]);
  for (let tap = 0; tap < rows.taps; tap++) {
    shift(backend, turnedX, shifted, geometry, tap);
    const part = product(backend, shifted, turnedDy, line, pixels * batch, outChannels);
    const [heap, source, target] = heapOf(backend, part, out);
    heap.copyWithin(target + tap * line * outChannels, source, source + line * outChannels);
    free(backend, part);
  }
  free(backend, turnedX, turnedDy, shifted);
  return out;
}

/**
 * x as `[column phase, channel, row, column of that phase, image]`. Splitting the columns by their phase in the stride makes the
 * columns that one tap reads neighbours. Two transposes beat the one they compose, which jumps on every read.
 */
function imagesInnermost(backend: WasmBackend, x: TensorInfo, stride: number): TensorInfo {
  const [batch, height, width, channels] = x.shape;
  const spare = (stride - (width % stride)) % stride;
  const paddings = [0, 0, spare, 0].map(after => [0, after]);
  const whole = spare === 0 ? x : run(backend, 'PadV2', { x }, { paddings, constantValue: 0 });
  const steps = (width + spare) / stride;
  const images = permuted(backend, whole, [batch, height * steps * stride * channels], [1, 0]);
  const out = permuted(backend, images, [height * steps, stride * channels, batch], [1, 0, 2]);
  free(backend, images);
  if (whole !== x) free(backend, whole);
  return out;
}

/** Fills `to [column tap, channel, out row, out column, image]` with what one filter row reads; zero outside of x. */
function shift(backend: WasmBackend, from: TensorInfo, to: TensorInfo, geometry: Geometry, rowTap: number): void {
  const { batch, rows, columns, inChannels } = geometry;
  const [heap, source, target] = heapOf(backend, from, to);
  const steps = Math.ceil(columns.inputs / columns.stride);
  const run = columns.outputs * batch;
  let write = target;
  for (let columnTap = 0; columnTap < columns.taps; columnTap++) {
    const offset = columnTap * columns.dilation - columns.pad;
    const step = Math.floor(offset / columns.stride);
    const plane = (offset - step * columns.stride) * inChannels;
    const low = Math.min(columns.outputs, Math.max(0, -step));
    const high = Math.max(low, Math.min(columns.outputs, steps - step));
    for (let channel = 0; channel < inChannels; channel++) {
      for (let i = 0; i < rows.outputs; i++, write += run) {
        const row = i * rows.stride + rowTap * rows.dilation - rows.pad;
        if (row < 0 || row >= rows.inputs) {
          heap.fill(0, write, write + run);
          continue;
        }
        const read = source + (((plane + channel) * rows.inputs + row) * steps + step) * batch;
        if (low > 0) heap.fill(0, write, write + low * batch);
        heap.copyWithin(write + low * batch, read + low * batch, read + high * batch);
        if (high < columns.outputs) heap.fill(0, write + high * batch, write + run);
      }
    }
  }
}
