/**
 * kernels: the gradients that the WASM backend of tf.js lacks or does slowly, composed of the kernels it does fast.
 * Knows tfjs-core and the memory layout of the WASM backend. Knows nothing of models, layers, pruning or graphs.
 * This file: calling sibling kernels and moving floats inside the backend's heap.
 *
 * Kernels are called directly (no tape, no engine bookkeeping), so whoever makes a tensor here frees it here.
 */
import type { backend_util, DataType, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { backend, getBackend, getKernel, util } from '@tensorflow/tfjs-core';
import type { TypedArray } from '../core/array';
import { PruneError } from '../core/errors';

/** What these kernels use of the backend class of `@tensorflow/tfjs-backend-wasm`. */
export interface WasmBackend {
  makeOutput(shape: number[], dtype: DataType, memoryOffset?: number): TensorInfo;
  typedArrayFromHeap(tensor: TensorInfo): backend_util.TypedArray;
  disposeData(dataId: object, force?: boolean): boolean;
  /** One more `disposeData` is needed. */
  incRef(dataId: object): void;
  readonly dataIdMap: { get(dataId: object): { memoryOffset: number }; has(dataId: object): boolean };
}

/** The argument of a kernel function. */
export interface KernelCall<Inputs, Attributes> {
  readonly inputs: Inputs;
  readonly backend: WasmBackend;
  readonly attrs: Attributes;
}

/** A kernel function with its own types as the registry wants it. */
export function asKernelFunc<I, A>(kernel: (call: KernelCall<I, A>) => TensorInfo): KernelFunc {
  return kernel as unknown as KernelFunc;
}

/** Runs another kernel of the WASM backend; the caller owns the result. */
export function run(
  backend: WasmBackend,
  name: string,
  inputs: Readonly<Record<string, TensorInfo>>,
  attrs: Readonly<Record<string, unknown>> = {},
): TensorInfo {
  const kernel = getKernel(name, 'wasm');
  if (kernel === undefined) {
    throw new PruneError('no-backend', {
      place: `kernels: ${name}`,
      expected: 'the kernel to be registered for wasm',
      got: 'none',
      cure: 'Import @tensorflow/tfjs-backend-wasm first.',
    });
  }
  return kernel.kernelFunc({ inputs: { ...inputs }, backend, attrs: attrs as never }) as TensorInfo;
}

/** Gives the memory of intermediates back. */
export function free(backend: WasmBackend, ...tensors: readonly TensorInfo[]): void {
  for (const tensor of tensors) backend.disposeData(tensor.dataId);
}

/** The same memory under another shape: an alias, to be freed once. */
export function reshaped(tensor: TensorInfo, shape: readonly number[]): TensorInfo {
  return { dataId: tensor.dataId, dtype: tensor.dtype, shape: [...shape] };
}

/** Uninitialised floats. */
export function allocate(backend: WasmBackend, shape: readonly number[]): TensorInfo {
  return backend.makeOutput([...shape], 'float32');
}

export function zeros(backend: WasmBackend, shape: readonly number[]): TensorInfo {
  const out = allocate(backend, shape);
  floats(backend, out).fill(0);
  return out;
}

/** The floats of one tensor, in place. Valid until the next allocation, which may move the heap. */
export function floats(backend: WasmBackend, tensor: TensorInfo): Float32Array {
  return backend.typedArrayFromHeap({ ...tensor, dtype: 'float32' }) as Float32Array;
}

/** The values of `tensor` in place, if the backend in use is WASM and holds them. Valid until the next allocation. */
export function inHeap(tensor: TensorInfo): TypedArray | undefined {
  if (getBackend() !== 'wasm') return undefined;
  const wasm = backend() as unknown as WasmBackend;
  return wasm.dataIdMap.has(tensor.dataId) ? wasm.typedArrayFromHeap(tensor) : undefined;
}

/**
 * The whole heap as floats and where each tensor starts in it, for `copyWithin`, which moves memory without making a view per run.
 * Valid until the next allocation.
 */
export function heapOf(backend: WasmBackend, ...tensors: readonly TensorInfo[]): [Float32Array, ...number[]] {
  const { buffer } = floats(backend, tensors[0]);
  return [new Float32Array(buffer), ...tensors.map(({ dataId }) => backend.dataIdMap.get(dataId).memoryOffset / 4)];
}

/** Moves a run of floats inside the heap; below some length a loop beats the call. */
export function move(heap: Float32Array, to: number, from: number, length: number): void {
  if (length >= 24) heap.copyWithin(to, from, from + length);
  else for (let i = 0; i < length; i++) heap[to + i] = heap[from + i];
}

/**
 * Lends `body` a tensor of the given shape that is a window on the memory of another, `offset` floats into it. The backend knows it by its
 * address only, so it must not outlive the call, nor be freed.
 */
export function withWindow<T>(
  backend: WasmBackend,
  tensor: TensorInfo,
  offset: number,
  shape: readonly number[],
  body: (window: TensorInfo) => T,
): T {
  const { memoryOffset } = backend.dataIdMap.get(tensor.dataId);
  const window = backend.makeOutput([...shape], 'float32', memoryOffset + 4 * offset);
  try {
    return body(window);
  } finally {
    backend.dataIdMap.get(window.dataId).memoryOffset = 0; // free(0) does nothing: the memory is not the window's own
    backend.disposeData(window.dataId);
  }
}

/**
 * Transpose with neighbouring axes that stay neighbours merged first: the backend is fast up to rank 4 and some
 * fifty times slower above.
 */
export function permuted(
  backend: WasmBackend,
  tensor: TensorInfo,
  shape: readonly number[],
  perm: readonly number[],
): TensorInfo {
  const runs: number[][] = [];
  for (const axis of perm) {
    const last = runs[runs.length - 1];
    if (last !== undefined && last[last.length - 1] === axis - 1) last.push(axis);
    else runs.push([axis]);
  }
  const inOrder = [...runs].sort((a, b) => a[0] - b[0]);
  const merged = inOrder.map(run => util.sizeFromShape(run.map(axis => shape[axis])));
  const attrs = { perm: runs.map(run => inOrder.indexOf(run)) };
  const out = run(backend, 'Transpose', { x: reshaped(tensor, merged) }, attrs);
  return reshaped(
    out,
    perm.map(axis => shape[axis]),
  );
}

/** `a [m, k] x b [k, n]`: the one matrix product the backend has a fast path for. */
export function product(
  backend: WasmBackend,
  a: TensorInfo,
  b: TensorInfo,
  m: number,
  k: number,
  n: number,
): TensorInfo {
  const inputs = { a: reshaped(a, [1, m, k]), b: reshaped(b, [1, k, n]) };
  return run(backend, 'BatchMatMul', inputs, { transposeA: false, transposeB: false });
}
