/** What the wrapper uses of the layers it may hold, private parts included: tf.js does not export their classes. */
import type * as tf from '@tensorflow/tfjs-core';
import type * as layers from '@tensorflow/tfjs-layers';

export type Shape = (number | null)[];

type Layer = layers.layers.Layer;

export interface WrappedLayer extends Omit<Layer, 'build' | 'computeOutputShape' | 'call' | 'losses' | 'weights'> {
  activation?: { apply(tensor: tf.Tensor): tf.Tensor; getClassName(): string } | null;
  /** Of a BatchNormalization. */
  readonly gamma?: { read(): tf.Tensor };
  readonly losses: (() => tf.Scalar)[];
  readonly weights: layers.LayerVariable[];
  build(inputShape: Shape | Shape[]): void;
  computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[];
  call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor | tf.Tensor[];
}

/** Classes with channels, and of a rank that tf.js can normalise. */
export const allowedLayers: readonly string[] = [
  'BatchNormalization',
  'Dense',
  'Conv1D',
  'Conv2D',
  'Conv2DTranspose',
  'DepthwiseConv2D',
  'SeparableConv2D',
];
