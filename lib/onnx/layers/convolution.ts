/** Convolutions. tf.js keeps kernels as `[...window, in, out]`, ONNX as `[out, in, ...window]`. */
import { ndarray, transpose, type NdArray } from '../../core/array';
import { windowOf } from '../../rules/spatial';
import type { Conversion, OnnxCall } from '../conversion';
import type { Attribute, Dim } from '../model';
import { read, type Order } from '../value';
import { activated } from './activation';
import { imageAxes, imageOrder, slidingOver } from './windows';

export const conv1d = convolution('Conv1D', 1);
export const conv2d = convolution('Conv2D', 2);
export const conv3d = convolution('Conv3D', 3);
export const conv2dTranspose = transposed('Conv2DTranspose', 2);
export const conv3dTranspose = transposed('Conv3DTranspose', 3);

export const depthwiseConv2d: Conversion = {
  className: 'DepthwiseConv2D',
  convert(call) {
    const [kernel, bias] = call.weights;
    const { name, order, sizes } = image(call);
    const window = { ...windowOf(call.config, 2, kernel.shape), dilation: [1, 1] }; // tf.js ignores dilationRate here
    const names = [name, depthwiseKernel(call), ...biasName(call, bias)];
    const attributes = { ...slidingOver(sizes, window), group: { int: kernel.shape[2] } };
    return activated(call, call.graph.node('Conv', names, attributes), order);
  },
};

export const separableConv2d: Conversion = {
  className: 'SeparableConv2D',
  convert(call) {
    const { graph, config, weights } = call;
    const [depthwise, pointwise, bias] = weights;
    const { name, order, sizes } = image(call);
    const attributes = convolving(sizes, config, depthwise.shape, depthwise.shape[2]);
    const parts = graph.node('Conv', [name, depthwiseKernel(call)], attributes);
    const kernel = graph.weight('pointwise', () => outFirst(pointwise));
    return activated(call, graph.node('Conv', [parts, kernel, ...biasName(call, bias)]), order);
  },
};

function convolution(className: string, dimensions: number): Conversion {
  return {
    className,
    convert(call) {
      const [kernel, bias] = call.weights;
      const { name, order, sizes } = image(call);
      const names = [name, call.graph.weight('kernel', () => outFirst(kernel)), ...biasName(call, bias)];
      const attributes = convolving(sizes, call.config, kernel.shape.slice(0, dimensions));
      return activated(call, call.graph.node('Conv', names, attributes), order);
    },
  };
}

/** tf.js's kernel is `[...window, out, in]`, that of ONNX `[in, out, ...window]`. */
function transposed(className: string, dimensions: number): Conversion {
  return {
    className,
    convert(call) {
      const [kernel, bias] = call.weights;
      const { name, order } = image(call);
      const { size, strides, padding } = windowOf(call.config, dimensions, kernel.shape.slice(0, dimensions));
      const names = [name, call.graph.weight('kernel', () => outFirst(kernel)), ...biasName(call, bias)];
      // `same` multiplies the size by the stride; what a window has beyond the stride is cut off on both sides.
      const beyond = size.map((length, d) => (padding === 'same' ? Math.max(length - strides[d], 0) : 0));
      const before = beyond.map(count => Math.floor(count / 2));
      const attributes: Record<string, Attribute> = {
        kernel_shape: { ints: size },
        strides: { ints: strides },
        pads: { ints: [...before, ...beyond.map((count, d) => count - before[d])] },
        output_padding: { ints: size.map((length, d) => Math.max(strides[d] - length, 0)) },
      };
      return activated(call, call.graph.node('ConvTranspose', names, attributes), order);
    },
  };
}

interface Image {
  readonly name: string;
  readonly order: Order;
  /** Without batch and channels. */
  readonly sizes: readonly Dim[];
}

/** The input with its channels first. */
export function image({ graph, config, inputs: [input] }: OnnxCall): Image {
  const rank = input.dims.length;
  const order = imageOrder(config, rank);
  return { name: read(graph, input, order), order, sizes: imageAxes(config, rank).map(axis => input.dims[axis]) };
}

/** Attributes of a convolution with a window of `size`. */
export function convolving(
  sizes: readonly Dim[],
  config: OnnxCall['config'],
  size: readonly number[],
  group = 1,
): Record<string, Attribute> {
  const window = windowOf(config, sizes.length, size.slice(0, sizes.length));
  return {
    ...slidingOver(sizes, window),
    dilations: { ints: window.dilation },
    ...(group > 1 && { group: { int: group } }),
  };
}

/** Its last two axes in front, the last of them first. */
export function outFirst(kernel: NdArray): NdArray {
  const window = kernel.shape.length - 2;
  return transpose(kernel, [window + 1, window, ...Array.from({ length: window }, (_, axis) => axis)]);
}

/** `[height, width, in, multiplier]` as `[in * multiplier, 1, height, width]`. */
function depthwiseKernel({ graph, weights: [kernel] }: OnnxCall): string {
  return graph.weight('depthwise', () => {
    const [height, width, channels, multiplier] = kernel.shape;
    return ndarray(transpose(kernel, [2, 3, 0, 1]).data, [channels * multiplier, 1, height, width]);
  });
}

/** The names of what there is of it. */
export function biasName({ graph }: Pick<OnnxCall, 'graph'>, bias: NdArray | undefined): string[] {
  return bias ? [graph.weight('bias', () => bias)] : [];
}
