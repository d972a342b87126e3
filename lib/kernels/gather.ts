/**
 * GatherV2: the stock kernel computes the source of every element from its coordinates. Every embedding is a gather, of rows that lie
 * together; here it is block copies.
 */
import type { GatherV2Attrs, GatherV2Inputs, KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import { backend_util, util } from '@tensorflow/tfjs-core';
import type { KernelCall } from './wasm';
import { asKernelFunc } from './wasm';

type GatherCall = KernelCall<GatherV2Inputs, GatherV2Attrs>;
type Stock = (call: GatherCall) => TensorInfo;

/** The replacement, which leaves strings, nothing at all, and indices that the stock kernel refuses to it. */
export function fastGather(config: KernelConfig): KernelConfig {
  const stock = config.kernelFunc as unknown as Stock;
  return { ...config, kernelFunc: asKernelFunc((call: GatherCall) => gather(call, stock)) };
}

function gather(call: GatherCall, stock: Stock): TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x, indices } = inputs as Record<'x' | 'indices', TensorInfo>;
  const [axis] = util.parseAxisParam(attrs.axis, x.shape);
  const isPlace = (index: number): boolean => index >= 0 && index < x.shape[axis];
  if (x.dtype === 'string' || util.sizeFromShape(x.shape) === 0) return stock(call);
  if (!backend.typedArrayFromHeap(indices).every(isPlace)) return stock(call);
  const { collectGatherOpShapeInfo } = backend_util.segment_util;
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } = collectGatherOpShapeInfo(
    x,
    indices,
    axis,
    attrs.batchDims,
  );
  const out = backend.makeOutput(outputShape, x.dtype);
  const [from, places, to] = [x, indices, out].map(tensor => backend.typedArrayFromHeap(tensor));
  const count = places.length / batchSize;
  let write = 0;
  for (let outer = 0; outer < batchSize * outerSize; outer++) {
    const first = Math.floor(outer / outerSize) * count;
    for (let i = first; i < first + count; i++, write += sliceSize) {
      const read = (outer * dimSize + places[i]) * sliceSize;
      if (sliceSize >= 24) to.set(from.subarray(read, read + sliceSize), write);
      else for (let at = 0; at < sliceSize; at++) to[write + at] = from[read + at];
    }
  }
  return out;
}
