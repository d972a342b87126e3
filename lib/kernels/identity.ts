/**
 * Identity, and Cast to the same type: the stock kernels copy, tf.js clones every activation that a gradient wants to see again, and the
 * gradient of ReLU casts. Here the result is the same memory, counted, as on other backends; kernels never write into their inputs.
 */
import type { CastAttrs, CastInputs, IdentityInputs, KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import type { KernelCall } from './wasm';
import { asKernelFunc, reshaped } from './wasm';

type SharedCall = KernelCall<IdentityInputs | CastInputs, Partial<CastAttrs>>;

/** The replacement of Identity or Cast, which leaves strings and other types to the stock kernel. */
export function shared(config: KernelConfig): KernelConfig {
  const stock = config.kernelFunc as unknown as (call: SharedCall) => TensorInfo;
  return { ...config, kernelFunc: asKernelFunc((call: SharedCall) => sameMemory(call, stock)) };
}

function sameMemory(call: SharedCall, stock: (call: SharedCall) => TensorInfo): TensorInfo {
  const { x } = call.inputs as Record<'x', TensorInfo>;
  const { dtype = x.dtype } = call.attrs ?? {};
  if (x.dtype === 'string' || x.dtype !== dtype) return stock(call);
  call.backend.incRef(x.dataId);
  return reshaped(x, x.shape);
}
