/** What is used here of the backend object of tfjs-backend-webgpu 4.22 and of the WebGPU device under it. */
import * as tf from '@tensorflow/tfjs-core';

export interface Buffer {
  readonly size: number;
  readonly mapState: 'unmapped' | 'pending' | 'mapped';
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
}

export interface Limits {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
}

export interface Device {
  readonly limits: Limits;
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  readonly queue: { onSubmittedWorkDone(): Promise<void> };
  addEventListener(type: 'uncapturederror', listen: (event: { readonly error: { message: string } }) => void): void;
}

export interface BufferManager {
  acquireBuffer(size: number, usage: number, ...rest: boolean[]): Buffer;
  releaseBuffer(buffer: Buffer): void;
}

export interface TensorData {
  readonly dtype: tf.DataType;
  readonly values?: tf.backend_util.BackendValues | null;
  readonly resource?: Buffer | object | null;
}

export interface WebGpuBackend extends tf.KernelBackend {
  readonly device: Device;
  readonly bufferManager: BufferManager;
  readonly tensorMap: { get(dataId: tf.DataId): TensorData };
  readonly commandEncoder: {
    copyBufferToBuffer(from: Buffer, start: number, to: Buffer, at: number, size: number): void;
  };
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  convertAndCacheOnCPU(dataId: tf.DataId, values: tf.backend_util.BackendValues): tf.backend_util.BackendValues;
}

/** The WebGPU backend, when it is the one in use. */
export function webGpuBackend(): WebGpuBackend | undefined {
  if (tf.getBackend() !== 'webgpu') return undefined;
  return (tf.engine().findBackend('webgpu') as WebGpuBackend | null) ?? undefined;
}
