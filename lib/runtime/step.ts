/** One step of training: loss, gradients, update. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { FitOptions, Moments, OptimizerName } from '../core/context';
import { PruneError } from '../core/errors';
import type { Random } from '../core/random';
import { layersOf } from './leaves';
import { loadMoments, readMoments } from './moments';
import type { Added } from './norms';
import { createOptimizer } from './optimizer';
import { createRegularizer } from './regularize';

/** The rate of `step`, of `steps` along half a cosine from `peak` to zero. */
export function rateAt(peak: number, step: number, steps: number): number {
  return peak * 0.5 * (1 + Math.cos((Math.PI * step) / steps));
}

export interface Trainer {
  /**
   * Lowers a loss and the penalties by one step. `prepare` runs outside of what gradients are taken of, and gives the loss, all inside one
   * tidy. Gives the loss without penalties, read by nobody yet.
   */
  step(prepare: () => () => tf.Scalar, rate: number): tf.Scalar;
  /** What the optimizer knows by now. */
  moments(): Promise<Moments>;
  dispose(): void;
}

export interface TrainerOptions {
  readonly optimizer: OptimizerName;
  /** Weights that only complete a layer and stay as they are. */
  readonly added: Added;
  /** Where Dropout and noise get their numbers from. */
  readonly noise: Pick<Random, 'uniform'>;
  /** What the optimizer knows already; they fit the model. */
  readonly moments?: Moments;
  readonly regularize?: FitOptions['regularize'];
  /** Steps of this training that were made before; default 0. */
  readonly done?: number;
  /** Trained beside the model's own; they stay the caller's. */
  readonly beside?: readonly tf.Variable[];
}

/** An optimizer for `model`; the caller disposes it. The model stays the caller's. */
export function createTrainer(
  model: LayersModel,
  { optimizer: name, added, noise, moments, regularize, done, beside = [] }: TrainerOptions,
): Trainer {
  const variables = [...trainedVariables(model, added), ...beside];
  const regularizer = regularize && createRegularizer(model, regularize, done);
  const optimizer = createOptimizer(name);
  if (moments) loadMoments(model, added, moments, optimizer, variables);
  const penalties = [...(regularizer ? [regularizer.penalty] : []), ...lossesOf(model)];
  return {
    step(prepare, rate) {
      const mean: tf.Scalar[] = [];
      tf.tidy(() => {
        const lossOf = prepare();
        const cost = (): tf.Scalar => {
          const loss = lossOf();
          mean.push(tf.keep(tf.clone(loss)));
          return tf.addN([loss, ...penalties.map(penalty => penalty())]);
        };
        withRandom(noise, () => optimizer.minimize(cost, variables, rate));
      });
      regularizer?.advance();
      return mean[0];
    },
    moments: () => readMoments(model, added, name, optimizer),
    dispose() {
      optimizer.dispose();
      regularizer?.dispose();
    },
  };
}

/** Of regularizers that belong to layers. */
function lossesOf(model: LayersModel): readonly (() => tf.Scalar)[] {
  return layersOf(model).flatMap(({ layer }) => layer.losses);
}

function trainedVariables(model: LayersModel, added: Added): tf.Variable[] {
  const variables = layersOf(model).flatMap(({ path, layer }) => {
    const fixed = (added.get(path) ?? []).map(position => layer.weights[position].val);
    return layer.trainableWeights
      .map(weight => weight.read() as tf.Variable)
      .filter(variable => !fixed.includes(variable));
  });
  if (variables.length > 0) return variables;
  throw new PruneError('bad-model', {
    place: 'fit',
    expected: 'a layer with weights to train',
    got: 'none',
    cure: 'Set trainable to true on the layers to train.',
  });
}

/**
 * tf.js seeds the masks of Dropout and noise layers from Math.random and takes no stream of seeds. While a step runs, which
 * it does in one go, Math.random is ours; nobody else's code can see that.
 */
function withRandom(stream: Pick<Random, 'uniform'>, work: () => void): void {
  const { random } = Math;
  Math.random = () => stream.uniform();
  try {
    work();
  } finally {
    Math.random = random;
  }
}
