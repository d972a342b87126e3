/**
 * What a graphics device reports on the side, as failures of the work that it spoils. WebGPU throws nothing there: kernels
 * go on, and results are zeros.
 */
import { PruneError } from '../core/errors';
import { webGpuBackend, type Device } from './device';
import { limitSizes } from './deviceSizes';
import { readWithoutCanvas } from './readSync';

/** Of one device. */
interface Reports {
  count: number;
  /** How many of them have failed some work. */
  told: number;
  /** The first that no work was told of. */
  message: string;
  lost?: string;
}

const reportsOf = new WeakMap<Device, Reports>();

/** Listens to the device of the WebGPU backend in use, makes it refuse what it cannot hold, and lets Node.js read from it. */
export function watchDevice(): Reports | undefined {
  const backend = webGpuBackend();
  if (backend === undefined) return undefined;
  const known = reportsOf.get(backend.device);
  if (known) return known;
  const reports: Reports = { count: 0, told: 0, message: '' };
  reportsOf.set(backend.device, reports);
  backend.device.addEventListener('uncapturederror', ({ error }) => {
    if (reports.count++ === reports.told) reports.message = error.message;
  });
  void backend.device.lost.then(({ reason, message }) => (reports.lost = message || reason));
  limitSizes(backend);
  readWithoutCanvas(backend);
  return reports;
}

export function isDeviceLost(): boolean {
  return watchDevice()?.lost !== undefined;
}

/**
 * A function that fails the work begun now once the device has reported an error since then, or one before that no work
 * was told of. Costs nothing on other backends.
 */
export function deviceCheck(): () => void {
  const reports = watchDevice();
  if (reports === undefined) return () => {};
  const begun = reports.told;
  return () => {
    if (reports.lost === undefined && reports.count === begun) return;
    reports.told = reports.count;
    throw reports.lost === undefined ? reported(reports.message) : lost(reports.lost);
  };
}

/**
 * What `work` returns, if the device finished it without an error. An error of `work` itself gives way to that of the device,
 * of which it is a consequence at best.
 * @throws PruneError `bad-device`.
 */
export async function onSoundDevice<T>(work: () => Promise<T>): Promise<T> {
  const device = webGpuBackend()?.device;
  if (device === undefined) return work();
  const check = deviceCheck();
  try {
    const result = await work();
    // The device has then reported everything up to here.
    await device.queue.onSubmittedWorkDone().catch(() => {});
    check();
    return result;
  } catch (error) {
    if (!isFailure(error)) check();
    throw error;
  }
}

function isFailure(error: unknown): boolean {
  return error instanceof PruneError && error.code === 'bad-device';
}

function reported(message: string): PruneError {
  const kernel = /WGSL|Shader|Pipeline/.test(message);
  const cure = kernel
    ? 'tf.js has no sound WebGPU kernel for an operation of this model: use another backend.'
    : 'Lower batchSize if it is about memory, update the graphics driver, or use another backend.';
  return new PruneError('bad-device', {
    place: 'WebGPU',
    expected: 'a device without errors',
    got: `"${oneLine(message)}"`,
    cure: `Results since then are void. ${cure}`,
  });
}

function lost(message: string): PruneError {
  return new PruneError('bad-device', {
    place: 'WebGPU',
    expected: 'a device that stays',
    got: `a lost one, "${oneLine(message)}"`,
    cure: 'Its tensors are gone: call useBackend("webgpu") again and load models anew.',
  });
}

function oneLine(message: string): string {
  return message.trim().split('\n')[0].replace(/\.$/, '');
}
