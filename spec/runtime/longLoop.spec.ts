import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { ndarray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { random } from '../../lib/core/random';
import type { WasmBackend } from '../../lib/kernels/wasm';
import { capture } from '../../lib/runtime/capture';
import { fit } from '../../lib/runtime/fit';
import { NATIVE } from '../backend';
import { batchNormalization, dense, normals, onWasm, randomize, withoutLeak } from './help';

onWasm();

const L = layers.layers;
const [STEPS, PER_EPOCH, BATCH] = [300, 20, 8];

/** Convolution, depthwise, pooling and BatchNormalization: every way in which kernels make tensors of their own. */
async function net(): Promise<Checkpoint> {
  const model = layers.sequential({
    layers: [
      L.conv2d({ name: 'a', filters: 4, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [8, 8, 3] }),
      batchNormalization({ name: 'b' }),
      L.maxPooling2d({ name: 'c', poolSize: 2 }),
      L.depthwiseConv2d({ name: 'd', kernelSize: 3 }),
      batchNormalization({ name: 'e' }),
      L.flatten({ name: 'f' }),
      dense({ name: 'g', units: 2, activation: 'softmax' }),
    ],
  });
  randomize(model, 1);
  return capture(model);
}

function images(count: number, seed: number) {
  const targets = Float32Array.from({ length: 2 * count }, (_, i) => Number((i >> 1) % 2 === i % 2));
  return { inputs: [normals([count, 8, 8, 3], random(seed).normal)], targets: [ndarray(targets, [count, 2])] };
}

/**
 * Address in the memory of WASM of a block that no hole between others is large enough for: it moves up when anything is kept there, be it
 * known to tf.js or not, and when the holes become too small to be used again.
 */
function wasmTop(): number | undefined {
  if (NATIVE) return undefined;
  const block = tf.zeros([1_000_000]);
  const { dataIdMap } = tf.backend() as unknown as WasmBackend;
  const { memoryOffset } = dataIdMap.get(block.dataId);
  block.dispose();
  return memoryOffset;
}

interface Held {
  readonly step: number;
  readonly tensors: number;
  readonly buffers: number;
  readonly bytes: number;
  readonly inBackend: number;
  readonly wasmTop?: number;
}

function held(step: number): Held {
  const { numTensors, numDataBuffers, numBytes } = tf.memory();
  const inBackend = tf.backend().numDataIds();
  return { step, tensors: numTensors, buffers: numDataBuffers, bytes: numBytes, inBackend, wasmTop: wasmTop() };
}

describe.each(['momentum', 'adam'] as const)('%s', optimizer => {
  test('what a loop holds after 100 steps of slimming it holds after 300, in the backend too', async () => {
    const model = await net();
    const data = {
      train: images(PER_EPOCH * BATCH, 1),
      validation: images(BATCH, 2),
      loss: ['categoricalCrossentropy' as const],
    };
    const options = { epochs: STEPS / PER_EPOCH, batchSize: BATCH, optimizer, l1: 1e-3 };
    const marks: Held[] = [];
    const progress = (): number => marks.push(held((marks.length + 1) * PER_EPOCH));
    await withoutLeak(() => fit(model, data, options, { seed: 1, progress }));
    const [early, late] = [100, STEPS].map(step => marks.find(mark => mark.step === step)!);
    expect(late).toEqual({ ...early, step: STEPS });
    if (!NATIVE) expect(late.wasmTop).toBeGreaterThan(0);
  });
});
