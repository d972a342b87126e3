/** Activations as functions of a number, by the names that tf.js has for them, and what they make of constants. */
import type { Config } from '../core/checkpoint';
import { unknown, type Arithmetic, type Constant } from './arithmetic';

export interface Curve {
  readonly at: (x: number) => number;
  /** Where it stops falling and begins to rise; default: it never falls. */
  readonly turn?: number;
}

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const geluNew = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

const curves: Readonly<Record<string, Curve>> = {
  linear: { at: x => x },
  relu: { at: x => Math.max(x, 0) },
  relu6: { at: x => Math.min(Math.max(x, 0), 6) },
  elu: { at: x => (x >= 0 ? x : Math.expm1(x)) },
  selu: { at: x => SELU_SCALE * (x >= 0 ? x : SELU_ALPHA * Math.expm1(x)) },
  sigmoid: { at: sigmoid },
  hardSigmoid: { at: x => Math.min(Math.max(0.5 + 0.2 * x, 0), 1) },
  softplus: { at: softplus },
  softsign: { at: x => x / (Math.abs(x) + 1) },
  tanh: { at: Math.tanh },
  swish: { at: x => x * sigmoid(x), turn: -1.278464535197135 },
  mish: { at: x => x * Math.tanh(softplus(x)), turn: -1.1924312178068788 },
  gelu: { at: x => 0.5 * x * (1 + erf(x / Math.SQRT2)), turn: -0.7517915483832409 },
  gelu_new: { at: geluNew, turn: -0.7524614066473527 },
  geluNew: { at: geluNew, turn: -0.7524614066473527 },
};

/** Undefined for what mixes positions (softmax) and for unknown names. */
export function curveOf(name: string): Curve | undefined {
  return Object.hasOwn(curves, name) ? curves[name] : undefined;
}

/** tf.js's own approximation (Abramowitz and Stegun, 7.1.26), so that the values agree. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

/** `constant` after the curve of each position. */
export function bent({ value, low, high }: Constant, curve: (position: number) => Curve): Constant {
  const bent = unknown(value.length);
  const [lows, highs] = [bent.value.slice(), bent.value.slice()];
  for (let i = 0; i < value.length; i++) {
    if (Number.isNaN(value[i])) continue;
    const { at, turn = -Infinity } = curve(i);
    const y = at(value[i]);
    bent.value[i] = y;
    [lows[i], highs[i]] = low[i] === high[i] ? [y, y] : between(at, turn, low[i], high[i]);
  }
  return { value: bent.value, low: lows, high: highs };
}

function between(at: Curve['at'], turn: number, low: number, high: number): readonly [number, number] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [-Infinity, Infinity];
  const [first, last] = [at(low), at(high)];
  const least = turn > low && turn < high ? at(turn) : Math.min(first, last);
  return [least, Math.max(first, last)];
}

/** The activation that a layer's config names. */
export function activationOf(config: Config): Curve | undefined {
  return curveOf(String(config.activation ?? 'linear'));
}

/** Whether the activation that `config` names is one. */
export function isBent(config: Config): boolean {
  return activationOf(config) !== curves.linear;
}

/** A layer that does nothing but bend. */
export function bending(curveFor: (config: Config) => Curve | undefined): Arithmetic {
  return {
    linear: ({ inputs: [{ constant }] }) => constant,
    bends: config => curveFor(config) !== curves.linear,
    constant({ config, inputs: [{ constant }] }) {
      const curve = curveFor(config);
      return curve && bent(constant, () => curve);
    },
  };
}
