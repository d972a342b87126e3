/** UnsortedSegmentSum: the gradient of a gather, so of every embedding. */
import type { TensorInfo, UnsortedSegmentSumAttrs, UnsortedSegmentSumInputs } from '@tensorflow/tfjs-core';
import { util } from '@tensorflow/tfjs-core';
import { PruneError } from '../core/errors';
import type { KernelCall } from './wasm';

/** Adds row i of x to row `segmentIds[i]` of the result, in order. Ids outside of the segments are dropped. Keeps the dtype of x. */
export function unsortedSegmentSum({
  inputs,
  backend,
  attrs,
}: KernelCall<UnsortedSegmentSumInputs, UnsortedSegmentSumAttrs>): TensorInfo {
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
  const width = util.sizeFromShape(row);
  const out = backend.makeOutput([numSegments, ...row], x.dtype);
  const [values, ids, sums] = [x, segmentIds, out].map(tensor => backend.typedArrayFromHeap(tensor));
  sums.fill(0);
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] < 0 || ids[i] >= numSegments) continue;
    let to = ids[i] * width;
    for (let from = i * width; from < (i + 1) * width; from++) sums[to++] += values[from];
  }
  return out;
}
