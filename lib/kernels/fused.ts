/** Parts of layers that some backends do in one kernel of ours. */
import * as tf from '@tensorflow/tfjs-core';

export type FusedKernel = 'Attend' | 'LayerNorm' | 'RmsNorm';

interface Call<T extends tf.Tensor> {
  /** In the order of `inWords`. */
  readonly inputs: Readonly<Record<string, T | undefined>>;
  readonly attributes: Readonly<Record<string, number>>;
  /** The same in functions of tf.js. */
  readonly inWords: (...inputs: T[]) => tf.Tensor;
}

export const nameOf = (kernel: FusedKernel): string => `tfjs-prune/${kernel}`;

/** The result of `kernel` where the backend has it, and no gradient is wanted, for which the words are needed. */
export function fused<T extends tf.Tensor>(kernel: FusedKernel, { inputs, attributes, inWords }: Call<T>): tf.Tensor {
  const given = Object.entries(inputs).filter((entry): entry is [string, T] => entry[1] !== undefined);
  const engine = tf.engine();
  if (engine.state.gradientDepth > 0 || tf.getKernel(nameOf(kernel), tf.getBackend()) === undefined) {
    return inWords(...given.map(([, tensor]) => tensor));
  }
  return engine.runKernel(nameOf(kernel), Object.fromEntries(given), attributes);
}
