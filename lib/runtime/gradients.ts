/** Gradients of the loss for criteria: nothing is trained, and the model runs as in a prediction. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { NdArray } from '../core/array';
import { checkNumber } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import type { Gate, ObserveOptions, See } from '../core/context';
import { PruneError } from '../core/errors';
import { random } from '../core/random';
import { installTrainingKernels } from '../kernels';
import type { Splits } from './data';
import { hangGates } from './hangGates';
import { layersOf } from './leaves';
import { prepareLoss, type LossTerm } from './loss';
import { withModel } from './materialize';
import { completeNorms, withoutAdded } from './norms';
import { pause } from './pause';
import { batches, forward } from './predict';
import { batchOf, fromTensor } from './tensors';

interface Run {
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/**
 * Shows `see` the gradient of the mean loss of each batch of `splits.train`, drawn by the seed, with respect to every weight;
 * weights that do not train have zeros.
 * @throws PruneError `bad-option` (also for a loss that is not finite), `aborted`.
 */
export async function weightGradients(
  checkpoint: Checkpoint,
  splits: Splits,
  see: See<Checkpoint['weights']>,
  options: ObserveOptions = {},
  run: Run,
): Promise<void> {
  const { checkpoint: complete, added } = completeNorms(checkpoint);
  await overBatches(complete, splits, options, run, model => {
    const leaves = layersOf(model).filter(({ layer }) => layer.weights.length > 0);
    const trained = new Set(leaves.flatMap(({ layer }) => layer.trainableWeights.map(weight => weight.read())));
    const variables = [...trained];
    return async lossOf => {
      const grads = tf.tidy(() => gradientsOf(() => lossOf(1), variables));
      try {
        const arrays = await Promise.all(grads.map(fromTensor));
        const byVariable = new Map(variables.map((variable, i) => [variable, arrays[i]]));
        const weights = leaves.map(({ path, layer }) => [path, layer.getWeights().map(weight => gradientOr0(weight, byVariable))] as const); // prettier-ignore
        return await see(withoutAdded(new Map(weights), added));
      } finally {
        tf.dispose(grads);
      }
    };
  });
}

/**
 * Shows `see`, for each of `gates`, the gradient of each example's own loss with respect to it, `[batch, positions]`: one backward pass
 * for a whole batch, because every example has a gate of its own.
 * @throws PruneError `bad-option` for a gate on a layer or input that the model does not have, or a loss that is not finite; `aborted`.
 */
export async function gateGradients(
  checkpoint: Checkpoint,
  splits: Splits,
  gates: readonly Gate[],
  see: See<readonly NdArray[]>,
  options: ObserveOptions = {},
  run: Run,
): Promise<void> {
  if (gates.length === 0) return;
  // tf.js has no gradient for a BatchNormalization without gamma or beta
  await overBatches(completeNorms(checkpoint).checkpoint, splits, options, run, model => {
    const hung = hangGates(model, gates);
    return async (lossOf, examples) => {
      const grads = tf.tidy(() => {
        const ones = hung.shapes.map(shape => tf.ones([examples, ...shape.slice(1)]));
        hung.set(ones);
        return gradientsOf(() => lossOf(examples), ones);
      });
      try {
        const arrays = await Promise.all(grads.map(fromTensor));
        return await see(
          arrays.map(({ data, ...array }) => ({ ...array, data, shape: [examples, data.length / examples] })),
        );
      } finally {
        tf.dispose(grads);
      }
    };
  });
}

/** For one batch: `lossOf(scale)` is its mean loss times `scale`, to be called inside a tape. */
type Work = (lossOf: (scale: number) => tf.Scalar, examples: number) => Promise<void | boolean>;

async function overBatches(
  checkpoint: Checkpoint,
  splits: Splits,
  { batches: most = 16, batchSize = 64 }: ObserveOptions,
  { seed, signal }: Run,
  start: (model: LayersModel) => Work,
): Promise<void> {
  checkNumber('gradients', 'batches', most, { least: 1, integer: true });
  checkNumber('gradients', 'batchSize', batchSize, { least: 1, integer: true });
  if (tf.getBackend() === 'wasm') installTrainingKernels(); // stock WASM has no gradients of convolutions
  const { checkpoint: prepared, terms } = prepareLoss(checkpoint, splits.loss);
  const { inputs, targets } = splits.train;
  const count = inputs[0].shape[0];
  const breathe = pause('gradients', signal);
  await withModel(prepared, async model => {
    const work = start(model);
    const order = random(seed, 'gradients').permutation(count);
    for (const indices of batches(count, batchSize, order).slice(0, most)) {
      await breathe();
      const [given, wanted] = [inputs, targets].map(arrays => batchOf(arrays, indices));
      try {
        const enough = await work(scale => scaledLoss(model, terms, given, wanted, scale), indices.length);
        if (enough) return;
      } finally {
        tf.dispose([...given, ...wanted]);
      }
    }
  });
}

function scaledLoss(
  model: LayersModel,
  terms: readonly LossTerm[],
  inputs: readonly tf.Tensor[],
  targets: readonly tf.Tensor[],
  scale: number,
): tf.Scalar {
  const outputs = forward(model, inputs);
  return tf.mul(tf.addN(terms.map((term, i) => term.mean(targets[i], outputs[i]))), scale);
}

/** Zeros where the loss does not see a tensor. */
function gradientsOf(loss: () => tf.Scalar, xs: readonly tf.Tensor[]): tf.Tensor[] {
  try {
    const { value, grads } = tf.engine().gradients(loss, [...xs], undefined, true);
    value.dispose();
    return grads.map((grad, i) => grad ?? tf.zerosLike(xs[i]));
  } catch (error) {
    throw /gradient/.test(String(error)) ? noGradient(error) : error;
  }
}

function noGradient(cause: unknown): PruneError {
  const details = {
    place: 'gradients',
    expected: 'layers that tf.js can differentiate',
    got: cause instanceof Error ? cause.message.replace(/\.$/, '') : String(cause),
    cure: 'Use a criterion that needs no gradients.',
  };
  return new PruneError('bad-model', details, { cause });
}

function gradientOr0(weight: tf.Tensor, byVariable: ReadonlyMap<tf.Tensor, NdArray>): NdArray {
  const { shape, size } = weight;
  return byVariable.get(weight) ?? { shape: [...shape], dtype: 'float32', data: new Float32Array(size) };
}
