/** The backends of the benches: those of the package, and those that the suites have set up in folders of their own. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { useBackend } from '../../lib';

export type BenchBackend = 'wasm' | 'node' | 'webgpu';

const root = join(__dirname, '../..');
/** Where `npm run test:native` and `npm run test:webgpu` have put them. */
const homes = { node: join(root, '.native/package.json'), webgpu: join(root, '.webgpu/package.json') };
const addon = '@tensorflow/tfjs-node';
const SOFTWARE = ['/usr/lib/chromium', '/opt/google/chrome'].map(folder => `${folder}/vk_swiftshader_icd.json`);

/** Whether this machine has it; an adapter for WebGPU shows only when it is started. */
export function isSetUp(backend: BenchBackend): boolean {
  return backend === 'wasm' || existsSync(homes[backend].replace('package.json', 'node_modules'));
}

/** What a process on `backend` wants in its environment: for WebGPU Chromium's software adapter, if no other driver is named. */
export function variablesOf(backend: BenchBackend): Readonly<Record<string, string>> {
  if (backend === 'node') return { TF_CPP_MIN_LOG_LEVEL: process.env.TF_CPP_MIN_LOG_LEVEL ?? '2' };
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES } = process.env;
  const software = SOFTWARE.find(file => existsSync(file));
  if (backend !== 'webgpu' || !software || VK_DRIVER_FILES || VK_ICD_FILENAMES) return {};
  return { VK_ICD_FILENAMES: software };
}

/** Starts it in this process; says what it is. */
export async function startBackend(backend: BenchBackend, { threads }: { readonly threads?: number } = {}) {
  // They register themselves with every copy of tf.js in the process; useBackend finds them registered.
  if (backend === 'node' && existsSync(homes.node)) createRequire(homes.node)(addon);
  if (backend === 'webgpu' && existsSync(homes.webgpu)) await registerWebGpu();
  return useBackend(backend, { threads, software: true });
}

async function registerWebGpu(): Promise<void> {
  const from = createRequire(homes.webgpu);
  const { create, globals } = (await import(pathToFileURL(from.resolve('webgpu')).href)) as {
    create(flags: string[]): object;
    globals: object;
  };
  Object.assign(globalThis, globals);
  const navigator = (globalThis as { navigator?: object }).navigator ?? {};
  Object.defineProperty(navigator, 'gpu', { value: create([]), configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true, writable: true });
  from('@tensorflow/tfjs-backend-webgpu');
}
