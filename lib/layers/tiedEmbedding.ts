/** One table that turns tokens into vectors and vectors into logits. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import { TIED_EMBEDDING } from '../rules/tiedEmbedding';
import { lastOf, plainArgs, single, tableInitializer, type Shape, type TableArgs } from './own';

export interface TiedEmbeddingOptions extends TableArgs {
  /** Size of the vocabulary. */
  readonly inputDim: number;
  /** Size of the vectors. */
  readonly outputDim: number;
  /** Whether a number of each token is added to its logits; default false. */
  readonly useBias?: boolean;
}

/**
 * A layer to be called twice: on tokens `[batch, time]` it gives their vectors `[batch, time, outputDim]`, on vectors `[batch,
 * time, outputDim]` the logits `[batch, time, inputDim]` by the same table.
 */
export function tiedEmbedding(options: TiedEmbeddingOptions): TiedEmbedding {
  return new TiedEmbedding(options);
}

/** Made by {@link tiedEmbedding} and deserialization. */
export class TiedEmbedding extends layers.layers.Layer {
  /** @nocollapse */
  static className = TIED_EMBEDDING;
  private readonly inputDim: number;
  private readonly outputDim: number;
  private readonly options: TableArgs;
  private readonly useBias: boolean;
  private table!: layers.LayerVariable;
  private bias?: layers.LayerVariable;

  constructor({ inputDim, outputDim, useBias = false, ...args }: TiedEmbeddingOptions) {
    super(plainArgs(args));
    this.inputDim = checkNumber('tiedEmbedding', 'inputDim', inputDim, { least: 1, integer: true });
    this.outputDim = checkNumber('tiedEmbedding', 'outputDim', outputDim, { least: 1, integer: true });
    this.useBias = useBias;
    this.options = args;
  }

  override build(): void {
    const shape = [this.inputDim, this.outputDim];
    this.table = this.addWeight('embeddings', shape, 'float32', tableInitializer(this.options));
    const zeros = layers.initializers.zeros();
    if (this.useBias) this.bias = this.addWeight('bias', [this.inputDim], 'float32', zeros);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = single(inputs);
      const table = this.table.read() as tf.Tensor2D;
      if (x.rank === 2) {
        const rows = tf.gather(table, tf.reshape(tf.cast(x, 'int32'), [x.size]));
        return tf.reshape(rows, [...x.shape, this.outputDim]);
      }
      const vectors = tf.reshape<tf.Rank.R2>(x, [x.size / this.outputDim, this.outputDim]);
      const logits = tf.matMul(vectors, table, false, true);
      const shifted = this.bias ? tf.add(logits, this.bias.read()) : logits;
      return tf.reshape(shifted, [...x.shape.slice(0, -1), this.inputDim]);
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const shape = inputShape as Shape;
    if (shape.length === 2) return [...shape, this.outputDim];
    checkNumber(`tiedEmbedding "${this.name}"`, 'size of the vectors', lastOf(shape), {
      least: this.outputDim,
      most: this.outputDim,
    });
    return [...shape.slice(0, -1), this.inputDim];
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { inputDim, outputDim, useBias } = this;
    return { ...super.getConfig(), inputDim, outputDim, ...(useBias && { useBias }) };
  }
}

tf.serialization.registerClass(TiedEmbedding);
