/**
 * Threads for the WASM backend under Node.js. tf.js starts it with one there: its workers come from a blob URL, which only browsers
 * can run, and it takes no more than half of the processors. Here the same build gets workers that Node.js can start.
 */
import type * as nodeModule from 'node:module';
import type * as nodeOs from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { importModule } from './importModule';

/** How long the workers may take to come up before one thread is better than none, milliseconds. */
const PATIENCE = 20_000;

/**
 * Runs `start`, which starts the WASM backend, so that it comes up with `count` threads; false when it does not. What has to be
 * bent for that is straight again afterwards.
 */
export async function startThreaded(count: number, start: () => Promise<boolean>): Promise<boolean> {
  const program = await packageEntry();
  if (program === undefined) return false;
  const { default: os } = (await importModule('node:os')) as { default: typeof nodeOs };
  const [{ cpus }, { createObjectURL }] = [os, URL];
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', true);
  os.cpus = () => Array.from({ length: 2 * count }, () => cpus()[0]);
  // The one blob of which the backend wants a URL is its worker.
  URL.createObjectURL = () => new URL(`data:text/javascript,${encodeURIComponent(workerOf(program))}`) as never;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>(resolve => (timer = setTimeout(resolve, PATIENCE, false)));
  const started = await Promise.race([start().catch(() => false), late]).finally(() => {
    clearTimeout(timer);
    Object.assign(os, { cpus });
    Object.assign(URL, { createObjectURL });
  });
  if (started) letProcessEnd();
  else tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  return started;
}

/** Workers that wait for work would keep Node.js running. */
function letProcessEnd(): void {
  const { wasm } = tf.backend() as unknown as { wasm: { PThread?: { runningWorkers: readonly { unref(): void }[] } } };
  for (const worker of wasm.PThread?.runningWorkers ?? []) worker.unref();
}

/** Path of the backend's main file: of the copy that is loaded, or of the one that the current folder would load. */
async function packageEntry(): Promise<string | undefined> {
  const { default: node } = (await importModule('node:module')) as { default: typeof nodeModule & { _cache?: object } };
  const loaded = Object.keys(node._cache ?? {}).find(path =>
    /tfjs-backend-wasm.dist.tf-backend-wasm\.node\.js$/.test(path),
  );
  try {
    return loaded ?? node.createRequire(`${process.cwd()}/package.json`).resolve('@tensorflow/tfjs-backend-wasm');
  } catch {
    return undefined;
  }
}

/** A module that runs the package's own worker, with the `require` that modules lack and its program as a file instead of a blob. */
function workerOf(entry: string): string {
  return `import { createRequire } from 'node:module';
const require = createRequire(${JSON.stringify(entry)});
const { wasmWorkerContents } = require('../wasm-out/tfjs-backend-wasm-threaded-simd.worker.js');
const program = require.resolve('../wasm-out/tfjs-backend-wasm-threaded-simd.js');
Object.assign(globalThis, { require, __filename: program, __dirname: '' });
Object.assign(URL, { createObjectURL: () => program, revokeObjectURL: () => {} });
(0, eval)(wasmWorkerContents.replace(/\\n/g, '\\\\n'));
`;
}
