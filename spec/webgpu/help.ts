/** What the tests on a WebGPU device share. They run in plain Node.js, as jest does not give native code its own globals. */
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { ndarray, relativeError, type NdArray } from '../../lib/core/array';
import { random } from '../../lib/core/random';
import { capture, useBackend, type Checkpoint } from '../../lib/index';
import { apply, bn, gap, model, relu, type Flow } from '../zoo/parts';
import type { Splits } from '../../lib/runtime/data';
import { webGpuBackend, type Device, type WebGpuBackend } from '../../lib/runtime/device';

/** Puts tf.js on the WebGPU device, with every operation on it: tf.js computes small ones on the CPU otherwise. */
export async function onWebGpu(): Promise<string> {
  const { description } = await useBackend('webgpu', { software: true });
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  assert.equal(tf.getBackend(), 'webgpu');
  return description;
}

/** What `work` gives on `other` and on WebGPU; it leaves no tensors behind, nor buffers in use. */
export async function onBoth<T>(
  work: () => Promise<T>,
  other: 'wasm' | 'cpu' = 'wasm',
): Promise<{ readonly expected: T; readonly got: T }> {
  await useBackend(other);
  const expected = await withoutLeak(work);
  await onWebGpu();
  return { expected, got: await withoutLeak(work) };
}

export async function withoutLeak<T>(work: () => Promise<T>): Promise<T> {
  const before = await inUse();
  const result = await work();
  assert.deepEqual(await inUse(), before, 'tensors or GPU bytes were left behind');
  return result;
}

/** Tensors, and bytes of GPU buffers that hold something. What is freed counts until the next submission. */
export async function inUse(): Promise<{ readonly tensors: number; readonly bytes: number }> {
  const value = tf.tidy(() => tf.add(1, 1));
  await value.data().finally(() => value.dispose());
  const { numTensors, numBytesInGPU = 0 } = tf.memory() as tf.MemoryInfo & { numBytesInGPU?: number };
  return { tensors: numTensors, bytes: numBytesInGPU };
}

export function backend(): WebGpuBackend {
  return webGpuBackend()!;
}

/** Makes the device report an error on the side: it cannot make such a buffer. */
export function disturb(): void {
  const { GPUBufferUsage } = globalThis as unknown as { GPUBufferUsage: Record<string, number> };
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE;
  (backend().device as Device & { createBuffer(of: object): void }).createBuffer({ size: 16, usage });
}

export function assertClose(got: readonly NdArray[], expected: readonly NdArray[], most: number, of: string): void {
  assert.equal(got.length, expected.length);
  for (const [i, { data }] of expected.entries()) {
    const error = relativeError(got[i].data, data);
    assert.ok(error <= most, `${of}, array ${i}: relative difference ${error}`);
  }
}

/** Depthwise, BatchNormalization, residual addition, pooling and Dense, in few weights: 8x8x3 to 4 classes. */
export function smallNet(): Promise<Checkpoint> {
  const x = input();
  const stem = apply(x, conv('c1', 8), bn('b1'), relu('r1'));
  const inner = apply(stem, deep('dw'), bn('b2'), relu('r2'), conv('c2', 8));
  const sum = apply([stem, inner], layers.layers.add({ name: 'sum' }));
  const pooled = apply(sum, layers.layers.maxPooling2d({ name: 'pool', poolSize: 2 }));
  const last = apply(pooled, conv('c3', 12, 2), bn('b3'), relu('r3'), gap());
  return captured(x, last, [10, 4]);
}

/** Convolution, BatchNormalization and Dense: few operations a step, for many steps. */
export function tinyNet(): Promise<Checkpoint> {
  const x = input();
  return captured(x, apply(x, conv('c1', 4, 2), bn('b1'), relu('r1'), gap()), [4]);
}

const input = (): Flow => layers.input({ shape: [8, 8, 3], name: 'x' });

/** Before a BatchNormalization a bias has no gradient but rounding noise, which Adam makes as large as any. */
function conv(name: string, filters: number, strides = 1): layers.layers.Layer {
  const kernelInitializer = seeded();
  const options = { kernelSize: 3, padding: 'same', useBias: false } as const;
  return layers.layers.conv2d({ name, filters, strides, kernelInitializer, ...options });
}

function deep(name: string): layers.layers.Layer {
  const options = { kernelSize: 3, padding: 'same', useBias: false } as const;
  return layers.layers.depthwiseConv2d({ name, depthwiseInitializer: seeded(), ...options });
}

function captured(x: Flow, from: Flow, widths: readonly number[]): Promise<Checkpoint> {
  const dense = widths.map((units, i) => {
    const activation = i === widths.length - 1 ? 'softmax' : 'relu';
    return layers.layers.dense({ name: `d${i + 1}`, units, activation, kernelInitializer: seeded() });
  });
  const built = model(x, apply(from, ...dense));
  return capture(built).finally(() => built.dispose());
}

let seeds = 0;
function seeded(): ReturnType<typeof layers.initializers.heNormal> {
  return layers.initializers.heNormal({ seed: ++seeds });
}

/** Images of four classes: the quarter that is brighter. */
export function images(count: number, seed = 3): Splits['train'] {
  const { normal } = random(seed, 'images');
  const labels = Array.from({ length: count }, (_, i) => i % 4);
  const pixels = Float32Array.from({ length: count * 192 }, (_, i) => {
    const [row, column] = [Math.floor(i / 24) % 8, Math.floor(i / 3) % 8];
    const quarter = (row < 4 ? 0 : 2) + (column < 4 ? 0 : 1);
    return 0.5 * normal() + (quarter === labels[Math.floor(i / 192)] ? 1 : 0);
  });
  const targets = Float32Array.from({ length: count * 4 }, (_, i) => (labels[i >> 2] === i % 4 ? 1 : 0));
  return { inputs: [ndarray(pixels, [count, 8, 8, 3])], targets: [ndarray(targets, [count, 4])] };
}

export function splits(count = 64): Splits {
  return { train: images(count), validation: images(32, 4), loss: ['categoricalCrossentropy'] };
}
