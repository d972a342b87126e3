/** Forward passes over plain arrays, batch by batch. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { concatenate, type NdArray } from '../core/array';
import { checkNumber } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import { onSoundDevice } from './deviceErrors';
import { withModel } from './materialize';
import { pause } from './pause';
import { batchOf, fromTensor } from './tensors';

export interface PredictOptions {
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

/**
 * Outputs of `model` for all examples, `[examples, ...]`, one array per output. A model given is left alive.
 * @throws PruneError `aborted`, `bad-option`, `bad-device`.
 */
export async function predict(
  model: LayersModel | Checkpoint,
  inputs: readonly NdArray[],
  options: PredictOptions = {},
): Promise<NdArray[]> {
  if ('topology' in model) return withModel(model, built => predict(built, inputs, options));
  return inBatches('predict', model, inputs, options, outputs => outputs);
}

/**
 * What `read` makes of the outputs and the inputs of each batch, one after the other; it runs inside a tidy.
 * @throws PruneError `aborted`, `bad-option`, `bad-device`.
 */
export function inBatches(
  place: string,
  model: LayersModel,
  inputs: readonly NdArray[],
  { batchSize = 128, signal }: PredictOptions,
  read: (outputs: tf.Tensor[], inputs: tf.Tensor[]) => tf.Tensor[],
): Promise<NdArray[]> {
  checkNumber(place, 'batchSize', batchSize, { least: 1, integer: true });
  return onSoundDevice(async () => {
    const parts: NdArray[][] = [];
    const breathe = pause(place, signal);
    for (const indices of batches(inputs[0].shape[0], batchSize)) {
      await breathe();
      const outputs = tf.tidy(() => {
        const fed = batchOf(inputs, indices);
        return read(forward(model, fed), fed);
      });
      try {
        parts.push(await Promise.all(outputs.map(fromTensor)));
      } finally {
        tf.dispose(outputs);
      }
    }
    return parts[0].map((_, output) => concatenate(parts.map(part => part[output])));
  });
}

/** All outputs for one batch. Call it inside a tidy. */
export function forward(model: LayersModel, inputs: readonly tf.Tensor[], training = false): tf.Tensor[] {
  const fed = inputs.length === 1 ? inputs[0] : [...inputs];
  const outputs = model.apply(fed, { training }) as tf.Tensor | tf.Tensor[];
  return Array.isArray(outputs) ? outputs : [outputs];
}

/** 0 .. count - 1 (or `order`) in runs of `size`; the last may be shorter. */
export function batches(count: number, size: number, order?: Int32Array): Int32Array[] {
  const all = order ?? Int32Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: Math.ceil(count / size) }, (_, b) => all.subarray(b * size, (b + 1) * size));
}
