/**
 * Conv2D of 1 x 1 filters as the matrix product that it is, of the pixels that its strides see. The stock convolution transposes the filter float by float before it packs
 * it, and keeps both copies as long as the filter lives: the product takes half the memory beside the filter, runs as fast, and starts faster.
 */
import type {
  Conv2DAttrs,
  Conv2DInputs,
  FusedConv2DAttrs,
  FusedConv2DInputs,
  KernelConfig,
  TensorInfo,
} from '@tensorflow/tfjs-core';
import { util } from '@tensorflow/tfjs-core';
import {
  allocate,
  asKernelFunc,
  free,
  heapOf,
  move,
  product,
  reshaped,
  run,
  type KernelCall,
  type WasmBackend,
} from './wasm';

type Convolution<I, A> = (call: KernelCall<I, A>) => TensorInfo;

/** Conv2D, which calls the stock kernel for all other filters. */
export function pointwiseConv2d(config: KernelConfig): KernelConfig {
  const stock = config.kernelFunc as unknown as Convolution<Conv2DInputs, Conv2DAttrs>;
  const kernel = (call: KernelCall<Conv2DInputs, Conv2DAttrs>): TensorInfo => {
    const { x, filter } = call.inputs as Record<'x' | 'filter', TensorInfo>;
    if (!isPointwise(filter, call.attrs)) return stock(call);
    return withSeen(call, x, seen => {
      const [m, k, n] = sizes(seen, filter);
      return reshaped(product(call.backend, seen, filter, m, k, n), [...seen.shape.slice(0, -1), n]);
    });
  };
  return { ...config, kernelFunc: asKernelFunc(kernel) };
}

/** The same with a bias and an activation. */
export function pointwiseFusedConv2d(config: KernelConfig): KernelConfig {
  const stock = config.kernelFunc as unknown as Convolution<FusedConv2DInputs, FusedConv2DAttrs>;
  const kernel = (call: KernelCall<FusedConv2DInputs, FusedConv2DAttrs>): TensorInfo => {
    const { x, filter, bias } = call.inputs as Record<'x' | 'filter', TensorInfo> & { readonly bias?: TensorInfo };
    const { activation, leakyreluAlpha } = call.attrs;
    if (!isPointwise(filter, call.attrs) || activation === 'prelu') return stock(call);
    return withSeen(call, x, seen => {
      const [m, k, n] = sizes(seen, filter);
      const inputs = { a: reshaped(seen, [1, m, k]), b: reshaped(filter, [1, k, n]), ...(bias && { bias }) };
      const attrs = { transposeA: false, transposeB: false, activation, leakyreluAlpha };
      return reshaped(run(call.backend, '_FusedMatMul', inputs, attrs), [...seen.shape.slice(0, -1), n]);
    });
  };
  return { ...config, kernelFunc: asKernelFunc(kernel) };
}

function isPointwise({ shape }: TensorInfo, { pad, dataFormat }: Conv2DAttrs): boolean {
  const padsNothing = pad === 'valid' || pad === 'same' || pad === 0;
  return shape[0] === 1 && shape[1] === 1 && padsNothing && dataFormat === 'NHWC';
}

/** Lends `body` the pixels of `x` at the strides, which is `x` itself without any. */
function withSeen<I, A extends Pick<Conv2DAttrs, 'strides'>>(
  { backend, attrs }: KernelCall<I, A>,
  x: TensorInfo,
  body: (seen: TensorInfo) => TensorInfo,
): TensorInfo {
  const [down, right] = [attrs.strides, attrs.strides].flat();
  if (down === 1 && right === 1) return body(x);
  const seen = pixelsAt(backend, x, down, right);
  try {
    return body(seen);
  } finally {
    free(backend, seen);
  }
}

function pixelsAt(backend: WasmBackend, x: TensorInfo, down: number, right: number): TensorInfo {
  const [batch, height, width, channels] = x.shape;
  const out = allocate(backend, [batch, Math.ceil(height / down), Math.ceil(width / right), channels]);
  const [heap, start, from] = heapOf(backend, out, x);
  let to = start;
  for (let image = 0; image < batch; image++) {
    for (let row = 0; row < height; row += down) {
      const line = from + (image * height + row) * width * channels;
      for (let column = 0; column < width; column += right, to += channels) {
        move(heap, to, line + column * channels, channels);
      }
    }
  }
  return out;
}

/** Rows, inner size and columns of the product. */
function sizes({ shape }: TensorInfo, filter: TensorInfo): [number, number, number] {
  const [k, n] = filter.shape.slice(-2);
  return [util.sizeFromShape(shape.slice(0, -1)), k, n];
}
