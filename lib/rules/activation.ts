/** Activations: all of them act element by element, but softmax, which mixes across its axis. */
import type { Config } from '../core/checkpoint';
import { activationOf, bending, curveOf, type Curve } from './curves';
import { sloping } from './pointwise';
import { fromStart, passThrough, type Flow, type LayerCall, type LayerRule, type Width } from './rule';

const MIXING = ['softmax', 'logSoftmax'];
/** Those that give zero for zero. */
const THROUGH_ZERO = 'linear relu relu6 elu selu tanh softsign gelu gelu_new geluNew swish mish'.split(' ');

/** `flow` after the activation named in the call's config: units on the axis of a softmax are frozen. */
export function applyActivation(call: LayerCall, flow: Flow): Flow {
  const name = String(call.config.activation ?? 'linear');
  if (MIXING.includes(name)) freezeMixed(call, flow, -1, name);
  shiftUnlessThroughZero(call, flow.width, name);
  return flow;
}

export function shiftUnlessThroughZero(call: LayerCall, width: Width, activation: string): void {
  if (!THROUGH_ZERO.includes(activation)) call.shift(width, `${activation} of "${call.path}" is not zero at zero`);
}

function freezeMixed(call: LayerCall, flow: Flow, axis: number, name: string): void {
  if (fromStart(axis, flow.shape.length) === flow.axis) {
    call.freeze(flow.width, `${name} of "${call.path}" mixes across the units`);
  }
}

export const activation: LayerRule = {
  className: 'Activation',
  understands: ['activation'],
  trace: call => ({ outputs: [applyActivation(call, call.inputs[0])] }),
  arithmetic: bending(activationOf),
};

export const softmax: LayerRule = {
  className: 'Softmax',
  understands: ['axis'],
  trace(call) {
    freezeMixed(call, call.inputs[0], Number(call.config.axis ?? -1), 'softmax');
    shiftUnlessThroughZero(call, call.inputs[0].width, 'softmax');
    return { outputs: [call.inputs[0]] };
  },
};

export const relu = passThrough('ReLU', ['maxValue'], bending(reluUpTo));
export const leakyRelu = passThrough('LeakyReLU', ['alpha'], bending(leaky));
export const elu = passThrough(
  'ELU',
  ['alpha'],
  bending(() => curveOf('elu')),
);
export const thresholdedRelu = passThrough('ThresholdedReLU', ['theta'], bending(thresholded));

export const prelu: LayerRule = {
  className: 'PReLU',
  understands: ['sharedAxes'],
  weights: 1,
  trace(call) {
    const [flow] = call.inputs;
    const axis = flow.axis - 1;
    const shared = call.weights[0][axis] !== flow.width.length;
    const site = { weight: 0, axis, width: flow.width, role: 'scales', parameter: 'alpha' } as const;
    return { outputs: [flow], sites: shared ? [] : [site] };
  },
  arithmetic: sloping,
};

function reluUpTo({ maxValue }: Config): Curve {
  const most = Number(maxValue ?? Infinity);
  return { at: x => Math.min(Math.max(x, 0), most) };
}

function leaky({ alpha }: Config): Curve {
  const slope = Number(alpha ?? 0.3);
  return { at: x => (x >= 0 ? x : slope * x), turn: slope < 0 ? 0 : -Infinity };
}

/** One with a negative threshold falls by a jump. */
function thresholded({ theta }: Config): Curve | undefined {
  const threshold = Number(theta ?? 1);
  return threshold < 0 ? undefined : { at: x => (x > threshold ? x : 0) };
}
