/** Convolutions. Weight axes: `[...window, in, out]`; a transposed one has `[...window, out, in]`. */
import { applyActivation } from './activation';
import { isBent } from './curves';
import { convolved, depthwise, separable } from './matrix';
import {
  biasSite,
  elements,
  repeatEach,
  unitsAlong,
  type LayerCall,
  type LayerRule,
  type LocalSite,
  type Width,
} from './rule';
import { channelAxis, slide, spread, windowOf } from './spatial';

const KEYS = ['kernelSize', 'strides', 'padding', 'dataFormat', 'dilationRate', 'activation', 'useBias', 'rank'];

export const conv1d = convolution('Conv1D', 1);
export const conv2d = convolution('Conv2D', 2);
export const conv3d = convolution('Conv3D', 3);
export const conv2dTranspose = transposed('Conv2DTranspose', 2);
export const conv3dTranspose = transposed('Conv3DTranspose', 3);

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
  macs: ({ config, outputs, weights: [kernel] }) => positions(config, outputs[0]) * product(kernel),
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

function convolution(className: string, dimensions: number): LayerRule {
  const [from, to] = [dimensions, dimensions + 1];
  return {
    className,
    understands: [...KEYS, 'filters'],
    weights: 1,
    trace(call) {
      const [kernel] = call.weights;
      const { shape } = call.inputs[0];
      const axis = channelAxis(call.config, shape.length);
      const input = unitsAlong(call, axis);
      const out = call.fresh('filters', kernel[to], 'channels');
      const flow = {
        shape: slide(shape, windowOf(call.config, dimensions, kernel), axis, kernel[to]),
        axis,
        width: out,
      };
      return { outputs: [applyActivation(call, flow)], sites: kernelSites(call, from, input, to, out) };
    },
    resize: ({ weights: [kernel] }) => ({ filters: kernel[to] }),
    macs: ({ config, outputs, weights: [kernel] }) => positions(config, outputs[0]) * product(kernel),
    turns: config => !isBent(config),
    arithmetic: convolved(dimensions),
  };
}

/** The gradient of a convolution run forwards: its kernel has the two channel axes the other way round. */
function transposed(className: string, dimensions: number): LayerRule {
  const [to, from] = [dimensions, dimensions + 1];
  return {
    className,
    understands: [...KEYS, 'filters'],
    weights: 1,
    trace(call) {
      const [kernel] = call.weights;
      const { shape } = call.inputs[0];
      const axis = channelAxis(call.config, shape.length);
      const input = unitsAlong(call, axis);
      const out = call.fresh('filters', kernel[to], 'channels');
      const window = windowOf(call.config, dimensions, kernel);
      const flow = { shape: spread(shape, window, axis, kernel[to]), axis, width: out };
      return { outputs: [applyActivation(call, flow)], sites: kernelSites(call, from, input, to, out) };
    },
    resize: ({ weights: [kernel] }) => ({ filters: kernel[to] }),
    macs: ({ config, inputs, weights: [kernel] }) => positions(config, inputs[0]) * product(kernel),
  };
}

function kernelSites(call: LayerCall, from: number, input: Width, to: number, out: Width): LocalSite[] {
  return [
    { weight: 0, axis: from, width: input, role: 'reads', parameter: 'kernel' },
    { weight: 0, axis: to, width: out, role: 'makes', parameter: 'kernel' },
    ...biasSite(call.config.useBias, 1, out, 'makes'),
  ];
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}

function positions(config: Readonly<Record<string, unknown>>, output: readonly (number | null)[]): number {
  return elements(output) / (output[channelAxis(config, output.length)] ?? NaN);
}
