/** UnsortedSegmentSum: the gradient of a gather, so of every embedding. */
import type { TensorInfo, UnsortedSegmentSumAttrs, UnsortedSegmentSumInputs } from '@tensorflow/tfjs-core';
import { util } from '@tensorflow/tfjs-core';
import { PruneError } from '../core/errors';
import type { KernelCall } from './wasm';
import { reshaped, run } from './wasm';

type SegmentCall = KernelCall<UnsortedSegmentSumInputs, UnsortedSegmentSumAttrs>;

/** Adds row i of x to row `segmentIds[i]` of the result, in order. Ids outside of the segments are dropped. Keeps the dtype of x. */
export function unsortedSegmentSum({ inputs, backend, attrs }: SegmentCall): TensorInfo {
  const { x, segmentIds } = inputs as Record<'x' | 'segmentIds', TensorInfo>;
  const { numSegments } = attrs;
  const rank = segmentIds.shape.length;
  if (!util.arraysEqual(segmentIds.shape, x.shape.slice(0, rank))) {
    throw new PruneError('bad-option', {
      place: 'UnsortedSegmentSum',
      expected: `one segment id for each row of x [${x.shape.join()}]`,
      got: `ids [${segmentIds.shape.join()}]`,
      cure: 'Give ids whose shape is how the shape of x begins.',
    });
  }
  const row = x.shape.slice(rank);
  const out = scattered({ inputs, backend, attrs }, util.sizeFromShape(row));
  return reshaped(out, [numSegments, ...row]);
}

/** By the scatter kernel, twice as fast as a loop here, where every id is a segment: it would write the others outside of its result. */
function scattered({ inputs, backend, attrs }: SegmentCall, width: number): TensorInfo {
  const { x, segmentIds } = inputs as Record<'x' | 'segmentIds', TensorInfo>;
  const ids = backend.typedArrayFromHeap(segmentIds);
  const isSegment = (id: number): boolean => id >= 0 && id < attrs.numSegments;
  const shape = [attrs.numSegments, width];
  if (x.dtype === 'float32' && ids.length * width > 0 && ids.every(isSegment)) {
    const indices = reshaped(segmentIds, [ids.length, 1]);
    return run(backend, 'ScatterNd', { indices, updates: reshaped(x, [ids.length, width]) }, { shape });
  }
  const out = backend.makeOutput(shape, x.dtype);
  const [values, rows, sums] = [x, segmentIds, out].map(tensor => backend.typedArrayFromHeap(tensor));
  sums.fill(0);
  for (let i = 0; i < rows.length; i++) {
    if (!isSegment(rows[i])) continue;
    let to = rows[i] * width;
    for (let from = i * width; from < (i + 1) * width; from++) sums[to++] += values[from];
  }
  return out;
}
