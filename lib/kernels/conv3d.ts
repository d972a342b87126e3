/** Conv3D: the stock kernel is a scalar loop; a volume is convolved slice by slice instead, one tap of the depth at a time. */
import type { Conv3DAttrs, Conv3DInputs, TensorInfo } from '@tensorflow/tfjs-core';
import { backend_util, util } from '@tensorflow/tfjs-core';
import type { KernelCall, WasmBackend } from './wasm';
import { floats, free, run, withWindow, zeros } from './wasm';

/** `[batch, depth, height, width, in]` with `[depth, height, width, in, out]`; slices that lie together go in one convolution. */
export function conv3d({ inputs, backend, attrs }: KernelCall<Conv3DInputs, Conv3DAttrs>): TensorInfo {
  const { x, filter } = inputs as Record<'x' | 'filter', TensorInfo>;
  const { strides, pad, dilations } = attrs;
  const info = backend_util.computeConv3DInfo(
    x.shape as [number, number, number, number, number],
    filter.shape as [number, number, number, number, number],
    strides,
    dilations,
    pad,
  );
  const out = zeros(backend, info.outShape);
  const flat = {
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pad,
    dataFormat: 'NHWC',
  };
  for (let example = 0; example < info.batchSize; example++) {
    for (let tap = 0; tap < info.filterDepth; tap++) {
      for (const { from, to, count } of runsOf(info, tap)) {
        const slices = { first: example * info.inDepth + from, count, tap };
        const part = convolveSlices(backend, x, filter, slices, flat);
        addAt(backend, part, out, (example * info.outDepth + to) * util.sizeFromShape(info.outShape.slice(2)));
        free(backend, part);
      }
    }
  }
  return out;
}

interface Run {
  /** First slice read, first slice written, and how many follow each other. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Which slices one tap reads for which results; with a stride in depth each stands alone. */
function runsOf(info: backend_util.Conv3DInfo, tap: number): Run[] {
  // tf.js computes a negative padding where the window is smaller than the stride; TensorFlow pads nothing there.
  const offset = tap * info.dilationDepth - Math.max(0, info.padInfo.front);
  const reads = Array.from({ length: info.outDepth }, (_, to) => ({
    from: to * info.strideDepth + offset,
    to,
    count: 1,
  }));
  const inside = reads.filter(({ from }) => from >= 0 && from < info.inDepth);
  if (info.strideDepth > 1 || inside.length === 0) return inside;
  return [{ ...inside[0], count: inside.length }];
}

function convolveSlices(
  backend: WasmBackend,
  x: TensorInfo,
  filter: TensorInfo,
  { first, count, tap }: { readonly first: number; readonly count: number; readonly tap: number },
  attrs: Readonly<Record<string, unknown>>,
): TensorInfo {
  const [slice, plane] = [x.shape.slice(2), filter.shape.slice(1)];
  return withWindow(backend, x, first * util.sizeFromShape(slice), [count, ...slice], slices =>
    withWindow(backend, filter, tap * util.sizeFromShape(plane), plane, kernel =>
      run(backend, 'Conv2D', { x: slices, filter: kernel }, attrs),
    ),
  );
}

function addAt(backend: WasmBackend, part: TensorInfo, out: TensorInfo, offset: number): void {
  const [from, to] = [floats(backend, part), floats(backend, out)];
  for (let i = 0; i < from.length; i++) to[offset + i] += from[i];
}
