/** Batch normalization in training as one operation with a gradient of its own. */
import * as tf from '@tensorflow/tfjs-core';

export interface Normalised {
  /** Shape of the input. */
  readonly output: tf.Tensor;
  /** Of the batch, `[channels]`; the caller disposes them. */
  readonly mean: tf.Tensor1D;
  readonly variance: tf.Tensor1D;
}

/**
 * `x` with every channel (position of the last axis) brought to mean 0 and variance 1 over the batch, times `gamma` plus `beta`,
 * both `[channels]`. tf.js differentiates mean, variance and quotient one by one, over a dozen passes through the activation;
 * the gradient in closed form takes six.
 * Paper: Ioffe and Szegedy 2015, 1502.03167, section 3.
 */
export function normaliseBatch(x: tf.Tensor, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number): Normalised {
  const [channels] = gamma.shape;
  const rows = x.size / channels;
  const flat = (tensor: tf.Tensor): tf.Tensor2D => tf.reshape(tensor, [rows, channels]);
  let statistics: { mean: tf.Tensor1D; variance: tf.Tensor1D } | undefined;
  const forward = (input: tf.Tensor, scale: tf.Tensor1D, shift: tf.Tensor1D, save: tf.GradSaveFunc) => {
    const mean: tf.Tensor1D = tf.mean(flat(input), 0);
    const centred = affine(flat(input), tf.onesLike(mean), tf.neg(mean));
    const variance: tf.Tensor1D = tf.mean(tf.square(centred), 0);
    const inverse: tf.Tensor1D = tf.rsqrt(tf.add<tf.Tensor1D>(variance, epsilon));
    statistics = { mean: tf.keep(mean), variance: tf.keep(variance) };
    save([centred, inverse, scale]);
    const value = tf.reshape(affine(centred, tf.mul(scale, inverse), shift), input.shape);
    return { value, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradients(dy, saved, rows) };
  };
  const normalise = tf.customGrad(forward as never);
  const output = normalise(x, gamma, beta);
  return { output, ...statistics! };
}

/** Equations of section 3 of the paper, with the sums over the batch taken first and the rest as two scalings. */
function gradients(dy: tf.Tensor, saved: readonly tf.Tensor[], rows: number): tf.Tensor[] {
  const [centred, inverse, scale] = saved as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
  const flat: tf.Tensor2D = tf.reshape(dy, centred.shape);
  const shiftGradient: tf.Tensor1D = tf.sum(flat, 0);
  const scaleGradient: tf.Tensor1D = tf.mul(tf.sum(tf.mul(flat, centred), 0), inverse);
  const factor: tf.Tensor1D = tf.mul(scale, inverse);
  const mean: tf.Tensor1D = tf.mul(tf.mul(factor, shiftGradient), -1 / rows);
  const slope: tf.Tensor1D = tf.mul(tf.mul(tf.mul(factor, inverse), scaleGradient), -1 / rows);
  const direct = affine(flat, factor, mean);
  const along = affine(centred, slope, tf.zerosLike(mean));
  return [tf.reshape(tf.add(direct, along), dy.shape), scaleGradient, shiftGradient];
}

/** `x * scale + shift` by channel. On WASM broadcasting is slow, and a depthwise convolution of one tap does the same. */
function affine(x: tf.Tensor2D, scale: tf.Tensor1D, shift: tf.Tensor1D): tf.Tensor2D {
  if (tf.getBackend() !== 'wasm') return tf.add(tf.mul(x, scale), shift);
  const [rows, channels] = x.shape;
  const image: tf.Tensor4D = tf.reshape(x, [1, rows, 1, channels]);
  const filter: tf.Tensor4D = tf.reshape(scale, [1, 1, channels, 1]);
  return tf.reshape(tf.fused.depthwiseConv2d({ x: image, filter, strides: 1, pad: 'valid', bias: shift }), x.shape);
}
