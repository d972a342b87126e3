/** Random weights in no time: a net of 140 million parameters takes some seconds. */
import * as tf from '@tensorflow/tfjs-core';
import type * as layers from '@tensorflow/tfjs-layers';
import seedrandom from 'seedrandom';

type Layer = layers.layers.Layer;

/**
 * Gives every weight of `model` random values by what it is, the same for the same seed, and returns the model. Kernels keep
 * the size of the signal; gammas differ in size, so that rankings mean something.
 */
export function seeded<M extends layers.LayersModel>(model: M, seed = 0): M {
  const uniform = seedrandom.alea(String(seed));
  for (const layer of leavesOf(model)) {
    const tensors = layer.weights.map(({ originalName, shape }) => {
      const sizes = shape as number[];
      const [least, most] = rangeOf(originalName.split('/').pop()!, sizes);
      const values = new Float32Array(sizes.reduce((product, size) => product * size, 1));
      for (let i = 0; i < values.length; i++) values[i] = least + (most - least) * uniform();
      return tf.tensor(values, sizes);
    });
    layer.setWeights(tensors);
    tf.dispose(tensors);
  }
  return model;
}

function leavesOf(model: layers.LayersModel): Layer[] {
  const all = model.layers.flatMap(layer => ('layers' in layer ? leavesOf(layer as layers.LayersModel) : [layer]));
  return [...new Set(all)];
}

/** Bounds of a uniform draw for a weight of that name and shape. */
function rangeOf(name: string, shape: readonly number[]): readonly [number, number] {
  if (name.includes('variance')) return [0.5, 1.5];
  if (name.includes('gamma')) return [0.2, 1.2];
  if (/mean|beta|bias/.test(name)) return [-0.3, 0.3];
  const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
  const fanIn = name.includes('depthwise') ? product(shape.slice(0, 2)) : product(shape.slice(0, -1));
  if (name.includes('embedding')) return [-1, 1];
  const bound = Math.sqrt(6 / fanIn);
  return [-bound, bound];
}
