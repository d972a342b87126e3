/** How each backend is loaded; the only file that names backend packages. Optional ones are loaded only when asked for. */
import type { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { isNode } from '../core/platform';
import { installTrainingKernels } from '../kernels';
import { installNativeKernels } from '../kernels/native';
import { importModule } from './importModule';
import { start, tryImport, type LoadOptions, type Loaded } from './optional';
import { startThreaded } from './wasmThreads';
import { loadWebGpu } from './webgpu';

export type BackendName = 'node-gpu' | 'node' | 'webgpu' | 'wasm' | 'cpu';

const GPU_ADDON = '@tensorflow/tfjs-node-gpu';

/** Each starts its backend, or says why it cannot. */
export const loaders: Readonly<Record<BackendName, (options: LoadOptions) => Promise<Loaded>>> = {
  'node-gpu': () => loadAddon([GPU_ADDON], true),
  // The package for GPUs runs on the CPU where there is none.
  node: () => loadAddon(['@tensorflow/tfjs-node', GPU_ADDON], false),
  webgpu: loadWebGpu,
  wasm: loadWasm,
  cpu: loadCpu,
};

async function loadAddon(packageNames: readonly string[], gpu: boolean): Promise<Loaded> {
  const cure = `Run npx tfjs-prune setup-native${gpu ? ' --gpu' : ''}.`;
  if (!isNode()) return { problem: 'not Node.js', cure: 'Use webgpu or wasm in a browser.', installed: false };
  if (tf.findBackendFactory('tensorflow') === null) {
    // TensorFlow takes nearly all GPU memory otherwise; it reads this once, when it is loaded.
    process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
    await restoreNodeUtilities();
    const problem = await tryEach(packageNames);
    if (problem) return { ...problem, cure };
  }
  if (!(await start('tensorflow'))) return { problem: 'the addon did not start', cure, installed: true };
  installNativeKernels();
  const usesGpu = (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
  if (gpu && !usesGpu) {
    const help = `Check that nvidia-smi shows a GPU and CUDA_VISIBLE_DEVICES is not empty. ${cure}`;
    return { problem: 'TensorFlow sees no GPU', cure: help, installed: true };
  }
  return { description: `TensorFlow for Node.js (${usesGpu ? 'GPU' : 'CPU'})` };
}

/** Undefined once one of them loads; otherwise what is wrong with the first that is installed. */
async function tryEach([name, ...others]: readonly string[]): ReturnType<typeof tryImport> {
  const problem = await tryImport(name);
  if (problem === undefined || problem.installed || others.length === 0) return problem;
  return tryEach(others);
}

/** tfjs-node 4.22 calls two functions that Node.js 23 removed from its util module. */
async function restoreNodeUtilities(): Promise<void> {
  const node = (await importModule('node:module')) as { createRequire: typeof createRequire };
  const util = node.createRequire(`${process.cwd()}/package.json`)('util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

async function loadWasm({ threads: wanted }: LoadOptions): Promise<Loaded> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  if (!(await startWasm(wasm, wanted))) {
    const cure = isNode() ? 'Reinstall @tensorflow/tfjs-backend-wasm.' : 'Serve its .wasm files and call setWasmPaths.';
    return { problem: 'the WASM module did not start', cure, installed: true };
  }
  installTrainingKernels();
  const simd = (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) ? 'SIMD' : 'no SIMD';
  const threads = wasm.getThreadsCount();
  return { description: `wasm (${simd}, ${threads} thread${threads === 1 ? '' : 's'})` };
}

/** With threads where they can be had; a backend that runs already stays as it is. */
async function startWasm({ setThreadsCount }: { setThreadsCount(count: number): void }, wanted = 1): Promise<boolean> {
  const running = 'wasm' in tf.engine().registry;
  const count = running || !isNode() ? 1 : wanted;
  if (count > 1) {
    setThreadsCount(count);
    if (await startThreaded(count, () => start('wasm'))) return true;
  }
  return start('wasm');
}

async function loadCpu(): Promise<Loaded> {
  const name = '@tensorflow/tfjs-backend-cpu';
  const cure = `Run npm install ${name}.`;
  const problem = tf.findBackendFactory('cpu') === null ? await tryImport(name) : undefined;
  if (problem) return { ...problem, cure };
  if (!(await start('cpu'))) return { problem: 'the backend did not start', cure, installed: true };
  return { description: 'cpu (plain JavaScript)' };
}
