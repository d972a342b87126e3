/** A forward pass that needs little memory beside the checkpoint. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { gather, sizeOf, type NdArray } from '../core/array';
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import { layersOf, wrapCall, type AnyLayer } from './leaves';
import { constructFor, dropWeights, setWeights, withModels } from './materialize';
import { toTensor } from './tensors';

/** Values of a Dense kernel that are on the backend at once: 32 MB. */
const BLOCK = 2 ** 23;

/**
 * Lends `use` the model of `checkpoint` for inference, each layer of which has its weights only while it is called: what a backend
 * makes of them, such as packed copies, goes too. A large kernel of a Dense layer, the largest there are, comes in blocks of columns.
 * @throws PruneError `bad-weights`, `bad-model`.
 */
export function withStreamed<T>(checkpoint: Checkpoint, use: (model: LayersModel) => Promise<T>): Promise<T> {
  const make = (): LayersModel => {
    const model = constructFor(checkpoint);
    for (const { path, layer } of layersOf(model)) stream(layer, weightsOf(checkpoint, path));
    return model;
  };
  return withModels([checkpoint], ([model]) => use(model), make);
}

function stream(layer: AnyLayer, weights: readonly NdArray[]): void {
  if (weights.length === 0) return;
  const whole = layer.getClassName() !== 'Dense' || sizeOf(weights[0].shape) <= BLOCK;
  wrapCall(layer, call => (inputs, kwargs) => {
    if (!whole) return tf.tidy(() => dense(layer, weights, [inputs].flat()[0]));
    setWeights(layer, weights);
    const outputs = call(inputs, kwargs);
    dropWeights(layer);
    return outputs;
  });
}

/** What a Dense layer computes, each output in one piece, so that the blocks change no rounding. */
function dense(layer: AnyLayer, [kernel, bias]: readonly NdArray[], input: tf.Tensor): tf.Tensor {
  const { shape, dtype, data } = kernel; // read once: a masked kernel is made when it is read
  const [inner, units] = shape;
  const rows: tf.Tensor2D = tf.reshape(input, [-1, inner]);
  const step = Math.max(1, Math.floor(BLOCK / inner));
  const parts: tf.Tensor[] = [];
  for (let from = 0; from < units; from += step) {
    const columns = Array.from({ length: Math.min(step, units - from) }, (_, i) => from + i);
    const [b, added] = [gather({ shape, dtype, data }, 1, columns), bias && gather(bias, 0, columns)];
    parts.push(tf.tidy(() => tf.fused.matMul({ a: rows, b: toTensor(b), bias: added && toTensor(added) })));
  }
  const product = tf.reshape(tf.concat(parts, 1), [...input.shape.slice(0, -1), units]);
  return layer.activation ? layer.activation.apply(product) : product;
}
