/**
 * BatchMatMul: the stock kernel is fast (30 GFLOP/s) for one product of two plain matrices only. A batch, or a transposed side as in the
 * gradients of every Dense layer, falls into a scalar loop fifteen times slower. Here both become plain products.
 */
import type { BatchMatMulAttrs, BatchMatMulInputs, KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import { broadcast_util, util } from '@tensorflow/tfjs-core';
import type { KernelCall, WasmBackend } from './wasm';
import { allocate, asKernelFunc, floats, free, permuted, reshaped, run, zeros } from './wasm';

type MatMulCall = KernelCall<BatchMatMulInputs, BatchMatMulAttrs>;

/** Products below this many multiplications are not worth packing; the scalar loop takes them. */
const smallProduct = 4096;

/** The replacement, which calls the stock kernel for what that does well. */
export function fastMatMul(stock: KernelConfig): KernelConfig {
  const plain = plainProduct(stock);
  return { ...stock, kernelFunc: asKernelFunc((call: MatMulCall) => matMul(call, plain, stock)) };
}
