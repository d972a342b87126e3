/** WebGPU: of the browser, or under Node.js of the package webgpu. */
import * as tf from '@tensorflow/tfjs-core';
import { importModule } from './importModule';
import { isNode, start, tryImport, type Loaded } from './optional';

/** Puts tf.js on WebGPU where there is an adapter. */
export async function loadWebGpu(): Promise<Loaded> {
  const problem = (await exposeGpu()) ?? (await tryWebGpuPackage());
  if (problem) return problem;
  if (await start('webgpu')) return { description: 'WebGPU' };
  return { problem: 'the device did not start', cure: 'Update the graphics driver, or use wasm.', installed: true };
}

interface Gpu {
  requestAdapter(): Promise<object | null>;
}

/** A page has `navigator.gpu`; Node.js gets it from the package webgpu. tf.js looks for it while it is being loaded. */
async function exposeGpu(): Promise<Loaded | undefined> {
  const scope = globalThis as { navigator?: { gpu?: Gpu } };
  let gpu = scope.navigator?.gpu;
  let globals: object = {};
  if (gpu === undefined) {
    const cure = isNode() ? 'Run npm install webgpu.' : 'Use a browser with WebGPU, or wasm.';
    if (!isNode()) return { problem: 'this browser has no WebGPU', cure, installed: false };
    const problem = await tryImport('webgpu');
    if (problem) return { ...problem, cure };
    const dawn = (await importModule('webgpu')) as { create(flags: string[]): Gpu; globals: object };
    gpu = dawn.create([]);
    ({ globals } = dawn);
  }
  if ((await gpu.requestAdapter()) === null) {
    const cure = isNode() ? 'Install a Vulkan driver for the GPU.' : 'Enable hardware acceleration, or use wasm.';
    return { problem: 'no graphics adapter', cure, installed: true };
  }
  if (scope.navigator?.gpu === undefined) {
    Object.assign(globalThis, globals);
    if (scope.navigator === undefined)
      Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
    Object.defineProperty(scope.navigator, 'gpu', { value: gpu, configurable: true });
  }
  return undefined;
}

async function tryWebGpuPackage(): Promise<Loaded | undefined> {
  if (tf.findBackendFactory('webgpu') !== null) return undefined;
  const name = '@tensorflow/tfjs-backend-webgpu';
  const problem = await tryImport(name);
  return problem && { ...problem, cure: `Run npm install ${name}; in a bundle, import it before.` };
}
