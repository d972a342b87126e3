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
import { layersOf, wrapCall, type AnyLayer } from './leaves';
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
        const ones = hung.open(examples);
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

/** Multiplies the inputs of layers by gates; `open` makes new gates of 1 for a batch, in the order given. */
function hangGates(model: LayersModel, gates: readonly Gate[]): { open(examples: number): tf.Tensor[] } {
  const layers = new Map(layersOf(model).map(({ path, layer }) => [path, layer]));
  let current: readonly tf.Tensor[] = [];
  const shapes = gates.map(gate => shapeOf(layers.get(gate.layer), gate));
  for (const path of new Set(gates.map(({ layer }) => layer))) {
    wrapCall(layers.get(path)!, call => (inputs, kwargs) => {
      const gated = [inputs]
        .flat()
        .map((input, i) => gates.reduce((x, gate, g) => (isOn(gate, path, i, x) ? tf.mul(x, current[g]) : x), input));
      return call(Array.isArray(inputs) ? gated : gated[0], kwargs);
    });
  }
  return {
    open(examples) {
      current = shapes.map(shape => tf.ones([examples, ...shape.slice(1)]));
      return [...current];
    },
  };
}

/** A layer that is given tensors of another rank in other calls, tokens to look up, has its gate where it is given vectors. */
function isOn({ layer, input, axis }: Gate, path: string, index: number, { rank }: tf.Tensor): boolean {
  return layer === path && input === index && rank > axis;
}

/** `[1, ..., positions, ...]` for the input that `gate` is on. */
function shapeOf(layer: AnyLayer | undefined, { layer: path, input, axis }: Gate): number[] {
  const shape = layer?.inboundNodes.map(({ inputShapes }) => inputShapes[input]).find(given => given?.length > axis);
  const size = shape?.[axis];
  if (shape && typeof size === 'number' && axis > 0) return shape.map((_, a) => (a === axis ? size : 1));
  throw new PruneError('bad-option', {
    place: 'gradients',
    expected: 'gates along an axis of fixed size of an input of a layer of the model',
    got: `axis ${axis} of input ${input} of "${path}"`,
    cure: 'Take the gates from gatesOf.',
  });
}
