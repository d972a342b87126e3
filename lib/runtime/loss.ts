/** What training minimises, and accuracy: keywords, the choice by the head, and the arithmetic on one batch. */
import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../core/array';
import type { Checkpoint, Topology } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { headsOf, withLinear, type Head } from './heads';

export const lossNames = [
  'categoricalCrossentropy',
  'sparseCategoricalCrossentropy',
  'binaryCrossentropy',
  'meanSquaredError',
] as const;

export type LossName = (typeof lossNames)[number];

/** Mean loss of one batch for one output; `targets` and `predictions` are `[batch, ...]`, predictions as the model gives them. */
export type LossFunction = (targets: tf.Tensor, predictions: tf.Tensor) => tf.Scalar;

/** One per model output; their losses are added, their accuracies averaged. */
export type Loss = readonly (LossName | LossFunction)[];

/** How an output answers: by classes along its last axis, by a yes or no each, or by values. */
export interface Answer {
  readonly kind: 'classes' | 'sigmoids' | 'values';
  /** Of predictions as the model that was prepared gives them; values are as they are. */
  logits(predictions: tf.Tensor): tf.Tensor;
}

/** A loss on one batch. */
export interface LossTerm {
  readonly answer: Answer;
  /** Mean over the batch. */
  mean(targets: tf.Tensor, predictions: tf.Tensor): tf.Scalar;
  /** Fraction of right answers in the batch; undefined for what is no classifier. */
  readonly accuracy?: (targets: tf.Tensor, predictions: tf.Tensor) => tf.Scalar;
}

/**
 * The loss of an output that was given none: softmax means cross-entropy (with labels when the targets are not one-hot),
 * sigmoid binary cross-entropy, anything else the squared error.
 */
export function inferLoss({ activation }: Head, oneHot: boolean): LossName {
  if (activation === 'softmax') return oneHot ? 'categoricalCrossentropy' : 'sparseCategoricalCrossentropy';
  return activation === 'sigmoid' ? 'binaryCrossentropy' : 'meanSquaredError';
}

/**
 * The checkpoint to run and the loss to put on its outputs. A softmax or sigmoid that ends an output under cross-entropy is
 * taken off and becomes part of the loss: exact where the probability would round to 0 or 1. An output without
 * activation under cross-entropy is taken to be logits.
 */
export function prepareLoss(
  checkpoint: Checkpoint,
  loss: Loss,
): { checkpoint: Checkpoint; terms: readonly LossTerm[] } {
  const heads = headsOf(checkpoint.topology);
  const bare = new Set<string>();
  const terms = loss.map((name, i) => {
    const { path, activation, free, direct } = heads[i];
    const fused = activation === activationOf(name) && free && direct;
    if (fused) bare.add(path);
    const logits = fused || activation === 'linear';
    return { ...termOf(name, activation, logits), answer: answerOf(name, activation, logits) };
  });
  return { checkpoint: { ...checkpoint, topology: linear(checkpoint.topology, bare) }, terms };
}

function linear(topology: Topology, paths: ReadonlySet<string>): Topology {
  return paths.size === 0 ? topology : withLinear(topology, paths);
}

function activationOf(name: LossName | LossFunction): string | undefined {
  if (name === 'binaryCrossentropy') return 'sigmoid';
  return name === 'categoricalCrossentropy' || name === 'sparseCategoricalCrossentropy' ? 'softmax' : undefined;
}

function answerOf(name: LossName | LossFunction, activation: string, logits: boolean): Answer {
  // A loss of the user's, and the squared error, say nothing of linear outputs.
  const means = activationOf(name) ?? activation;
  if (means === 'softmax') return { kind: 'classes', logits: logits ? asTheyAre : ofProbabilities };
  if (means === 'sigmoid') return { kind: 'sigmoids', logits: logits ? asTheyAre : ofLikelihoods };
  return { kind: 'values', logits: asTheyAre };
}

function asTheyAre(predictions: tf.Tensor): tf.Tensor {
  return predictions;
}

function ofProbabilities(predictions: tf.Tensor): tf.Tensor {
  return tf.log(tf.clipByValue(predictions, EPSILON, 1));
}

function ofLikelihoods(predictions: tf.Tensor): tf.Tensor {
  const likely = tf.clipByValue(predictions, EPSILON, 1 - EPSILON);
  return tf.sub(tf.log(likely), tf.log(tf.sub(1, likely)));
}

