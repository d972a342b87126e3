/** Norms over the last axis whose divisor is the width there was at first, so that what is cut counts as zero. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import { fused } from '../kernels/fused';
import { LAYER_NORM, RMS_NORM } from '../rules/widthNorms';
import { lastOf, single, type LayerArgs, type Shape } from './own';

export interface NormOptions extends LayerArgs {
  /** Added to the mean square, or to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** What sums are divided by; default: the size of the last axis when the layer is first used. */
  readonly width?: number;
}

/** `x / sqrt(sum(x^2) / width + epsilon) * gamma` along the last axis. Paper: Zhang and Sennrich 2019, 1910.07467, equation 4. */
export function rmsNorm(options: NormOptions = {}): RmsNorm {
  return new RmsNorm(options);
}

/**
 * `(x - mean) / sqrt(variance + epsilon) * gamma + beta` along the last axis, where mean and variance are those of `width`
 * numbers of which the ones that are missing are zero. Paper: Ba et al. 2016, 1607.06450, section 3.1.
 */
export function layerNorm(options: NormOptions = {}): LayerNorm {
  return new LayerNorm(options);
}

abstract class WidthNorm extends layers.layers.Layer {
  protected readonly epsilon: number;
  protected width: number;
  protected gamma!: layers.LayerVariable;

  constructor({ epsilon = 1e-5, width, ...args }: NormOptions) {
    super(args);
    this.epsilon = checkNumber('norm', 'epsilon', epsilon, { least: 0 });
    this.width = width == null ? NaN : checkNumber('norm', 'width', width, { least: 1, integer: true });
  }

  override build(inputShape: Shape | Shape[]): void {
    const size = lastOf(inputShape);
    if (Number.isNaN(this.width)) this.width = size;
    checkNumber(`norm "${this.name}"`, 'width', this.width, { least: size });
    this.gamma = this.addWeight('gamma', [size], 'float32', layers.initializers.ones());
    this.built = true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return inputShape;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const width = Number.isNaN(this.width) ? {} : { width: this.width };
    return { ...super.getConfig(), epsilon: this.epsilon, ...width } as never;
  }
}

/** Made by {@link rmsNorm} and deserialization. */
export class RmsNorm extends WidthNorm {
  /** @nocollapse */
  static className = RMS_NORM;

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const { width, epsilon } = this;
      return fused('RmsNorm', {
        inputs: { x: single(inputs), gamma: this.gamma.read() },
        attributes: { width, epsilon },
        inWords: (x, gamma) => {
          const meanSquare = tf.mul(tf.sum(tf.square(x), -1, true), 1 / width);
          return tf.mul(tf.mul(x, tf.rsqrt(tf.add(meanSquare, epsilon))), gamma);
        },
      });
    });
  }
}

/** Made by {@link layerNorm} and deserialization. */
export class LayerNorm extends WidthNorm {
  /** @nocollapse */
  static className = LAYER_NORM;
  private beta!: layers.LayerVariable;

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    this.beta = this.addWeight('beta', [lastOf(inputShape)], 'float32', layers.initializers.zeros());
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const { width, epsilon } = this;
      return fused('LayerNorm', {
        inputs: { x: single(inputs), gamma: this.gamma.read(), beta: this.beta.read() },
        attributes: { width, epsilon },
        inWords: (x, gamma, beta) => {
          const missing = width - x.shape[x.shape.length - 1];
          const mean = tf.mul(tf.sum(x, -1, true), 1 / width);
          const centred = tf.sub(x, mean);
          // Each missing number is zero, mean away from the mean; the difference of two large sums would cancel instead.
          const squares = tf.add(tf.sum(tf.square(centred), -1, true), tf.mul(tf.square(mean), missing));
          const inverse = tf.rsqrt(tf.add(tf.mul(squares, 1 / width), epsilon));
          return tf.add(tf.mul(tf.mul(centred, inverse), gamma), beta);
        },
      });
    });
  }
}

for (const type of [RmsNorm, LayerNorm]) tf.serialization.registerClass(type);
