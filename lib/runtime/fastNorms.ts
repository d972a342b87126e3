/** Faster training of stock BatchNormalization layers. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { normaliseBatch } from '../layers/normalise';
import { layersOf, type AnyLayer } from './leaves';
import { normOf } from './norms';

/** What a BatchNormalization of tf.js keeps in its fields. */
interface Norm {
  readonly gamma: Weight;
  readonly beta: Weight;
  readonly movingMean: Weight;
  readonly movingVariance: Weight;
  readonly momentum: number;
  readonly epsilon: number;
  call(inputs: tf.Tensor | tf.Tensor[], kwargs: Readonly<Record<string, unknown>>): tf.Tensor;
}

interface Weight {
  read(): tf.Tensor1D;
  write(value: tf.Tensor): void;
}

/**
 * Makes every BatchNormalization of `model` that works along the last axis and has a gamma and a beta train through
 * `normaliseBatch`: the same numbers but for rounding, at a fraction of the time. What it saves, loads and computes at
 * inference stays as it is.
 * @returns what puts tf.js's own training back.
 */
export function useFastNorms(model: LayersModel): () => void {
  const changed: Norm[] = [];
  for (const { layer } of layersOf(model)) {
    const norm = normOf(layer);
    if (norm === undefined || !isPlain(norm)) continue;
    const fast = norm as unknown as Norm;
    fast.call = trainingCall(fast, fast.call.bind(fast));
    changed.push(fast);
  }
  // The method of the class comes back when the instance's own goes.
  return () => changed.forEach(norm => Reflect.deleteProperty(norm, 'call'));
}

function isPlain(norm: AnyLayer): boolean {
  const { axis, scale, center } = norm.getConfig();
  const { inputSpec } = norm as unknown as { readonly inputSpec: readonly { readonly ndim: number }[] };
  return scale !== false && center !== false && (axis === -1 || axis === inputSpec[0].ndim - 1);
}

function trainingCall(norm: Norm, stock: Norm['call']): Norm['call'] {
  return (inputs, kwargs) => {
    if (kwargs.training !== true) return stock(inputs, kwargs);
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const { output, mean, variance } = normaliseBatch(x, norm.gamma.read(), norm.beta.read(), norm.epsilon);
      follow(norm.movingMean, mean, norm.momentum);
      follow(norm.movingVariance, variance, norm.momentum);
      tf.dispose([mean, variance]);
      return output;
    });
  };
}

/** tf.js's own arithmetic, step by step. */
function follow(average: Weight, value: tf.Tensor1D, momentum: number): void {
  tf.tidy(() => {
    const before = average.read();
    average.write(tf.sub(before, tf.mul(tf.sub(before, value), 1 - momentum)));
  });
}
