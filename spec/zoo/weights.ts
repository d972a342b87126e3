/** Random weights for a tf.js model, by what each weight is: nothing keeps a value that would hide a mistake. */
import * as tf from '@tensorflow/tfjs-core';
import type * as layers from '@tensorflow/tfjs-layers';
import { sizeOf } from '../../lib/core/array';
import { random, type Random } from '../../lib/core/random';
import { probeInputs } from '../../lib/runtime/probes';
import { toTensor } from '../../lib/runtime/tensors';

type Layer = layers.layers.Layer;

/** Gives every weight of `model` random values of its kind, the same for the same seed; nested models too. */
export function randomize<M extends layers.LayersModel>(model: M, seed = 1): M {
  const stream = random(seed, 'zoo');
  for (const layer of leafLayers(model)) {
    const tensors = layer.weights.map(({ originalName, shape }) =>
      tf.tensor(valuesFor(originalName, shape as number[], stream), shape as number[]),
    );
    layer.setWeights(tensors);
    tf.dispose(tensors);
  }
  return model;
}

/** Every layer that is not a model, each once. */
export function leafLayers(model: layers.LayersModel): Layer[] {
  const all = model.layers.flatMap(layer => ('layers' in layer ? leafLayers(layer as layers.LayersModel) : [layer]));
  return [...new Set(all)];
}

/** One batch for each input of `model`: standard normal numbers, or whole ones where it looks them up. */
export function probesOf(model: layers.LayersModel, batch = 2, seed = 5): tf.Tensor[] {
  return probeInputs(model, seed, batch).map(toTensor);
}

function valuesFor(name: string, shape: readonly number[], { normal, uniform }: Random): Float32Array {
  const draw = drawFor(name.split('/').pop() ?? '', shape, normal, uniform);
  return Float32Array.from({ length: sizeOf(shape) }, draw);
}

function drawFor(name: string, shape: readonly number[], normal: () => number, uniform: () => number): () => number {
  if (name.includes('variance')) return () => 0.5 + uniform();
  if (name.includes('gamma')) return () => (0.5 + uniform()) * (uniform() < 0.5 ? -1 : 1);
  if (name.includes('mean') || name.includes('beta') || name.includes('bias')) return () => 0.5 * normal();
  if (name.includes('alpha')) return () => 0.1 + 0.5 * uniform();
  const fanIn = name.includes('depthwise') ? shape[0] * shape[1] : sizeOf(shape.slice(0, -1));
  return () => (1.2 * normal()) / Math.sqrt(fanIn);
}
