/**
 * runtime: the edge. Turns tf.js models and tensors into plain data and back, and runs what needs a backend: forward
 * passes, training, statistics. Knows core, edit/slim, layers and tf.js; must not know rules, groups, criteria or methods.
 * This file: one tensor to one array and back.
 */
import * as tf from '@tensorflow/tfjs-core';
import { rows, sizeOf, type DataType, type NdArray, type TypedArray } from '../core/array';
import { PruneError } from '../core/errors';
import { apart, type Room } from '../core/room';
import { inHeap } from '../kernels/wasm';

/** Data of the caller: a tensor (left alive) or a plain array. */
export type TensorLike = tf.Tensor | NdArray;

/** A new tensor with the content of `array`; the caller disposes it. */
export function toTensor({ data, shape, dtype }: NdArray): tf.Tensor {
  return tf.tensor(data, [...shape], dtype);
}

/** The examples at `indices` of each of `arrays`, as new tensors. */
export function batchOf(arrays: readonly NdArray[], indices: ArrayLike<number>): tf.Tensor[] {
  return arrays.map(array => toTensor(rows(array, indices)));
}

/** The content of `tensor`, read without blocking; the tensor is left alive. */
export async function fromTensor(tensor: tf.Tensor): Promise<NdArray> {
  const dtype = tensor.dtype as DataType;
  const data = ownArray(dtype, await tensor.data());
  return { shape: [...tensor.shape], dtype, data };
}

/** The same in `room`, where the backend lets its memory be seen: any other would leave a copy behind. */
export async function readInto(room: Room, tensor: tf.Tensor): Promise<NdArray> {
  const seen = room === apart ? undefined : inHeap(tensor);
  if (seen === undefined) return fromTensor(tensor);
  const data = room.make(seen, seen.length);
  data.set(seen);
  return { shape: [...tensor.shape], dtype: tensor.dtype as DataType, data };
}

/**
 * Plain data of a {@link TensorLike}.
 * @throws PruneError `bad-data` when it is neither, is disposed, or holds another number of values than its shape says.
 */
export async function readTensorLike(place: string, value: TensorLike): Promise<NdArray> {
  if (isTensor(value)) {
    if (value.isDisposed) throw notATensor(place, 'a disposed tensor');
    if (!(value.dtype in arrayTypes)) throw notATensor(place, `a tensor of ${value.dtype}`);
    return fromTensor(value);
  }
  if (!isNdArray(value)) throw notATensor(place, describe(value));
  if (value.data.length !== sizeOf(value.shape)) {
    throw notATensor(place, `${value.data.length} values for the shape [${value.shape.join(', ')}]`);
  }
  return { ...value, data: ownArray(value.dtype, value.data) };
}

const arrayTypes = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** Typed arrays of a native addon may belong to another realm; those are copied into ours, so that `instanceof` holds. */
function ownArray(dtype: DataType, data: ArrayLike<number>): TypedArray {
  const type = arrayTypes[dtype];
  return data instanceof type ? data : new type(data);
}

function isTensor(value: TensorLike): value is tf.Tensor {
  return value instanceof tf.Tensor || (value != null && 'dataId' in Object(value));
}

function isNdArray(value: unknown): value is NdArray {
  const { shape, data, dtype } = Object(value) as Partial<NdArray>;
  return Array.isArray(shape) && ArrayBuffer.isView(data) && dtype !== undefined && dtype in arrayTypes;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list inside a list';
  return value === null ? 'null' : typeof value;
}

function notATensor(place: string, got: string): PruneError {
  return new PruneError('bad-data', {
    place,
    expected: 'a tf.Tensor, or an array { shape, dtype, data }, of float32, int32 or bool',
    got,
    cure: 'Convert it with tf.tensor.',
  });
}
