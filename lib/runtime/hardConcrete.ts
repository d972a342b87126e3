/** Masks between 0 and 1 that can be exactly either, and be learnt. Louizos et al. 2018, 1712.01312, equations 10 to 13. */
import * as tf from '@tensorflow/tfjs-core';

const [LEFT, RIGHT, TEMPERATURE] = [-0.1, 1.1, 2 / 3];

/** Beyond it a location says no more. Xia et al. 2023, 2310.06694, clamp as here. */
export const MOST = Math.log(100);

/** A mask for each location, from `uniform` in (0, 1). */
export function sampled(location: tf.Tensor, uniform: tf.Tensor): tf.Tensor {
  const noise = tf.sub(tf.log(uniform), tf.log(tf.sub(1, uniform)));
  return stretched(tf.sigmoid(tf.div(tf.add(location, noise), TEMPERATURE)));
}

/** The mask without chance; equation 13. */
export function settled(location: tf.Tensor): tf.Tensor {
  return stretched(tf.sigmoid(location));
}

function stretched(soft: tf.Tensor): tf.Tensor {
  return tf.clipByValue(tf.add(tf.mul(soft, RIGHT - LEFT), LEFT), 0, 1);
}

/** The probability that a mask is not 0. */
export function open(location: tf.Tensor): tf.Tensor {
  return tf.sigmoid(tf.sub(location, TEMPERATURE * Math.log(-LEFT / RIGHT)));
}
