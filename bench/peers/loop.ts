/**
 * A process that trains a small net with the penalty of slimming and says what it holds every so many steps, one line of JSON each:
 * `tsx bench/peers/loop.ts BACKEND STEPS EVERY OPTIMIZER`. With node's --expose-gc garbage is collected before.
 */
import * as tf from '@tensorflow/tfjs-core';
import { train } from '../../lib';
import { ndarray } from '../../lib/core/array';
import { random } from '../../lib/core/random';
import type { WasmBackend } from '../../lib/kernels/wasm';
import { startBackend, type BenchBackend } from './backend';
import { smallNet } from '../zoo/smallNet';

/** What a process holds; bytes, and of tensors their number. */
export interface Held {
  readonly step: number;
  readonly tensors: number;
  readonly tensorBytes: number;
  /** Of the process, its JavaScript heap in use, and what that holds outside of it. */
  readonly rss: number;
  readonly heap: number;
  readonly outside: number;
  /** How far the memory of WASM is in use, or what the buffers of WebGPU take. */
  readonly backend?: number;
}

/** A GPU in software takes seconds for a step of the larger one. */
const sizes = { wasm: { side: 16, batch: 32 }, node: { side: 16, batch: 32 }, webgpu: { side: 8, batch: 8 } };

async function main(): Promise<void> {
  const [backend, steps, every, optimizer] = process.argv.slice(2);
  const { description } = await startBackend(backend as BenchBackend);
  const { side, batch } = sizes[backend as BenchBackend];
  console.log(JSON.stringify({ description, side, batch }));
  const perEpoch = Number(every);
  const net = smallNet(side);
  let epochs = 0;
  await train(net, {
    data: { train: examples(perEpoch * batch, side, 1), validation: examples(2 * batch, side, 2) },
    epochs: Number(steps) / perEpoch,
    batchSize: batch,
    optimizer: optimizer as 'adam',
    l1: 1e-3,
    progress: () => console.log(JSON.stringify(held(++epochs * perEpoch))),
  });
}

/** Two classes: whether the left or the right half of the image is the brighter one. */
function examples(count: number, side: number, seed: number) {
  const draw = random(seed, 'loop').normal;
  const pixels = new Float32Array(count * side * side * 3);
  const labels = new Float32Array(count * 2);
  for (let i = 0; i < count; i++) {
    const label = i % 2;
    labels[2 * i + label] = 1;
    for (let j = 0; j < side * side; j++) {
      const isBright = Number(j % side >= side / 2) === label;
      for (let c = 0; c < 3; c++) pixels[3 * (i * side * side + j) + c] = draw() + (isBright ? 0.2 : 0);
    }
  }
  return { inputs: [ndarray(pixels, [count, side, side, 3])], targets: [ndarray(labels, [count, 2])] };
}

function held(step: number): Held {
  globalThis.gc?.();
  const { numTensors, numBytes, ...rest } = tf.memory();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const backend = wasmBytes() ?? (rest as { numBytesAllocatedInGPU?: number }).numBytesAllocatedInGPU;
  return { step, tensors: numTensors, tensorBytes: numBytes, rss, heap: heapUsed, outside: arrayBuffers, backend };
}

/** Address of a block that no hole in the memory of WASM is large enough for. */
function wasmBytes(): number | undefined {
  if (tf.getBackend() !== 'wasm') return undefined;
  const block = tf.zeros([4_000_000]);
  const { memoryOffset } = (tf.backend() as unknown as WasmBackend).dataIdMap.get(block.dataId);
  block.dispose();
  return memoryOffset;
}

void main();
