/** Arithmetic of layers that treat every position alone: BatchNormalization, PReLU, padding. */
import type { NdArray } from '../core/array';
import { scaled, times, type Arithmetic, type Constant, type ConstantCall } from './arithmetic';
import { bent } from './curves';
import { fromStart } from './rule';

/** gamma / sqrt(variance + epsilon) times the input less the mean, plus beta. */
export const normalizing: Arithmetic = {
  linear(call) {
    const norm = normOf(call);
    if (norm === undefined) return undefined;
    const [{ constant }] = call.inputs;
    const known = scaled(constant, i => norm.scale[i]);
    return withDead(known, norm, i => norm.nearly(i) && Number.isNaN(constant.value[i]));
  },
  constant(call) {
    const norm = normOf(call);
    const linear = normalizing.linear!(call);
    const shift = (i: number): number => norm!.beta(i) - times(norm!.scale[i], norm!.mean[i]);
    return linear && scaled(linear, () => 1, shift);
  },
};

interface Norm {
  readonly scale: Float64Array;
  readonly mean: ArrayLike<number>;
  beta(position: number): number;
  /** Whether its gamma is small enough to count as 0, but is not 0. */
  nearly(position: number): boolean;
}

/** Undefined for a normalisation along another axis than that of the units. */
function normOf({ config, weights, inputs: [flow], dead }: ConstantCall): Norm | undefined {
  if (fromStart(Number(config.axis ?? -1), flow.shape.length) !== flow.axis) return undefined;
  const parameters = [...weights];
  const gamma = config.scale === false ? undefined : parameters.shift()?.data;
  const beta = config.center === false ? undefined : parameters.shift()?.data;
  const [{ data: mean }, { data: variance }] = parameters;
  const epsilon = Number(config.epsilon ?? 1e-3);
  return {
    mean,
    scale: Float64Array.from(variance, (v, i) => (gamma?.[i] ?? 1) / Math.sqrt(v + epsilon)),
    beta: i => beta?.[i] ?? 0,
    nearly: i => gamma !== undefined && gamma[i] !== 0 && Math.abs(gamma[i]) <= dead,
  };
}

/** What hardly depends on the example counts as if the input were at its mean; nothing bounds it. */
function withDead({ value, low, high }: Constant, { scale, mean }: Norm, isDead: (i: number) => boolean): Constant {
  return {
    value: value.map((x, i) => (isDead(i) ? scale[i] * mean[i] : x)),
    low: low.map((x, i) => (isDead(i) ? -Infinity : x)),
    high: high.map((x, i) => (isDead(i) ? Infinity : x)),
  };
}

/** The slope below zero may differ by place; then only what is not below zero stays constant. */
export const sloping: Arithmetic = {
  linear: ({ inputs: [{ constant }] }) => constant,
  bends: () => true,
  constant({ weights: [alpha], inputs: [{ constant, axis }] }) {
    const slopes = slopesOf(alpha, axis - 1, constant.value.length);
    return bent(constant, i => {
      const slope = slopes(i);
      return { at: x => (x >= 0 ? x : slope * x), turn: slope < 0 ? 0 : -Infinity };
    });
  },
};

/** NaN at a position whose slopes differ. */
function slopesOf({ shape, data }: NdArray, axis: number, length: number): (position: number) => number {
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const slopes = new Float64Array(shape[axis]);
  const seen = new Uint8Array(shape[axis]);
  data.forEach((slope, i) => {
    const position = Math.floor(i / inner) % shape[axis];
    slopes[position] = seen[position] && slopes[position] !== slope ? NaN : slope;
    seen[position] = 1;
  });
  return position => slopes[shape[axis] === length ? position : 0];
}

/** Zeros around an image: constant inside. */
export const padding: Arithmetic = {
  linear(call) {
    const [{ constant }] = call.inputs;
    const pads = [call.config.padding].flat(2).some(size => Number(size) > 0);
    if (!pads) return constant;
    const { value, low, high } = constant;
    return { value, low: low.map(x => Math.min(x, 0)), high: high.map(x => Math.max(x, 0)) };
  },
};
