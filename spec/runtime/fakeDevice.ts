/** A WebGPU backend without a GPU: as much of it as the library looks at, and levers for what a device does by itself. */
import * as tf from '@tensorflow/tfjs-core';
import type { Buffer, Device, Limits, TensorData } from '../../lib/runtime/device';

export interface FakeDevice {
  readonly device: Device;
  readonly backend: tf.KernelBackend;
  /** Sizes of the buffers that were allocated, and not released. */
  readonly held: number[];
  readonly tensors: Map<object, TensorData>;
  report(message: string): void;
  lose(message: string): void;
}

/** What a staging buffer does when it is asked for its content. */
export type Mapping = (buffer: { mapState: Buffer['mapState'] }) => Promise<void>;

export function fakeDevice(limits: Limits, map: Mapping = () => Promise.resolve()): FakeDevice {
  const listeners: ((event: { error: { message: string } }) => void)[] = [];
  let lose = (_: { reason: string; message: string }): void => {};
  const device: Device = {
    limits,
    lost: new Promise(resolve => (lose = resolve)),
    queue: { onSubmittedWorkDone: () => Promise.resolve() },
    addEventListener: (_, listen) => void listeners.push(listen),
  };
  const held: number[] = [];
  const acquireBuffer = (size: number): Buffer => {
    held.push(size);
    const buffer = {
      size,
      mapState: 'unmapped' as Buffer['mapState'],
      mapAsync: () => map(buffer),
      getMappedRange: () => Float32Array.from({ length: size / 4 }, (_, i) => i + 0.5).buffer,
      unmap: () => void (buffer.mapState = 'unmapped'),
    };
    return buffer;
  };
  const tensors = new Map<object, TensorData>();
  const backend = {
    device,
    bufferManager: { acquireBuffer, releaseBuffer: ({ size }: Buffer) => void held.splice(held.indexOf(size), 1) },
    tensorMap: tensors,
    commandEncoder: { copyBufferToBuffer: () => {} },
    ensureCommandEncoderReady: () => {},
    endComputePassEncoder: () => {},
    submitQueue: () => {},
    convertAndCacheOnCPU: (_: object, values: object) => values,
    readSync: () => 'read by tf.js',
    dispose: () => {},
    setDataMover: () => {},
    floatPrecision: () => 32,
  };
  return {
    device,
    backend: backend as unknown as tf.KernelBackend,
    held,
    tensors,
    report: message => listeners.forEach(listen => listen({ error: { message } })),
    lose: message => lose({ reason: 'unknown', message }),
  };
}

/** Makes tf.js run on `backend` under the name webgpu; `tf.removeBackend('webgpu')` ends it. */
export async function useFake({ backend }: FakeDevice): Promise<void> {
  tf.registerBackend('webgpu', () => backend);
  await tf.setBackend('webgpu');
}
