/** Weights in fewer bits, in the three ways that tf.js itself reads. */
import { sizeOf } from '../core/array';
import { PruneError } from '../core/errors';
import { joined } from './bytes';
import { toFloat16 } from './float16';
import type { Quantization, WeightSpec } from './manifest';

export type Precision = Quantization['dtype'];

interface Weights {
  readonly weightSpecs: readonly WeightSpec[];
  readonly weightData: readonly ArrayBuffer[];
}

/**
 * Every float32 weight of `weights` in `precision`; int32 and bool ones as they are. The largest error is half a step: of
 * float16, or of the 255 or 65,535 steps from the least to the greatest value of that weight. Zero stays zero.
 * @throws PruneError `bad-weights` for values that are not finite, or that float16 would make infinite (beyond 65,504).
 */
export function quantizeWeights(place: string, { weightSpecs, weightData }: Weights, precision: Precision): Weights {
  // tf.js hands over one piece; several would cut values apart.
  const [bytes] = weightData.length === 1 ? weightData : [joined(weightData.map(toView)).buffer];
  const specs: WeightSpec[] = [];
  const data: ArrayBuffer[] = [];
  let offset = 0;
  for (const spec of weightSpecs) {
    const size = sizeOf(spec.shape);
    const length = size * (spec.dtype === 'bool' ? 1 : 4);
    const own = bytes.slice(offset, offset + length);
    offset += length;
    if (spec.dtype !== 'float32') {
      specs.push(spec);
      data.push(own);
      continue;
    }
    const { quantization, stored } = quantize(new Float32Array(own), precision, refuserOf(place, spec.name));
    specs.push({ ...spec, quantization });
    data.push(stored.buffer);
  }
  return { weightSpecs: specs, weightData: data };
}

type Stored = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
type RefuseValue = (expected: string, value: number, cure: string) => never;

function quantize(
  values: Float32Array,
  precision: Precision,
  refuse: RefuseValue,
): { quantization: Quantization; stored: Stored } {
  const broken = values.find(value => !Number.isFinite(value));
  if (broken !== undefined) {
    refuse('finite weights', broken, 'Load an earlier checkpoint, or train with a lower learning rate.');
  }
  if (precision === 'float16') {
    const stored = Uint16Array.from(values, toFloat16);
    const large = stored.findIndex(half => (half & 0x7fff) === 0x7c00);
    if (large >= 0) refuse('weights within 65504, the largest of float16', values[large], 'Use uint16 instead.');
    return { quantization: { dtype: precision }, stored };
  }
  const steps = precision === 'uint8' ? 255 : 65535;
  const { scale, min } = rangeOf(values, steps);
  const encode = (value: number): number => Math.min(steps, Math.max(0, Math.round((value - min) / scale)));
  // The ends of the range may lie half a step outside of the values, and so outside of float32.
  const large = values.find(value => !Number.isFinite(Math.fround(encode(value) * scale + min)));
  if (large !== undefined) refuse('weights well inside float32', large, 'Save them as they are.');
  const stored = precision === 'uint8' ? Uint8Array.from(values, encode) : Uint16Array.from(values, encode);
  return { quantization: { dtype: precision, scale, min }, stored };
}

/** Moved by less than half a step where values of both signs are, so that zero is on a step exactly. */
function rangeOf(values: Float32Array, steps: number): { scale: number; min: number } {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (values.length === 0) return { scale: 1, min: 0 };
  if (least === most) return { scale: 1, min: least };
  const scale = (most - least) / steps;
  return { scale, min: least <= 0 && most >= 0 ? 0 - Math.round(-least / scale) * scale : least };
}

function toView(buffer: ArrayBuffer): Uint8Array {
  return new Uint8Array(buffer);
}

function refuserOf(place: string, name: string): RefuseValue {
  return (expected, value, cure) => {
    throw new PruneError('bad-weights', { place: `${place}, weight "${name}"`, expected, got: String(value), cure });
  };
}
