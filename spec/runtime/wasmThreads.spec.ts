/** Threads are a matter of the whole process, so each number of them gets one. */
import { execFile } from 'node:child_process';
import os from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import '@tensorflow/tfjs-backend-wasm';
import { useBackend } from '../../lib/runtime/backend';
import { startThreaded } from '../../lib/runtime/wasmThreads';
import { rejection } from '../zoo/refusal';

interface Outcome {
  readonly description: string;
  readonly hash: string;
}

async function trained(threads: number): Promise<Outcome> {
  const program = join(__dirname, 'threadedTraining.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, String(threads)]);
  return JSON.parse(stdout) as Outcome;
}

test('more threads come up under Node.js, change no byte of what is trained, and let the process end', async () => {
  const [one, two] = [await trained(1), await trained(2)];
  expect(one.description).toBe('wasm (SIMD, 1 thread)');
  expect(two.description).toBe('wasm (SIMD, 2 threads)');
  expect(two.hash).toBe(one.hash);
});

test('what is bent for the start is straight again, also when it fails', async () => {
  const before = [os.cpus, URL.createObjectURL];
  await expect(startThreaded(2, () => Promise.resolve(false))).resolves.toBe(false);
  await expect(startThreaded(2, () => Promise.reject(new Error('no')))).resolves.toBe(false);
  expect([os.cpus, URL.createObjectURL]).toEqual(before);
  expect((await useBackend('wasm', { threads: 1 })).description).toBe('wasm (SIMD, 1 thread)');
});

test.each([0, 9, 1.5])('%d threads are refused', async threads => {
  expect((await rejection(useBackend('wasm', { threads }))).message).toContain('threads');
});
