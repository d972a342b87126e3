/** The input gradient of any 2-D convolution: one stride-1 convolution of the output gradient per phase, put together again. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Geometry, Phase } from './phases';
import { phasesOf } from './phases';
import type { WasmBackend } from './wasm';
import { allocate, free, heapOf, move, run, reshaped, zeros } from './wasm';

/** Explicit padding of NHWC as the convolution kernels take it. */
export type Padding = [[number, number], [number, number], [number, number], [number, number]];

/**
 * Convolves `dy` at stride 1 with the taps of one phase; the result is `[batch, rows.count, columns.count, channels]`.
 * Called only for phases that have taps.
 */
export type PhaseConvolution = (dy: TensorInfo, rows: Phase, columns: Phase, padding: Padding) => TensorInfo;

/** The gradient `[batch, inputs, inputs, inChannels]` of `dy`, `convolve` doing the arithmetic. */
export function inputGradient(
  backend: WasmBackend,
  dy: TensorInfo,
  geometry: Geometry,
  convolve: PhaseConvolution,
): TensorInfo {
  const { batch, inChannels, rows, columns } = geometry;
  const shape = [batch, rows.inputs, columns.inputs, inChannels];
  if (rows.outputs * columns.outputs === 0) return zeros(backend, shape);
  const pairs = phasesOf(rows).flatMap(row => phasesOf(columns).map(column => [row, column] as const));
  const results = pairs.map(([row, column]) => onePhase(backend, dy, row, column, convolve));
  if (results.length === 1 && results[0] !== undefined) return reshaped(results[0], shape);
  const out = results.includes(undefined) ? zeros(backend, shape) : allocate(backend, shape);
  results.forEach((result, i) => {
    if (result === undefined) return;
    interleave(backend, result, out, geometry, ...pairs[i]);
    free(backend, result);
  });
  return out;
}

/** One phase, or nothing where its gradient is zero: it has no taps, or no output lies in their reach. */
function onePhase(
  backend: WasmBackend,
  dy: TensorInfo,
  rows: Phase,
  columns: Phase,
  convolve: PhaseConvolution,
): TensorInfo | undefined {
  if (rows.taps.length === 0 || columns.taps.length === 0) return undefined;
  const [batch, height, width, channels] = dy.shape;
  const cut = [rows.before, rows.after, columns.before, columns.after].map(pad => Math.max(0, -pad));
  const kept = [height - cut[0] - cut[1], width - cut[2] - cut[3]];
  if (kept[0] <= 0 || kept[1] <= 0) return undefined;
  const padding: Padding = [
    [0, 0],
    [Math.max(0, rows.before), Math.max(0, rows.after)],
    [Math.max(0, columns.before), Math.max(0, columns.after)],
    [0, 0],
  ];
  if (cut.every(rowsCut => rowsCut === 0)) return convolve(dy, rows, columns, padding);
  const attrs = { begin: [0, cut[0], cut[2], 0], size: [batch, kept[0], kept[1], channels] };
  const window = run(backend, 'Slice', { x: dy }, attrs);
  const result = convolve(window, rows, columns, padding);
  free(backend, window);
  return result;
}

/** Copies the pixels of one phase to their places, `stride` apart. */
function interleave(
  backend: WasmBackend,
  from: TensorInfo,
  to: TensorInfo,
  { batch, rows, columns, inChannels }: Geometry,
  row: Phase,
  column: Phase,
): void {
  const [heap, source, target] = heapOf(backend, from, to);
  const step = columns.stride * inChannels;
  let read = source;
  for (let image = 0; image < batch; image++) {
    for (let i = 0; i < row.count; i++) {
      const line = (image * rows.inputs + row.first + i * rows.stride) * columns.inputs;
      let write = target + (line + column.first) * inChannels;
      for (let j = 0; j < column.count; j++, write += step, read += inChannels) {
        move(heap, write, read, inChannels);
      }
    }
  }
}
