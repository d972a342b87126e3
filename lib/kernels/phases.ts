/**
 * The arithmetic of a strided convolution read backwards along one axis.
 *
 * The forward pass reads input row `row = out * stride + tap * dilation - pad`. Input rows of equal `(row + pad) mod stride` form a *phase*:
 * they meet only every `stride`-th tap, and among themselves they are an ordinary stride-1 convolution of the output gradient.
 */
import { backend_util } from '@tensorflow/tfjs-core';
import { PruneError } from '../core/errors';

/** One phase of one axis. `taps[i]` is the filter tap at place i of the (already flipped) phase filter. */
export interface Phase {
  /** The first input row of the phase; the others follow at `stride`. */
  readonly first: number;
  /** How many input rows the phase has. */
  readonly count: number;
  readonly taps: readonly number[];
  /** Padding of the output gradient; negative = rows to cut off. */
  readonly before: number;
  readonly after: number;
}

/** One axis of a convolution. */
export interface Axis {
  readonly inputs: number;
  readonly outputs: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
}

/** The `stride` phases of an axis, leaving out those without rows. With a dilation the stride must be 1. */
export function phasesOf({ inputs, outputs, taps, stride, dilation, pad }: Axis): Phase[] {
  const phases: Phase[] = [];
  for (let remainder = 0; remainder < stride; remainder++) {
    const first = (((remainder - pad) % stride) + stride) % stride;
    const count = Math.ceil((inputs - first) / stride);
    if (count <= 0) continue;
    const start = (first + pad - remainder) / stride;
    const ours: number[] = [];
    for (let tap = remainder; tap < taps; tap += stride) ours.unshift(tap);
    const reach = (ours.length - 1) * dilation;
    phases.push({ first, count, taps: ours, before: reach - start, after: start + count - outputs });
  }
  return phases;
}

/** The two axes of a convolution, with its batch and channels. */
export interface Geometry {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly rows: Axis;
  readonly columns: Axis;
}

/** What a convolution kernel of tf.js is told about its window. */
export interface Window {
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly dilations?: [number, number] | number;
}

/**
 * Reads shapes and attributes as the forward kernel does, but for the output sizes, which `dy` has: tf.js drops `dimRoundingMode` on its
 * way to the gradients.
 * @throws PruneError `bad-option` for NCHW, and for a stride together with a dilation: the forward kernels have neither.
 */
export function geometryOf(
  place: string,
  [input, filter, dy]: readonly (readonly number[])[],
  window: Window,
  depthwise: boolean,
): Geometry {
  const info = infoOf(place, [input, filter], window, depthwise);
  const { top, left } = info.padInfo;
  return {
    batch: info.batchSize,
    inChannels: info.inChannels,
    outChannels: info.outChannels,
    rows: checked(place, {
      inputs: info.inHeight,
      outputs: dy[1],
      taps: info.filterHeight,
      stride: info.strideHeight,
      dilation: info.dilationHeight,
      pad: top,
    }),
    columns: checked(place, {
      inputs: info.inWidth,
      outputs: dy[2],
      taps: info.filterWidth,
      stride: info.strideWidth,
      dilation: info.dilationWidth,
      pad: left,
    }),
  };
}

function checked(place: string, axis: Axis): Axis {
  const { stride, dilation } = axis;
  if (stride === 1 || dilation === 1) return axis;
  const got = `stride ${stride} with dilation ${dilation}`;
  throw new PruneError('bad-option', { place, expected: 'a stride or a dilation', got, cure: 'Set one of them to 1.' });
}

function infoOf(
  place: string,
  [input, filter]: readonly (readonly number[])[],
  window: Window,
  depthwise: boolean,
): backend_util.Conv2DInfo {
  const { strides, pad, dimRoundingMode, dataFormat = 'NHWC' } = window;
  if (dataFormat !== 'NHWC') {
    const cure = 'Build the model with channelsLast.';
    throw new PruneError('bad-option', { place, expected: 'dataFormat NHWC', got: dataFormat, cure });
  }
  return backend_util.computeConv2DInfo(
    input as [number, number, number, number],
    filter as [number, number, number, number],
    strides,
    window.dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
}
