/** Which tf.js backend runs: the best that is installed, or the one asked for. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKeyword, checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import { isNode } from '../core/platform';
import { loaders, type BackendName } from './loaders';
import type { Loaded } from './optional';

export interface Backend {
  readonly name: BackendName;
  /** For people, such as "wasm (SIMD, 1 thread)". */
  readonly description: string;
}

export interface BackendOptions {
  /**
   * Of WASM under Node.js, 1 (the default) to 8: no more than there are idle processors, or they wait for each other. The results
   * are the same bytes for any number.
   */
  readonly threads?: number;
  readonly log?: (message: string) => void;
  /** Take WebGPU also where its adapter is a program that computes on the CPU. That is slower than wasm: for tests. */
  readonly software?: boolean;
}

/** Best first. */
const order: readonly BackendName[] = ['node-gpu', 'node', 'webgpu', 'wasm', 'cpu'];

let current: (Backend & { readonly registered: string }) | undefined;

/**
 * Makes tf.js run on `name`, or with 'auto' on the best that is installed: tfjs-node-gpu, tfjs-node, WebGPU (in browsers),
 * WASM, plain JavaScript. Says through `log` what was chosen and what was installed but did not load. WASM comes with the
 * kernels that training needs. With `node` too a GPU is used where its TensorFlow finds one.
 * On WebGPU, what the device reports on the side fails the library's work, as do tensors larger than it can hold.
 * @throws PruneError `bad-option` for another word, `no-backend` when the one asked for cannot be had.
 */
export async function useBackend(
  name: 'auto' | BackendName = 'auto',
  { log = () => {}, threads, software }: BackendOptions = {},
): Promise<Backend> {
  checkKeyword('useBackend', 'name', name, ['auto', ...order]);
  if (threads !== undefined) checkNumber('useBackend', 'threads', threads, { least: 1, most: 8, integer: true });
  // Under Node.js WebGPU is chosen only by name: whether its driver is sound shows only in use.
  const candidates = name === 'auto' ? order.filter(candidate => candidate !== 'webgpu' || !isNode()) : [name];
  let last: Exclude<Loaded, { description: string }> | undefined;
  for (const candidate of candidates) {
    const loaded = await loaders[candidate]({ threads, software });
    if ('description' in loaded) return chosen({ name: candidate, description: loaded.description }, log);
    last = loaded;
    if (loaded.installed) log(`${candidate} is skipped: ${loaded.problem}. ${loaded.cure}`);
  }
  throw new PruneError('no-backend', {
    place: `useBackend("${name}")`,
    expected: 'a backend that runs',
    got: last?.problem ?? 'none',
    cure: last?.cure ?? 'Install @tensorflow/tfjs-backend-wasm.',
  });
}

/** The backend in use, for people; "none" before there is one. */
export function backendName(): string {
  const registered = tf.getBackend();
  if (current !== undefined && current.registered === registered) return current.description;
  return registered || 'none';
}

function chosen(backend: Backend, log: (message: string) => void): Backend {
  current = { ...backend, registered: tf.getBackend() };
  log(`Backend: ${backend.description}.`);
  if (backend.name === 'cpu') log('Training convolutions in plain JavaScript is unusably slow.');
  return backend;
}
