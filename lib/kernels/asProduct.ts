/**
 * Conv2D as the matrix product of what its filter sees, where that is no larger than the filter. The stock convolution transposes the
 * filter float by float before it packs it, and keeps both copies as long as the filter lives: the product takes half the memory
 * beside the filter, gives the same bits, runs as fast, and starts faster.
 */
import type {
  Conv2DAttrs,
  Conv2DInputs,
  FusedConv2DAttrs,
  FusedConv2DInputs,
  KernelConfig,
  TensorInfo,
} from '@tensorflow/tfjs-core';
import { backend_util, util } from '@tensorflow/tfjs-core';
import { patches } from './patches';
import { asKernelFunc, free, product, reshaped, run, type KernelCall } from './wasm';

type Convolution<I, A> = (call: KernelCall<I, A>) => TensorInfo;

/** Values of a filter from which on making the patches takes no time beside the product. */
const LARGE = 2 ** 18;

/** Conv2D, which calls the stock kernel for all other filters. */
export function conv2dAsProduct(config: KernelConfig): KernelConfig {
  const stock = config.kernelFunc as unknown as Convolution<Conv2DInputs, Conv2DAttrs>;
  const kernel = (call: KernelCall<Conv2DInputs, Conv2DAttrs>): TensorInfo => {
    const { x, filter } = call.inputs as Record<'x' | 'filter', TensorInfo>;
    const info = infoOf(x, filter, call.attrs);
    if (!isWorth(info)) return stock(call);
    const [m, k, n] = sizes(info);
    return withSeen(call, x, info, seen => reshaped(product(call.backend, seen, filter, m, k, n), info.outShape));
  };
  return { ...config, kernelFunc: asKernelFunc(kernel) };
}

/** The same with a bias and an activation. */
export function fusedConv2dAsProduct(config: KernelConfig): KernelConfig {
  const stock = config.kernelFunc as unknown as Convolution<FusedConv2DInputs, FusedConv2DAttrs>;
  const kernel = (call: KernelCall<FusedConv2DInputs, FusedConv2DAttrs>): TensorInfo => {
    const { x, filter, bias } = call.inputs as Record<'x' | 'filter', TensorInfo> & { readonly bias?: TensorInfo };
    const { activation, leakyreluAlpha } = call.attrs;
    const info = infoOf(x, filter, call.attrs);
    if (!isWorth(info) || activation === 'prelu') return stock(call);
    const [m, k, n] = sizes(info);
    return withSeen(call, x, info, seen => {
      const inputs = { a: reshaped(seen, [1, m, k]), b: reshaped(filter, [1, k, n]), ...(bias && { bias }) };
      const attrs = { transposeA: false, transposeB: false, activation, leakyreluAlpha };
      return reshaped(run(call.backend, '_FusedMatMul', inputs, attrs), info.outShape);
    });
  };
  return { ...config, kernelFunc: asKernelFunc(kernel) };
}

type Info = backend_util.Conv2DInfo;
type Shape = [number, number, number, number];

/** Undefined for what only the stock kernel can say something about. */
function infoOf(
  { shape }: TensorInfo,
  filter: TensorInfo,
  { strides, pad, dataFormat, dilations, dimRoundingMode }: Conv2DAttrs,
): Info | undefined {
  if (dataFormat !== 'NHWC') return undefined;
  return backend_util.computeConv2DInfo(
    shape as Shape,
    filter.shape as Shape,
    strides,
    dilations,
    pad,
    dimRoundingMode,
  );
}

/** 1 x 1 filters see every pixel once at most. */
function isWorth(info: Info | undefined): info is Info {
  if (info === undefined) return false;
  const { filterHeight, filterWidth, outChannels } = info;
  if (filterHeight === 1 && filterWidth === 1) return true;
  const [m, k, n] = sizes(info);
  return k * n >= LARGE && m <= outChannels;
}

/** Lends `body` a row for each place of the filter, which is `x` itself for a 1 x 1 filter that goes from pixel to pixel. */
function withSeen<I, A>(
  { backend }: KernelCall<I, A>,
  x: TensorInfo,
  info: Info,
  body: (seen: TensorInfo) => TensorInfo,
): TensorInfo {
  const { filterHeight, filterWidth, strideHeight, strideWidth, inShape, outShape } = info;
  const isUnit = filterHeight * filterWidth * strideHeight * strideWidth === 1;
  if (isUnit && outShape[1] === inShape[1] && outShape[2] === inShape[2]) return body(x);
  const seen = patches(backend, x, info);
  try {
    return body(seen);
  } finally {
    free(backend, seen);
  }
}

/** Rows, inner size and columns of the product. */
function sizes({ outShape, filterShape }: Info): [number, number, number] {
  return [util.sizeFromShape(outShape.slice(0, 3)), util.sizeFromShape(filterShape.slice(0, 3)), filterShape[3]];
}
