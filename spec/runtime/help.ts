/** What the specs of the edge share: the backend, small models, and a watch on leaks. */
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { ndarray, type NdArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { Split } from '../../lib/core/context';
import { random } from '../../lib/core/random';
import type { Data, Splits } from '../../lib/runtime/data';
import { WASM_KERNELS } from '../backend';

export const { dense, batchNormalization, dropout, activation } = layers.layers;

/** Call it at the top of a spec file: its tests run on WASM, or what stands in for it. */
export function onWasm(): void {
  beforeAll(async () => void (await tf.setBackend(WASM_KERNELS)));
}

/** Runs `work` and fails if the number of tensors changed. */
export async function withoutLeak<T>(work: () => T | Promise<T>): Promise<T> {
  const before = tf.memory().numTensors;
  const result = await work();
  expect(tf.memory().numTensors).toBe(before);
  return result;
}

/** dense a (relu) - BatchNormalization b - dense c; weights drawn by `seed`, statistics included. */
export function mlp({
  name = 'net',
  inputs = 4,
  hidden = 6,
  outputs = 3,
  head = 'softmax',
  seed = 1,
}: {
  readonly name?: string;
  readonly inputs?: number;
  readonly hidden?: number;
  readonly outputs?: number;
  readonly head?: 'softmax' | 'sigmoid' | 'linear';
  readonly seed?: number;
} = {}): layers.Sequential {
  const model = layers.sequential({
    name,
    layers: [
      dense({ name: 'a', units: hidden, inputShape: [inputs], activation: 'relu' }),
      batchNormalization({ name: 'b' }),
      dense({ name: 'c', units: outputs, activation: head }),
    ],
  });
  randomize(model, seed);
  return model;
}

/** Replaces every weight by a seeded number around 0.2 that is not zero; variances are positive. */
export function randomize(model: layers.LayersModel, seed: number): void {
  for (const layer of model.layers as unknown as (layers.LayersModel & { weights: layers.LayerVariable[] })[]) {
    if (layer.layers !== undefined) randomize(layer, seed);
    else {
      tf.tidy(() =>
        layer.setWeights(
          layer.weights.map(({ originalName, shape }, i) => {
            const { normal } = random(seed, originalName, i);
            const positive = originalName.endsWith('variance');
            const values = normals(shape as number[], () => (positive ? 0.5 + normal() ** 2 : 0.2 + 0.5 * normal()));
            return tf.tensor(values.data, values.shape as number[]);
          }),
        ),
      );
    }
  }
}

export function normals(shape: number[], draw: () => number): NdArray {
  return ndarray(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => draw()),
    shape,
  );
}

/** `count` examples of three classes: the class is the place of the largest of the first three inputs. */
export function examples(count: number, { width = 4, oneHot = true, seed = 7 } = {}): Split {
  const inputs = normals([count, width], random(seed, 'examples').normal);
  const labels = Int32Array.from({ length: count }, (_, row) => {
    const [a, b, c] = inputs.data.subarray(row * width, row * width + 3);
    if (a > b && a > c) return 0;
    return b > c ? 1 : 2;
  });
  if (!oneHot) return { inputs: [inputs], targets: [ndarray(labels, [count])] };
  const spread = new Float32Array(count * 3);
  labels.forEach((label, row) => (spread[row * 3 + label] = 1));
  return { inputs: [inputs], targets: [ndarray(spread, [count, 3])] };
}

/** The same as a split of data. */
export function exampleSplit(count: number, seed: number): Data['train'] {
  const { inputs, targets } = examples(count, { seed });
  return { inputs: inputs[0], targets: targets[0] };
}

export function splits(count = 60, { oneHot = true } = {}): Splits {
  const loss = [oneHot ? ('categoricalCrossentropy' as const) : ('sparseCategoricalCrossentropy' as const)];
  return { train: examples(count, { oneHot }), validation: examples(30, { oneHot, seed: 8 }), loss };
}

/** Weights as lists of numbers by "path/index", for comparing bit by bit. */
export function bits({ weights }: Checkpoint): Record<string, number[]> {
  const all: Record<string, number[]> = {};
  for (const [path, arrays] of weights) arrays.forEach(({ data }, i) => (all[`${path}/${i}`] = Array.from(data)));
  return all;
}

/** Outputs of a tf.js model for an array, as lists of numbers. */
export function outputsOf(model: layers.LayersModel, ...inputs: NdArray[]): number[][] {
  return tf.tidy(() => {
    const tensors = inputs.map(({ data, shape, dtype }) => tf.tensor(data, [...shape], dtype));
    const outputs = model.predict(tensors.length === 1 ? tensors[0] : tensors);
    return (Array.isArray(outputs) ? outputs : [outputs]).map(output => Array.from(output.dataSync()));
  });
}