function termOf(name: LossName | LossFunction, activation: string, logits: boolean): Omit<LossTerm, 'answer'> {
  switch (name) {
    case 'categoricalCrossentropy':
    case 'sparseCategoricalCrossentropy':
      return { mean: logits ? softmaxLogits : softmaxProbabilities, accuracy: argmaxAccuracy };
    case 'binaryCrossentropy':
      return { mean: logits ? sigmoidLogits : sigmoidProbabilities, accuracy: thresholdAccuracy(logits ? 0 : 0.5) };
    case 'meanSquaredError':
      return { mean: squaredError, accuracy: accuracyFor(activation) };
    default:
      return { mean: (targets, predictions) => scalar(name(targets, predictions)), accuracy: accuracyFor(activation) };
  }
}

function accuracyFor(activation: string): LossTerm['accuracy'] {
  if (activation === 'softmax') return argmaxAccuracy;
  return activation === 'sigmoid' ? thresholdAccuracy(0.5) : undefined;
}

/** As tf.js itself clips probabilities. */
const EPSILON = 1e-7;

function softmaxLogits(targets: tf.Tensor, logits: tf.Tensor): tf.Scalar {
  return crossEntropy(targets, tf.logSoftmax(logits));
}

function softmaxProbabilities(targets: tf.Tensor, predictions: tf.Tensor): tf.Scalar {
  return crossEntropy(targets, ofProbabilities(predictions));
}

/** Kullback-Leibler divergence of `b` from `a` along the last axis, both logarithms of probabilities. */
export function divergence(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  return tf.sum(tf.mul(tf.exp(a), tf.sub(a, b)), -1);
}

function crossEntropy(targets: tf.Tensor, logProbabilities: tf.Tensor): tf.Scalar {
  const wanted = oneHot(targets, logProbabilities.shape);
  return tf.neg(tf.mean(tf.sum(tf.mul(wanted, logProbabilities), -1))) as tf.Scalar;
}

function sigmoidLogits(targets: tf.Tensor, logits: tf.Tensor): tf.Scalar {
  const wanted = tf.reshape(targets, logits.shape);
  return tf.mean(tf.sub(tf.softplus(logits), tf.mul(logits, wanted)));
}

function sigmoidProbabilities(targets: tf.Tensor, predictions: tf.Tensor): tf.Scalar {
  const wanted = tf.reshape(targets, predictions.shape);
  const likely = tf.clipByValue(predictions, EPSILON, 1 - EPSILON);
  const right = tf.mul(wanted, tf.log(likely));
  const wrong = tf.mul(tf.sub(1, wanted), tf.log(tf.sub(1, likely)));
  return tf.neg(tf.mean(tf.add(right, wrong))) as tf.Scalar;
}

function squaredError(targets: tf.Tensor, predictions: tf.Tensor): tf.Scalar {
  return tf.mean<tf.Scalar>(tf.square(tf.sub(predictions, tf.reshape(targets, predictions.shape))));
}

function argmaxAccuracy(targets: tf.Tensor, predictions: tf.Tensor): tf.Scalar {
  const wanted =
    targets.size === predictions.size
      ? tf.argMax(tf.reshape(targets, predictions.shape), -1)
      : tf.cast(tf.reshape(targets, predictions.shape.slice(0, -1)), 'int32');
  return tf.mean<tf.Scalar>(tf.cast(tf.equal(tf.argMax(predictions, -1), wanted), 'float32'));
}

function thresholdAccuracy(threshold: number): NonNullable<LossTerm['accuracy']> {
  return (targets, predictions) => {
    const wanted = tf.greater(tf.reshape(targets, predictions.shape), 0.5);
    return tf.mean(tf.cast(tf.equal(tf.greater(predictions, threshold), wanted), 'float32'));
  };
}

/** One-hot targets are passed on; labels are spread over the last axis of `shape`. */
export function oneHot(targets: tf.Tensor, shape: readonly number[]): tf.Tensor {
  if (targets.size === sizeOf(shape)) return tf.reshape(targets, [...shape]);
  const labels = tf.cast(tf.reshape(targets, shape.slice(0, -1)), 'int32');
  // The wasm kernel writes integers whatever type it is asked for.
  return tf.cast(tf.oneHot(labels, shape[shape.length - 1]), 'float32');
}

function scalar(value: tf.Tensor): tf.Scalar {
  if (value instanceof tf.Tensor && value.size === 1) return tf.reshape(value, []);
  throw new PruneError('bad-option', {
    place: 'data.loss',
    expected: 'a function that returns a scalar tensor, the mean over the batch',
    got: value instanceof tf.Tensor ? `a tensor [${value.shape.join(', ')}]` : typeof value,
    cure: 'Return tf.mean(...) of the losses.',
  });
}
