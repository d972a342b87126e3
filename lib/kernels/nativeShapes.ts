/** Reshape and Transpose on TensorFlow for Node.js, whose stock kernels make a tensor of the shape or the order each time. */
import type {
  KernelConfig,
  ReshapeAttrs,
  ReshapeInputs,
  TensorInfo,
  TransposeAttrs,
  TransposeInputs,
} from '@tensorflow/tfjs-core';
import { util } from '@tensorflow/tfjs-core';
import { integers } from './nativeConstants';
import type { NativeBackend, NativeCall } from './tensorFlow';
import { before, compose, isFloat } from './tensorFlow';

/** To the shape that x has, as batch normalization asks for each time, it is the same memory. */
export function nativeReshape(stock: KernelConfig): KernelConfig {
  return before(stock, ({ inputs, backend, attrs }: NativeCall<ReshapeInputs, ReshapeAttrs>) => {
    const { x } = inputs as Record<'x', TensorInfo>;
    const shape = util.inferFromImplicitShape(attrs.shape, util.sizeFromShape(x.shape));
    if (util.arraysEqual(x.shape, shape)) return shared(backend, x);
    return ordered(backend, 'Reshape', x, shape);
  });
}

/** In the order that x has, as every Dense layer asks for its kernel, it is the same memory. */
export function nativeTranspose(stock: KernelConfig): KernelConfig {
  return before(stock, ({ inputs, backend, attrs }: NativeCall<TransposeInputs, TransposeAttrs>) => {
    const { x } = inputs as Record<'x', TensorInfo>;
    if (attrs.perm.every((from, to) => from === to)) return shared(backend, x);
    return ordered(backend, 'Transpose', x, attrs.perm);
  });
}

function ordered(backend: NativeBackend, name: string, x: TensorInfo, by: readonly number[]): TensorInfo | undefined {
  if (!isFloat(x)) return undefined;
  return compose(backend, [x], (run, [id]) => run(name, [id, integers(backend, by)]));
}

/** The same memory, counted. */
function shared(backend: NativeBackend, { dataId, shape, dtype }: TensorInfo): TensorInfo {
  backend.incRef(dataId);
  return { dataId, shape, dtype };
}
