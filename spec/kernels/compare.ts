/** Runs single kernels on plain arrays, on any backend, and compares what comes out. */
import * as tf from '@tensorflow/tfjs-core';
import { installTrainingKernels } from '../../lib/kernels';

export interface Plain {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly dtype?: 'float32' | 'int32';
}

type Attributes = Readonly<Record<string, unknown>>;
type Inputs = Readonly<Record<string, Plain>> | readonly Plain[];

/** Seeded values in [-1, 1): the same for the same seed. */
export function noise(shape: readonly number[], seed: number): Plain {
  let state = seed * 2654435761 + 12345;
  const next = (): number => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 31 - 1;
  };
  return { shape, values: Array.from({ length: tf.util.sizeFromShape([...shape]) }, next) };
}

export async function startBackends(): Promise<void> {
  await tf.setBackend('cpu');
  const advice = jest.spyOn(console, 'warn').mockImplementation(); // the cpu backend greets its first tensor in Node
  tf.scalar(0).dispose();
  advice.mockRestore();
  await tf.setBackend('wasm');
  installTrainingKernels();
}

/** The cpu backend under another name, with kernels of its own made of the stock ones. */
export function registerVariant(
  name: string,
  kernels: Readonly<Record<string, (stock: tf.KernelConfig) => tf.KernelFunc>>,
): void {
  tf.registerBackend(name, () => tf.findBackend('cpu'));
  for (const stock of tf.getKernelsForBackend('cpu')) {
    const kernelFunc = kernels[stock.kernelName]?.(stock) ?? stock.kernelFunc;
    tf.registerKernel({ ...stock, backendName: name, kernelFunc });
  }
}

/** One kernel on one backend. Throws if it leaves a tensor or a buffer behind. */
export async function runOn(backend: string, name: string, inputs: Inputs, attrs: Attributes): Promise<Plain> {
  await tf.setBackend(backend);
  const entries = Object.entries(inputs).map(
    ([key, { shape, values, dtype }]) => [key, tf.tensor([...values], [...shape], dtype ?? 'float32')] as const,
  );
  const tensors = Array.isArray(inputs) ? entries.map(([, tensor]) => tensor) : Object.fromEntries(entries);
  const before = held();
  const out = tf.engine().runKernel<tf.Tensor>(name, tensors as never, attrs as never);
  const result = { shape: out.shape, values: Array.from(out.dataSync()), dtype: out.dtype as 'float32' };
  out.dispose();
  expect(held()).toEqual(before);
  tf.dispose(entries.map(([, tensor]) => tensor));
  return result;
}

/** What the engine and the backend hold now. */
export function held(): { tensors: number; buffers: number; inBackend: number } {
  const { numTensors, numDataBuffers } = tf.memory();
  return { tensors: numTensors, buffers: numDataBuffers, inBackend: tf.backend().numDataIds() };
}

/**
 * Largest difference over largest value. Sums here have at most a few hundred terms of order one; in float32 (relative step 6e-8) a
 * different order of summation moves them by some 1e-6, and 1e-5 leaves no room for a wrong or missing term.
 */
export function expectClose(actual: Plain, expected: Plain, tolerance = 1e-5): void {
  expect(actual.shape).toEqual([...expected.shape]);
  const scale = expected.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = expected.values.reduce((most, value, i) => Math.max(most, Math.abs(value - actual.values[i])), 0);
  expect(actual.values.every(Number.isFinite)).toBe(true);
  expect(error).toBeLessThanOrEqual(tolerance * scale);
}

/** The same kernel on `cpu` and on `wasm`. */
export async function expectLikeCpu(name: string, inputs: Inputs, attrs: Attributes): Promise<void> {
  expectClose(await runOn('wasm', name, inputs, attrs), await runOn('cpu', name, inputs, attrs));
}
