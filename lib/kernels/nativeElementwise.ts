/** Elementwise kernels on TensorFlow for Node.js that are one operation there and several calls in the stock kernels, or none. */
import type {
  ClipByValueAttrs,
  ClipByValueInputs,
  FusedBatchNormAttrs,
  FusedBatchNormInputs,
  KernelConfig,
  TensorInfo,
} from '@tensorflow/tfjs-core';
import type { NativeCall } from './tensorFlow';
import { attributes, before, isFloat, pipe, plainly, remembered } from './tensorFlow';

/** ClipByValue from 0 to 6, for which the stock kernel makes two tensors of the bounds and two passes. */
export function nativeClip(stock: KernelConfig): KernelConfig {
  return before(stock, ({ inputs, backend, attrs }: NativeCall<ClipByValueInputs, ClipByValueAttrs>) => {
    const { x } = inputs as Record<'x', TensorInfo>;
    const { clipValueMin, clipValueMax } = attrs;
    if (!isFloat(x) || clipValueMin !== 0 || clipValueMax !== 6) return undefined;
    return pipe(backend, x, [plainly(backend, 'Relu6')]);
  });
}

/** FusedBatchNorm by given statistics of each channel, without tensors of the four results that nobody reads. */
export function nativeBatchNorm(stock: KernelConfig): KernelConfig {
  return before(stock, ({ inputs, backend, attrs }: NativeCall<FusedBatchNormInputs, FusedBatchNormAttrs>) => {
    const { x, mean, variance, scale, offset } = inputs as Record<string, TensorInfo | undefined>;
    const others = [scale, offset, mean, variance].filter(tensor => tensor !== undefined && tensor !== null);
    const isRow = others.length === 4 && others.every(({ shape }) => shape.length === 1);
    if (!isRow || x!.shape.length !== 4 || !isFloat(x!, ...others)) return undefined;
    const step = { name: 'FusedBatchNorm', attributes: normal(backend, attrs.varianceEpsilon), others };
    return pipe(backend, x!, [{ ...step, outputs: 5 }]);
  });
}

const normal = remembered<number>((backend, epsilon) => attributes(backend, { is_training: false }, { epsilon }));
