/** What a convolution sees at each of its places. */
import type { backend_util, TensorInfo } from '@tensorflow/tfjs-core';
import { allocate, heapOf, move, type WasmBackend } from './wasm';

/** `[batch, height, width, taps x channels]`, in the order of the filter; zero where the filter reaches over an edge. */
export function patches(backend: WasmBackend, x: TensorInfo, info: backend_util.Conv2DInfo): TensorInfo {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth } = info;
  const size = filterHeight * filterWidth * inChannels;
  const out = allocate(backend, [batchSize, outHeight, outWidth, size]);
  const [heap, start, from] = heapOf(backend, out, x);
  let to = start;
  for (let place = 0; place < batchSize * outHeight * outWidth; place++) {
    const image = from + Math.floor(place / (outHeight * outWidth)) * inHeight * inWidth * inChannels;
    const top = (Math.floor(place / outWidth) % outHeight) * info.strideHeight - info.padInfo.top;
    const left = (place % outWidth) * info.strideWidth - info.padInfo.left;
    for (let tap = 0; tap < filterHeight * filterWidth; tap++, to += inChannels) {
      const row = top + Math.floor(tap / filterWidth) * info.dilationHeight;
      const column = left + (tap % filterWidth) * info.dilationWidth;
      if (row < 0 || row >= inHeight || column < 0 || column >= inWidth) heap.fill(0, to, to + inChannels);
      else move(heap, to, image + (row * inWidth + column) * inChannels, inChannels);
    }
  }
  return out;
}
