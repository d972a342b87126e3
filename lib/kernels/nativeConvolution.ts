/**
 * Convolutions on TensorFlow for Node.js with their bias and activation: the same operations as those of the stock kernels, without a kernel
 * of tf.js for each, and with only the attributes that are not TensorFlow's defaults, as reading them takes a third of a small call.
 */
import type {
  Conv2DAttrs,
  Conv2DInputs,
  FusedConv2DAttrs,
  FusedConv2DInputs,
  KernelConfig,
  TensorInfo,
} from '@tensorflow/tfjs-core';
import type { NativeCall, Step } from './tensorFlow';
import { activationOf, attributes, before, isFloat, pipe, plainly, remembered } from './tensorFlow';

type Inputs = Readonly<Record<'x' | 'filter', TensorInfo>> & { readonly bias?: TensorInfo };
/** Those of the depthwise kernels are a part of them. */
type Attrs = Partial<FusedConv2DAttrs> & Pick<Conv2DAttrs, 'strides' | 'pad'>;

/** Conv2D and FusedConv2D. */
export function nativeConv2d(stock: KernelConfig): KernelConfig {
  return before<Conv2DInputs | FusedConv2DInputs, Attrs>(stock, call => convolution('Conv2D', call));
}

/** DepthwiseConv2dNative and FusedDepthwiseConv2D. */
export function nativeDepthwise(stock: KernelConfig): KernelConfig {
  return before<Conv2DInputs | FusedConv2DInputs, Attrs>(stock, call => convolution('DepthwiseConv2dNative', call));
}

function convolution(name: string, call: NativeCall<Conv2DInputs | FusedConv2DInputs, Attrs>): TensorInfo | undefined {
  const { backend, attrs } = call;
  const { x, filter, bias } = call.inputs as Inputs;
  const { strides, pad, dataFormat = 'NHWC', dilations, activation = 'linear', leakyreluAlpha } = attrs;
  const isKnown = (pad === 'same' || pad === 'valid') && dataFormat === 'NHWC' && isFloat(x, filter);
  const activate = activationOf(backend, activation, leakyreluAlpha);
  if (!isKnown || activate === undefined) return undefined;
  const geometry = geometryOf(backend, `${pad} ${pair(strides)} ${pair(dilations ?? 1)}`);
  const steps: Step[] = [{ name, attributes: geometry, others: [filter] }];
  if (bias !== undefined && bias !== null) {
    const [, , inner, outer] = filter.shape;
    const channels = name === 'Conv2D' ? outer : inner * outer;
    if (bias.shape.length !== 1 || bias.shape[0] !== channels || !isFloat(bias)) return undefined;
    steps.push(plainly(backend, 'BiasAdd', bias));
  }
  return pipe(backend, x, [...steps, ...activate]);
}

function pair(sizes: number | readonly number[]): string {
  return typeof sizes === 'number' ? `${sizes},${sizes}` : `${sizes[0]},${sizes[sizes.length - 1]}`;
}

const geometryOf = remembered<string>((backend, key) => {
  const [pad, ...pairs] = key.split(' ');
  const [strides, dilations] = pairs.map(sizes => [1, ...sizes.split(',').map(Number), 1]);
  const isDilated = dilations.some(step => step > 1);
  return attributes(backend, { padding: pad.toUpperCase(), strides, ...(isDilated && { dilations }) });
});
