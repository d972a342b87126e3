/** No tensor larger than the device can bind: its kernels would read and write zeros, and nothing would fail. */
import { PruneError } from '../core/errors';
import type { Limits, WebGpuBackend } from './device';

/** `GPUBufferUsage.STORAGE`, what every tensor has. */
const STORAGE = 0x80;

/** Makes the backend refuse such tensors at the one place where it allocates. */
export function limitSizes({ bufferManager, device: { limits } }: WebGpuBackend): void {
  const acquire = bufferManager.acquireBuffer.bind(bufferManager);
  bufferManager.acquireBuffer = (size, usage, ...rest) => {
    checkSize(size, usage, limits);
    return acquire(size, usage, ...rest);
  };
}

/** @throws PruneError `bad-device` when a buffer of `size` bytes for `usage` is more than `limits` allow. */
export function checkSize(size: number, usage: number, limits: Limits): void {
  const binds = (usage & STORAGE) !== 0 && limits.maxStorageBufferBindingSize < limits.maxBufferSize;
  const limit = binds ? 'maxStorageBufferBindingSize' : 'maxBufferSize';
  if (size <= limits[limit]) return;
  throw new PruneError('bad-device', {
    place: 'WebGPU',
    expected: `no tensor above ${Math.floor(limits[limit] / MEBIBYTE)} MiB, the ${limit} of this device`,
    got: `one of ${Math.ceil(size / MEBIBYTE)} MiB`,
    cure: 'Lower batchSize; for a single weight or example of that size use node-gpu, node or wasm.',
  });
}

const MEBIBYTE = 2 ** 20;
