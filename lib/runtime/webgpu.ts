/** WebGPU: of the browser, or under Node.js of the package webgpu. */
import * as tf from '@tensorflow/tfjs-core';
import { isNode } from '../core/platform';
import { describeAdapter, isSoftware, type Adapter } from './adapter';
import { isDeviceLost, watchDevice } from './deviceErrors';
import { importModule } from './importModule';
import { start, tryImport, type LoadOptions, type Loaded } from './optional';

const PACKAGE = '@tensorflow/tfjs-backend-webgpu';

/** Puts tf.js on WebGPU where there is an adapter that is a GPU, or with `software` any. */
export async function loadWebGpu({ software = false }: LoadOptions): Promise<Loaded> {
  const found = await findGpu();
  if ('problem' in found) return found;
  // What tf.js asks for, so that it gets the same one.
  const adapter = await found.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) return noAdapter();
  const description = describeAdapter(adapter);
  if (isSoftware(adapter) && !software) return onlySoftware(description);
  expose(found);
  const problem = await loadBackend();
  if (problem) return problem;
  if (!(await start('webgpu'))) {
    return { problem: 'the device did not start', cure: 'Update the graphics driver, or use wasm.', installed: true };
  }
  watchDevice();
  return { description };
}

interface Gpu {
  requestAdapter(options: { readonly powerPreference: 'high-performance' }): Promise<Adapter | null>;
}

interface Found {
  readonly gpu: Gpu;
  /** The classes and constants of WebGPU, where they are not global yet. */
  readonly globals: object;
}

const scope = globalThis as { navigator?: { gpu?: Gpu } };

/** A page has `navigator.gpu`; Node.js gets it from the package webgpu. */
async function findGpu(): Promise<Found | Exclude<Loaded, { description: string }>> {
  const gpu = scope.navigator?.gpu;
  if (gpu !== undefined) return { gpu, globals: {} };
  if (!isNode()) {
    const cure = 'Use a browser with WebGPU, or wasm.';
    return { problem: 'this browser has no WebGPU', cure, installed: false };
  }
  const problem = await tryImport('webgpu');
  if (problem) return { ...problem, cure: 'Run npm install webgpu.' };
  const { create, globals } = (await importModule('webgpu')) as { create(flags: string[]): Gpu; globals: object };
  return { gpu: create([]), globals };
}

/** tf.js looks for `navigator.gpu` while its backend is being loaded, and later; Node.js has a navigator since 21. */
function expose({ gpu, globals }: Found): void {
  if (scope.navigator?.gpu !== undefined) return;
  Object.assign(globalThis, globals);
  if (scope.navigator === undefined) {
    Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true, writable: true });
  }
  Object.defineProperty(scope.navigator, 'gpu', { value: gpu, configurable: true });
}

async function loadBackend(): Promise<Loaded | undefined> {
  const factory = tf.findBackendFactory('webgpu');
  if (factory === null) {
    const problem = await tryImport(PACKAGE);
    return problem && { ...problem, cure: `Run npm install ${PACKAGE}; in a bundle, import it before.` };
  }
  if (isDeviceLost()) {
    tf.removeBackend('webgpu');
    tf.registerBackend('webgpu', factory, 3); // the priority that it had
  }
  return undefined;
}

function noAdapter(): Loaded {
  const cure = isNode() ? 'Install a Vulkan driver for the GPU.' : 'Enable hardware acceleration, or use wasm.';
  return { problem: 'no graphics adapter', cure, installed: true };
}

function onlySoftware(description: string): Loaded {
  const driver = isNode() ? 'Install a Vulkan driver for the GPU' : 'Enable hardware acceleration';
  const cure = `${driver}, or use wasm, which is faster; for tests, allow it with { software: true }.`;
  return { problem: `only an adapter that computes on the CPU: ${description}`, cure, installed: true };
}
