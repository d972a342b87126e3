/** Loss and accuracy of a model on a split. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import type { Score, Split } from '../core/context';
import { prepareLoss, type Loss, type LossTerm } from './loss';
import { withModel } from './materialize';
import { pause } from './pause';
import { batches, forward, predict, type PredictOptions } from './predict';
import { batchOf } from './tensors';

export { predict };

export interface EvaluateOptions extends PredictOptions {
  /** The examples to look at; default: all. */
  readonly order?: Int32Array;
}

/**
 * Mean loss over all examples (without penalties on weights) and, for classifiers, accuracy in [0, 1]; of several outputs
 * the losses are added and the accuracies averaged.
 * @throws PruneError `aborted`, `bad-option`.
 */
export async function evaluate(
  checkpoint: Checkpoint,
  split: Split,
  loss: Loss,
  options: EvaluateOptions = {},
): Promise<Score> {
  const { checkpoint: prepared, terms } = prepareLoss(checkpoint, loss);
  return withModel(prepared, model => score(model, split, terms, options));
}

/** {@link evaluate} for a model that is already there and whose outputs are as `terms` want them. */
export async function score(
  model: LayersModel,
  split: Split,
  terms: readonly LossTerm[],
  { batchSize = 128, order, signal }: EvaluateOptions = {},
): Promise<Score> {
  checkNumber('evaluate', 'batchSize', batchSize, { least: 1, integer: true });
  const breathe = pause('evaluate', signal);
  const count = order?.length ?? split.inputs[0].shape[0];
  const sums = [0, 0];
  for (const indices of batches(count, batchSize, order)) {
    await breathe();
    const means = tf.tidy(() => measure(model, split, terms, indices));
    const values = await means.data().finally(() => means.dispose());
    values.forEach((value: number, i: number) => (sums[i] += (value * indices.length) / count));
  }
  const [loss, accuracy] = sums;
  return terms.some(term => term.accuracy) ? { loss, accuracy } : { loss };
}

/** Loss and accuracy of one batch, as a tensor of two. */
function measure(model: LayersModel, split: Split, terms: readonly LossTerm[], indices: Int32Array): tf.Tensor {
  const outputs = forward(model, batchOf(split.inputs, indices));
  const targets = batchOf(split.targets, indices);
  const loss = tf.addN(terms.map((term, i) => term.mean(targets[i], outputs[i])));
  const right = terms.flatMap((term, i) => (term.accuracy ? [term.accuracy(targets[i], outputs[i])] : []));
  return tf.stack([loss, right.length === 0 ? tf.scalar(0) : tf.mean(tf.stack(right))]);
}
