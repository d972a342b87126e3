/** What our layers share: arguments, and one tensor out of what tf.js hands to `call`. */
import type * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import type { Shape } from './wrapped';

export type { Shape };

type Initializer = ReturnType<typeof layers.initializers.zeros>;

/** What every layer of tf.js takes. */
export interface LayerArgs {
  readonly name?: string;
  readonly trainable?: boolean;
  readonly batchInputShape?: Shape;
  /** Without the batch; of the first layer of a Sequential. */
  readonly inputShape?: Shape;
  readonly dtype?: tf.DataType;
}

export interface TableArgs extends LayerArgs {
  /** Of the table; default: normal with standard deviation 0.02. Not saved with the model. */
  readonly embeddingsInitializer?: Initializer;
}

/** The initializer of a table of embeddings. */
export function tableInitializer({ embeddingsInitializer }: TableArgs): Initializer {
  return embeddingsInitializer ?? layers.initializers.randomNormal({ mean: 0, stddev: 0.02 });
}

/** The one input of a layer. */
export function single(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(inputs) ? inputs[0] : inputs;
}

/** Size of the last axis, which carries the units. */
export function lastOf(shape: Shape | Shape[]): number {
  return (shape as Shape)[shape.length - 1]!;
}

/** What tf.js itself takes of them. */
export function plainArgs({ embeddingsInitializer: _, ...args }: TableArgs): LayerArgs {
  return args;
}
