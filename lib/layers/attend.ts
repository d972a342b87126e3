/** Scaled dot-product attention on tensors: matrix products only, whose gradients every backend has. */
import * as tf from '@tensorflow/tfjs-core';
import { fused } from '../kernels/fused';
import { causalBiases, SILENCED } from '../rules/attention';

/** `[batch, time, heads * size]` as `[batch, heads, time, size]`. */
export function splitHeads(x: tf.Tensor, heads: number): tf.Tensor4D {
  const [batch, time, width] = x.shape;
  return tf.transpose(tf.reshape<tf.Rank.R4>(x, [batch, time, heads, width / heads]), [0, 2, 1, 3]);
}

/**
 * `queries [batch, heads, time, size]` over `keys` and `values [batch, groups, heard, ...]`, joined to `[batch, time, heads *
 * valueSize]`. Query head h hears group floor(h / (heads / groups)). `bias` is added to the scores and must broadcast to
 * `[batch, heads, time, heard]`.
 */
export function attend(
  queries: tf.Tensor4D,
  keys: tf.Tensor4D,
  values: tf.Tensor4D,
  { scale, bias }: { readonly scale: number; readonly bias?: tf.Tensor },
): tf.Tensor3D {
  return fused<tf.Tensor>('Attend', {
    inputs: { queries, keys, values, bias },
    attributes: { scale },
    inWords: (query, key, value, added) =>
      attendInWords(query as tf.Tensor4D, key as tf.Tensor4D, value as tf.Tensor4D, { scale, bias: added }),
  }) as tf.Tensor3D;
}

const attendInWords: typeof attend = (queries, keys, values, { scale, bias }) => {
  const [batch, heads, time, size] = queries.shape;
  const [, groups, heard] = keys.shape;
  const valueSize = values.shape[3];
  // The heads of a group lie one after the other, so they are rows of one product and keys need no copies.
  const rows = (heads / groups) * time;
  const asked = tf.reshape<tf.Rank.R3>(tf.mul(queries, scale), [batch * groups, rows, size]);
  const product = tf.matMul(asked, tf.reshape<tf.Rank.R3>(keys, [batch * groups, heard, size]), false, true);
  const scores = tf.reshape(product, [batch, heads, time, heard]);
  const shares = tf.softmax(bias === undefined ? scores : tf.add(scores, bias));
  const mixed = tf.matMul(
    tf.reshape<tf.Rank.R3>(shares, [batch * groups, rows, heard]),
    tf.reshape<tf.Rank.R3>(values, [batch * groups, heard, valueSize]),
  );
  const joined = tf.transpose(tf.reshape(mixed, [batch, heads, time, valueSize]), [0, 2, 1, 3]);
  return tf.reshape(joined, [batch, time, heads * valueSize]);
};

/** `[time, start + time]`; none for one query, which hears all that came before. */
export function causalBias(time: number, start: number): tf.Tensor2D | undefined {
  if (time === 1) return undefined;
  const key = `${time},${start}`;
  if (lastCausal.key !== key) lastCausal = { key, values: causalBiases(time, start) };
  return tf.tensor2d(lastCausal.values, [time, start + time]);
}

let lastCausal: { readonly key: string; readonly values: Float32Array } = { key: '', values: new Float32Array() };

/** From `padding [batch, heard]`, 1 for places that count and 0 for padding, what to add to the scores. */
export function paddingBias(padding: tf.Tensor): tf.Tensor4D {
  const [batch, heard] = padding.shape;
  return tf.reshape(tf.mul(tf.sub(1, tf.cast(padding, 'float32')), SILENCED), [batch, 1, 1, heard]);
}
