/** A model that is ready to be trained. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Checkpoint } from '../core/checkpoint';
import { installTrainingKernels } from '../kernels';
import { useFastNorms } from './fastNorms';
import { prepareLoss, type Loss, type LossTerm } from './loss';
import { withModel } from './materialize';
import { completeNorms, requireTrainableNorms, withoutAdded, type Added } from './norms';

export interface Learner {
  readonly model: LayersModel;
  /** On its outputs, one for each. */
  readonly terms: readonly LossTerm[];
  /** Weights that only complete a layer and stay as they are. */
  readonly added: Added;
}

/** For whom, and what is done to the checkpoint before it becomes a model. */
export interface LearnerOptions {
  readonly place: string;
  readonly wrap?: (complete: Checkpoint) => Checkpoint;
}

/** `checkpoint` with the weights that `train` gives, which is lent a model to train; the model is freed afterwards. */
export async function withLearner(
  checkpoint: Checkpoint,
  loss: Loss,
  { place, wrap = complete => complete }: LearnerOptions,
  train: (learner: Learner) => Promise<Checkpoint['weights']>,
): Promise<Checkpoint> {
  if (tf.getBackend() === 'wasm') installTrainingKernels(); // stock WASM cannot train convolutions
  const { checkpoint: complete, added } = completeNorms(checkpoint);
  const { checkpoint: prepared, terms } = prepareLoss(wrap(complete), loss);
  const weights = await withModel(prepared, model => {
    requireTrainableNorms(place, model);
    useFastNorms(model);
    return train({ model, terms, added });
  });
  return { topology: checkpoint.topology, weights: withoutAdded(weights, added) };
}
