/**
 * Tile: the stock kernel computes the source of every element from its coordinates. The gradients of batch and layer normalisation tile
 * statistics to whole activations, which made it 40 % of a training step; here it is block copies.
 */
import type { KernelConfig, TensorInfo, TileAttrs, TileInputs, TypedArray } from '@tensorflow/tfjs-core';
import { util } from '@tensorflow/tfjs-core';
import type { KernelCall } from './wasm';
import { asKernelFunc } from './wasm';

type TileCall = KernelCall<TileInputs, TileAttrs>;

/** The replacement, which leaves strings to the stock kernel. */
export function fastTile(config: KernelConfig): KernelConfig {
  const stock = config.kernelFunc as unknown as (call: TileCall) => TensorInfo;
  return { ...config, kernelFunc: asKernelFunc((call: TileCall) => tile(call, stock)) };
}

function tile(call: TileCall, stock: (call: TileCall) => TensorInfo): TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x } = inputs as Record<'x', TensorInfo>;
  if (x.dtype === 'string') return stock(call);
  const shape = x.shape.map((size, axis) => size * attrs.reps[axis]);
  const out = backend.makeOutput(shape, x.dtype);
  if (util.sizeFromShape(shape) === 0) return out;
  const [from, to] = [backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(out)];
  fill({ from, to, inner: innerSizes(x.shape), outer: innerSizes(shape), shape: x.shape, reps: attrs.reps }, 0, 0, 0);
  return out;
}

interface Tiling {
  readonly from: TypedArray;
  readonly to: TypedArray;
  readonly shape: readonly number[];
  readonly reps: readonly number[];
  /** The size of everything from an axis inward, in the input and in the output. */
  readonly inner: readonly number[];
  readonly outer: readonly number[];
}

/** Writes one block from `axis` inward: its parts once, then copies of them all. */
function fill(tiling: Tiling, axis: number, read: number, write: number): void {
  const { from, to, inner, outer, shape, reps } = tiling;
  if (inner[axis] === outer[axis]) {
    if (inner[axis] >= 24) to.set(from.subarray(read, read + inner[axis]), write);
    else for (let i = 0; i < inner[axis]; i++) to[write + i] = from[read + i];
    return;
  }
  for (let i = 0; i < shape[axis]; i++) fill(tiling, axis + 1, read + i * inner[axis + 1], write + i * outer[axis + 1]);
  const block = shape[axis] * outer[axis + 1];
  if (block === 1) to.fill(to[write], write, write + reps[axis]);
  else for (let copy = 1; copy < reps[axis]; copy++) to.copyWithin(write + copy * block, write, write + block);
}

function innerSizes(shape: readonly number[]): number[] {
  return [...shape.map((_, axis) => util.sizeFromShape(shape.slice(axis))), 1];
}
