/** One vector for each text, from the hidden states of an encoder. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { NdArray } from '../core/array';
import { PruneError } from '../core/errors';
import { inBatches, type PredictOptions } from './predict';
import { readTensorLike, type TensorLike } from './tensors';

/** So that a text of padding alone becomes zeros, as it does elsewhere. */
const [FEWEST, SHORTEST] = [1e-9, 1e-12];

/**
 * The mean of the hidden states of each text at the places that count, divided by its length (L2), `[texts, width]`: similar texts have
 * a large dot product. `model` is that of `loadBert` with the head 'hidden', `inputs` what it takes: tokens, mask (1 for places that
 * count) and types, each `[texts, time]`.
 * Paper: Reimers and Gurevych 2019, 1908.10084, section 3, pooling MEAN.
 * @throws PruneError `bad-option` for another model, `bad-data` for inputs that are no arrays, `aborted`.
 */
export async function sentenceEmbeddings(
  model: LayersModel,
  inputs: readonly TensorLike[],
  options: PredictOptions = {},
): Promise<NdArray> {
  requireEncoder(model);
  const arrays: NdArray[] = [];
  for (const input of inputs) arrays.push(await readTensorLike('sentenceEmbeddings', input));
  requireInputs(arrays);
  const [pooled] = await inBatches('sentenceEmbeddings', model, arrays, options, ([hidden], [, mask]) => [
    meanOf(hidden, mask),
  ]);
  return pooled;
}

/** `hidden [texts, time, width]` and `mask [texts, time]`. */
function meanOf(hidden: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  const [texts, time] = mask.shape;
  const counts = tf.reshape(tf.cast(mask, 'float32'), [texts, time, 1]);
  const mean = tf.div(tf.sum(tf.mul(hidden, counts), 1), tf.maximum(tf.sum(counts, 1), FEWEST));
  return tf.div(mean, tf.maximum(tf.norm(mean, 'euclidean', 1, true), SHORTEST));
}

function requireEncoder({ name, inputs, outputs }: LayersModel): void {
  if (inputs.length === 3 && outputs.length === 1 && outputs[0].shape.length === 3) return;
  throw new PruneError('bad-option', {
    place: `sentenceEmbeddings "${name}"`,
    expected: 'a model from tokens, mask and types to hidden states [texts, time, width]',
    got: `${inputs.length} inputs and outputs of ${outputs.map(({ shape }) => shape.length).join()} axes`,
    cure: 'Load it with loadBert and the head "hidden".',
  });
}

function requireInputs(inputs: readonly NdArray[]): void {
  const shapes = inputs.map(({ shape }) => shape.join());
  if (inputs.length === 3 && inputs[0].shape.length === 2 && new Set(shapes).size === 1) return;
  throw new PruneError('bad-data', {
    place: 'sentenceEmbeddings',
    expected: 'tokens, mask and types, each [texts, time]',
    got: shapes.map(shape => `[${shape}]`).join(', ') || 'none',
    cure: 'Make them with padTokens.',
  });
}
