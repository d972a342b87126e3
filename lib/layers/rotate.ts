/** Rotary embedding of queries and keys. */
import * as tf from '@tensorflow/tfjs-core';
import { rotaryTable, type Rotary } from '../rules/rotary';

/**
 * `x [batch, heads, time, size]` with each pair of a head turned by its angle at its position, the first being `start`.
 * Paper: Su et al. 2021, 2104.09864, equation 34.
 */
export function rotate(x: tf.Tensor4D, { layout, frequencies }: Rotary, start: number): tf.Tensor4D {
  const [batch, heads, time, size] = x.shape;
  const half = size / 2;
  const { cos, sin } = tables(frequencies, start, time);
  const [c, s] = [cos, sin].map(values => tf.tensor2d(values, [time, half]));
  const paired = layout === 'half' ? [batch * heads, time, 2 * half, 1] : [batch * heads, time, half, 2];
  const axis = layout === 'half' ? 2 : 3;
  const [a, b] = tf.split(tf.reshape(x, paired), 2, axis).map(part => tf.reshape(part, [batch * heads, time, half]));
  const turned = [tf.sub(tf.mul(a, c), tf.mul(b, s)), tf.add(tf.mul(b, c), tf.mul(a, s))];
  const parts = turned.map(part => tf.reshape(part, [batch * heads, time, half, 1]));
  return tf.reshape(tf.concat(parts, axis), x.shape);
}

interface Tables {
  readonly start: number;
  readonly time: number;
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** Sines of the same positions are asked for twice per call and again in the next. */
const known = new WeakMap<readonly number[], Tables>();

function tables(frequencies: readonly number[], start: number, time: number): Tables {
  const last = known.get(frequencies);
  if (last?.start === start && last.time === time) return last;
  const [cos, sin] = [Math.cos, Math.sin].map(of => rotaryTable(frequencies, { start, time, of }));
  const made = { start, time, cos, sin };
  known.set(frequencies, made);
  return made;
}
