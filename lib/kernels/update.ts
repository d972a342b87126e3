/**
 * One step of an optimizer for one weight, in one pass over the heap; as tensor operations each takes a dozen kernels and as many
 * tensors. The state is changed in place. The weight becomes a new tensor, because the backend keeps what it packed from an old one.
 */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { allocate, floats, type WasmBackend } from './wasm';

/** Weight and gradient, of one shape. */
export interface Updated {
  readonly weight: TensorInfo;
  readonly gradient: TensorInfo;
}

/** v = momentum v + g; w - rate v. */
export function momentumUpdate(
  backend: WasmBackend,
  { weight, gradient }: Updated,
  velocity: TensorInfo,
  { rate, momentum }: { readonly rate: number; readonly momentum: number },
): TensorInfo {
  const out = allocate(backend, weight.shape);
  const [to, w, g, v] = [out, weight, gradient, velocity].map(tensor => floats(backend, tensor));
  for (let i = 0; i < to.length; i++) {
    v[i] = momentum * v[i] + g[i];
    to[i] = w[i] - rate * v[i];
  }
  return out;
}

export interface AdamStep {
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** `beta1` and `beta2` to the power of the number of this step, from 1. */
  readonly power1: number;
  readonly power2: number;
}

/** Kingma and Ba 2015, 1412.6980, algorithm 1. */
export function adamUpdate(
  backend: WasmBackend,
  { weight, gradient }: Updated,
  [first, second]: readonly [TensorInfo, TensorInfo],
  { rate, beta1, beta2, epsilon, power1, power2 }: AdamStep,
): TensorInfo {
  const out = allocate(backend, weight.shape);
  const [to, w, g, m, v] = [out, weight, gradient, first, second].map(tensor => floats(backend, tensor));
  for (let i = 0; i < to.length; i++) {
    m[i] = beta1 * m[i] + (1 - beta1) * g[i];
    v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
    to[i] = w[i] - (rate * m[i]) / (1 - power1) / (Math.sqrt(v[i] / (1 - power2)) + epsilon);
  }
  return out;
}
