/** The training task of the benches: a ResNet-20 (CIFAR size) on one batch of random images. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { layersOf } from '../../lib/runtime/leaves';
import { resnet20 } from './resnet';
import { seeded } from './weights';

export const BATCH = 32;

export interface TrainingTask {
  readonly variables: tf.Variable[];
  /** Log loss on the batch, and what the layers add to it. */
  readonly cost: () => tf.Scalar;
}

export function trainedNet(): LayersModel {
  return seeded(resnet20());
}

/** For a model that gives the probabilities of ten classes of 32 x 32 images. */
export function trainingTask(model: LayersModel, batch = BATCH): TrainingTask {
  const images = tf.randomNormal([batch, 32, 32, 3], 0, 1, 'float32', 1);
  const labels = tf.oneHot(tf.randomUniform([batch], 0, 10, 'int32', 2), 10);
  const penalties = layersOf(model).flatMap(({ layer }) => layer.losses) as (() => tf.Scalar)[];
  const cost = (): tf.Scalar => {
    const probabilities = model.apply(images, { training: true }) as tf.Tensor;
    const loss = tf.losses.logLoss<tf.Tensor, tf.Scalar>(labels, probabilities);
    return tf.addN([loss, ...penalties.map(penalty => penalty())]);
  };
  return { variables: model.trainableWeights.map(weight => weight.read() as tf.Variable), cost };
}
