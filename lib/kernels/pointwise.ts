/**
 * Conv2D of 1 x 1 filters as the matrix product that it is. The stock convolution transposes the filter float by float before it packs
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
import { asKernelFunc, product, reshaped, run, type KernelCall } from './wasm';

type Convolution<I, A> = (call: KernelCall<I, A>) => TensorInfo;

/** Conv2D, which calls the stock kernel for all other filters. */
export function pointwiseConv2d(config: KernelConfig): KernelConfig {
  const stock = config.kernelFunc as unknown as Convolution<Conv2DInputs, Conv2DAttrs>;
  const kernel = (call: KernelCall<Conv2DInputs, Conv2DAttrs>): TensorInfo => {
    const { x, filter } = call.inputs as Record<'x' | 'filter', TensorInfo>;
    if (!isPointwise(filter, call.attrs)) return stock(call);
    const [m, k, n] = sizes(x, filter);
    return reshaped(product(call.backend, x, filter, m, k, n), [...x.shape.slice(0, -1), n]);
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
    const [m, k, n] = sizes(x, filter);
    const inputs = { a: reshaped(x, [1, m, k]), b: reshaped(filter, [1, k, n]), ...(bias && { bias }) };
    const attrs = { transposeA: false, transposeB: false, activation, leakyreluAlpha };
    return reshaped(run(call.backend, '_FusedMatMul', inputs, attrs), [...x.shape.slice(0, -1), n]);
  };
  return { ...config, kernelFunc: asKernelFunc(kernel) };
}

function isPointwise({ shape }: TensorInfo, { strides, pad, dataFormat }: Conv2DAttrs): boolean {
  const isUnit = (sizes: number | readonly number[]): boolean => [sizes].flat().every(size => size === 1);
  const padsNothing = pad === 'valid' || pad === 'same' || pad === 0;
  return isUnit(shape.slice(0, 2)) && isUnit(strides) && padsNothing && dataFormat === 'NHWC';
}

/** Rows, inner size and columns of the product. */
function sizes({ shape }: TensorInfo, filter: TensorInfo): [number, number, number] {
  const [k, n] = filter.shape.slice(-2);
  return [util.sizeFromShape(shape.slice(0, -1)), k, n];
}
