/** A Dense layer whose kernel stays as it is while a correction of low rank is trained. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import { LORA_DENSE } from '../rules/lora';
import { lastOf, single, type LayerArgs, type Shape } from './own';
import type { WrappedLayer } from './wrapped';

interface DenseParts extends Pick<WrappedLayer, 'activation'> {
  readonly kernel: layers.LayerVariable;
  readonly bias?: layers.LayerVariable | null;
}

type LayerClass = typeof layers.layers.Layer;
type DenseClass = (new (args: object) => layers.layers.Layer & DenseParts) & Pick<LayerClass, 'fromConfig'>;

/** tf.js does not export the class. The name keeps it from using up one of those that tf.js numbers. */
const Dense = layers.layers.dense({ name: 'dense', units: 1 }).constructor as DenseClass;

interface LoraDenseArgs extends LayerArgs {
  readonly units: number;
  readonly activation?: string;
  readonly rank: number;
  /** Factor of the correction. */
  readonly scale: number;
}

/** Made by `addLora` and deserialization: `activation(x kernel + bias + scale x a b)`, where only `a` and `b` are trained. */
export class LoraDense extends Dense {
  /** @nocollapse */
  static className = LORA_DENSE;
  private readonly rank: number;
  private readonly scale: number;
  private a?: layers.LayerVariable;
  private b?: layers.LayerVariable;

  constructor({ rank, scale, ...args }: LoraDenseArgs) {
    super(args);
    this.rank = checkNumber('loraDense', 'rank', rank, { least: 1, integer: true });
    this.scale = checkNumber('loraDense', 'scale', scale);
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    const inputs = lastOf(inputShape);
    const drawn = layers.initializers.randomNormal({ mean: 0, stddev: 1 / Math.sqrt(inputs) });
    const outputs = this.kernel.shape[1];
    this.a = this.addWeight('lora_a', [inputs, this.rank], 'float32', drawn);
    this.b = this.addWeight('lora_b', [this.rank, outputs!], 'float32', layers.initializers.zeros());
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = single(inputs);
      const [kernel, a, b] = [this.kernel, this.a!, this.b!].map(weight => weight.read() as tf.Tensor2D);
      const rows = tf.reshape<tf.Rank.R2>(x, [-1, kernel.shape[0]]);
      const correction = tf.mul(tf.matMul(tf.matMul(rows, a), b), this.scale);
      const sum = tf.add(tf.matMul(rows, kernel), correction);
      const shifted = this.bias ? tf.add(sum, this.bias.read()) : sum;
      const bent = this.activation ? this.activation.apply(shifted) : shifted;
      return tf.reshape(bent, [...x.shape.slice(0, -1), kernel.shape[1]]);
    });
  }

  override get trainableWeights(): layers.LayerVariable[] {
    return this.trainable ? this.adapters() : [];
  }

  override get nonTrainableWeights(): layers.LayerVariable[] {
    return this.trainable ? this.base() : this.weights;
  }

  /** Kernel, bias where it has one, `a`, `b`, whatever is frozen. */
  override get weights(): layers.LayerVariable[] {
    return [...this.base(), ...this.adapters()];
  }

  private base(): layers.LayerVariable[] {
    return [this.kernel, this.bias].filter(weight => weight != null);
  }

  private adapters(): layers.LayerVariable[] {
    return [this.a, this.b].filter(weight => weight !== undefined);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), rank: this.rank, scale: this.scale };
  }
}

tf.serialization.registerClass(LoraDense);
