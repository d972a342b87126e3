/** Convolutions over images: Conv2D, DepthwiseConv2D, SeparableConv2D. Weight axes: `[height, width, in, out]`. */
import { applyActivation } from './activation';
import { convolved, depthwise, separable } from './matrix';
import { biasSite, elements, repeatEach, unitsAlong, type LayerRule, type LocalSite } from './rule';
import { channelAxis, slide, windowOf } from './spatial';

const KEYS = ['kernelSize', 'strides', 'padding', 'dataFormat', 'dilationRate', 'activation', 'useBias', 'rank'];

export const conv2d: LayerRule = {
  className: 'Conv2D',
  understands: [...KEYS, 'filters'],
  weights: 1,
  trace(call) {
    const [kernel] = call.weights;
    const { shape } = call.inputs[0];
    const axis = channelAxis(call.config, shape.length);
    const input = unitsAlong(call, axis);
    const out = call.fresh('filters', kernel[3], 'channels');
    const flow = { shape: slide(shape, windowOf(call.config, 2, kernel), axis, kernel[3]), axis, width: out };
    const sites: LocalSite[] = [
      { weight: 0, axis: 2, width: input, role: 'reads', parameter: 'kernel' },
      { weight: 0, axis: 3, width: out, role: 'makes', parameter: 'kernel' },
      ...biasSite(call.config.useBias, 1, out, 'makes'),
    ];
    return { outputs: [applyActivation(call, flow)], sites };
  },
  resize: ({ weights: [kernel] }) => ({ filters: kernel[3] }),
  macs: ({ config, outputs, weights: [kernel] }) =>
    positions(config, outputs[0]) * kernel[0] * kernel[1] * kernel[2] * kernel[3],
  arithmetic: convolved(2),
};

export const depthwiseConv2d: LayerRule = {
  className: 'DepthwiseConv2D',
  understands: [...KEYS, 'depthMultiplier', 'filters'],
  weights: 1,
  trace(call) {
    const [kernel] = call.weights;
    const { shape } = call.inputs[0];
    const axis = channelAxis(call.config, shape.length);
    const input = unitsAlong(call, axis);
    const out = repeatEach(input, kernel[3]);
    const window = { ...windowOf(call.config, 2, kernel), dilation: [1, 1] }; // tf.js ignores dilationRate here
    const flow = { shape: slide(shape, window, axis, out.length), axis, width: out };
    const sites: LocalSite[] = [
      { weight: 0, axis: 2, width: input, role: 'scales', parameter: 'depthwiseKernel' },
      ...biasSite(call.config.useBias, 1, out, 'scales'),
    ];
    return { outputs: [applyActivation(call, flow)], sites };
  },
  macs: ({ config, outputs, weights: [kernel] }) =>
    positions(config, outputs[0]) * kernel[0] * kernel[1] * kernel[2] * kernel[3],
  arithmetic: depthwise,
};

export const separableConv2d: LayerRule = {
  className: 'SeparableConv2D',
  understands: [...KEYS, 'depthMultiplier', 'filters'],
  weights: 2,
  trace(call) {
    const [depthwise, pointwise] = call.weights;
    const { shape } = call.inputs[0];
    const axis = channelAxis(call.config, shape.length);
    const input = unitsAlong(call, axis);
    const out = call.fresh('filters', pointwise[3], 'channels');
    const flow = { shape: slide(shape, windowOf(call.config, 2, depthwise), axis, pointwise[3]), axis, width: out };
    const sites: LocalSite[] = [
      { weight: 0, axis: 2, width: input, role: 'scales', parameter: 'depthwiseKernel' },
      { weight: 1, axis: 2, width: repeatEach(input, depthwise[3]), role: 'reads', parameter: 'kernel' },
      { weight: 1, axis: 3, width: out, role: 'makes', parameter: 'kernel' },
      ...biasSite(call.config.useBias, 2, out, 'makes'),
    ];
    return { outputs: [applyActivation(call, flow)], sites };
  },
  resize: ({ weights: [, pointwise] }) => ({ filters: pointwise[3] }),
  macs: ({ config, outputs, weights: [depthwise, pointwise] }) =>
    positions(config, outputs[0]) * depthwise[2] * depthwise[3] * (depthwise[0] * depthwise[1] + pointwise[3]),
  arithmetic: separable,
};

function positions(config: Readonly<Record<string, unknown>>, output: readonly (number | null)[]): number {
  return elements(output) / (output[channelAxis(config, output.length)] ?? NaN);
}
