/** `dataSync` on WebGPU where there is no canvas to draw the values on, which is how tf.js reads them synchronously. */
import * as tf from '@tensorflow/tfjs-core';
import { PruneError } from '../core/errors';
import type { Buffer, WebGpuBackend } from './device';

/** By the WebGPU specification: COPY_DST | MAP_READ, and `GPUMapMode.READ`. */
const STAGING = 0x08 | 0x01;
const READ = 0x01;

/** Lets the backend read synchronously under Node.js; elsewhere tf.js does. */
export function readWithoutCanvas(backend: WebGpuBackend): void {
  if ('OffscreenCanvas' in globalThis) return;
  const stock = backend.readSync.bind(backend);
  backend.readSync = dataId => {
    const { values, dtype, resource } = backend.tensorMap.get(dataId);
    // Complex numbers come as two reads of their parts.
    if (values != null || dtype === 'string' || dtype === 'complex64') return stock(dataId);
    const bytes = readBuffer(backend, resource as Buffer);
    return backend.convertAndCacheOnCPU(dataId, tf.util.convertBackendValuesAndArrayBuffer(bytes, dtype));
  };
}

function readBuffer(backend: WebGpuBackend, buffer: Buffer): ArrayBuffer {
  const { bufferManager } = backend;
  const staging = bufferManager.acquireBuffer(buffer.size, STAGING);
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.commandEncoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  backend.submitQueue();
  const mapped = mapNow(staging);
  const release = () => {
    if (staging.mapState === 'mapped') staging.unmap();
    bufferManager.releaseBuffer(staging);
  };
  if (staging.mapState !== 'mapped') {
    void mapped.then(release, release);
    throw notReadable();
  }
  const bytes = staging.getMappedRange().slice(0);
  mapped.catch(() => {});
  release();
  return bytes;
}

/**
 * Begins to map `buffer` and has Dawn look for its completion until it is there. Dawn asks for a turn of its own with
 * `setImmediate`; here it gets that turn at once. When it does not ask, because it already waits for one, nothing can be done.
 */
function mapNow(buffer: Buffer): Promise<void> {
  const { setImmediate } = globalThis;
  let turn: (() => void) | undefined;
  globalThis.setImmediate = ((callback: () => void) => {
    turn = callback;
  }) as unknown as typeof setImmediate;
  try {
    const mapped = buffer.mapAsync(READ);
    while (turn !== undefined && buffer.mapState === 'pending') {
      const look: () => void = turn;
      turn = undefined;
      look();
    }
    return mapped;
  } finally {
    globalThis.setImmediate = setImmediate;
    if (turn !== undefined) setImmediate(turn);
  }
}

function notReadable(): PruneError {
  return new PruneError('bad-device', {
    place: 'dataSync on WebGPU',
    expected: 'nothing else to wait for the device',
    got: 'a read or a submission that is still under way, or a lost device',
    cure: 'Use await tensor.data() instead.',
  });
}
