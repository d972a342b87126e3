/**
 * bench/zoo: nets that people prune, at any width and image size. One small file per family; layers are named in the
 * order of their making, so that a net has the same names every time.
 * This file: the layers they are made of.
 */
import * as tf from '@tensorflow/tfjs-layers';

const { layers } = tf;

export type Flow = tf.SymbolicTensor;
type Activation = NonNullable<Parameters<typeof layers.activation>[0]['activation']>;

/** Of the image side, the classes and the share of the published width; each family has its own defaults. */
export interface NetOptions {
  readonly width?: number;
  readonly side?: number;
  readonly classes?: number;
}

export interface ConvolutionOptions {
  /** One number for a square. */
  readonly size?: number | readonly [number, number];
  readonly stride?: number;
  readonly bias?: boolean;
  readonly padding?: 'same' | 'valid';
  readonly dilation?: number;
  readonly activation?: Activation;
  readonly name?: string;
}

export interface PoolOptions {
  readonly size?: number;
  readonly stride?: number;
  readonly padding?: 'same' | 'valid';
}

export type Parts = ReturnType<typeof parts>;

/** Makers of layers with running names. Every weight starts from zero, which is quick; `seeded` sets them afterwards. */
export function parts() {
  const counts = new Map<string, number>();
  const named = (kind: string, name?: string): { name: string } => {
    const count = (counts.get(kind) ?? 0) + 1;
    if (name === undefined) counts.set(kind, count);
    return { name: name ?? `${kind}${count}` };
  };
  const conv = (x: Flow, filters: number, options: ConvolutionOptions = {}): Flow =>
    apply(x, layers.conv2d({ ...window(options), ...named('conv', options.name), filters, kernelInitializer: ZEROS }));
  const transposed = (x: Flow, filters: number, options: ConvolutionOptions = {}): Flow =>
    apply(
      x,
      layers.conv2dTranspose({ ...window(options), ...named('up', options.name), filters, kernelInitializer: ZEROS }),
    );
  const depthwise = (x: Flow, options: ConvolutionOptions = {}): Flow =>
    apply(
      x,
      layers.depthwiseConv2d({ ...window(options), ...named('depthwise', options.name), depthwiseInitializer: ZEROS }),
    );
  const separable = (x: Flow, filters: number, options: ConvolutionOptions = {}): Flow => {
    const initializers = { depthwiseInitializer: ZEROS, pointwiseInitializer: ZEROS } as const;
    const layer = { ...window(options), ...named('separable', options.name), filters, ...initializers };
    return apply(x, layers.separableConv2d(layer));
  };
  const norm = (x: Flow): Flow => apply(x, layers.batchNormalization(named('bn')));
  const relu = (x: Flow): Flow => apply(x, layers.reLU(named('relu')));
  const layerNorm = (x: Flow): Flow => apply(x, layers.layerNormalization(named('ln')));
  const activate = (x: Flow, activation: Activation): Flow =>
    apply(x, layers.activation({ ...named(activation), activation }));
  const pool = ({ size = 2, stride = size, padding = 'same' }: PoolOptions) => ({
    poolSize: size,
    strides: stride,
    padding,
  });
  return {
    conv,
    transposed,
    depthwise,
    separable,
    norm,
    layerNorm,
    activate,
    relu,
    relu6: (x: Flow): Flow => apply(x, layers.reLU({ ...named('relu'), maxValue: 6 })),
    leaky: (x: Flow): Flow => apply(x, layers.leakyReLU({ ...named('leaky'), alpha: 0.1 })),
    maxPool: (x: Flow, options: PoolOptions = {}): Flow =>
      apply(x, layers.maxPooling2d({ ...named('maxPool'), ...pool(options) })),
    averagePool: (x: Flow, options: PoolOptions = {}): Flow =>
      apply(x, layers.averagePooling2d({ ...named('averagePool'), ...pool(options) })),
    gap: (x: Flow): Flow => apply(x, layers.globalAveragePooling2d({ ...named('gap'), dataFormat: 'channelsLast' })),
    upsample: (x: Flow, size = 2): Flow => apply(x, layers.upSampling2d({ ...named('upsample'), size: [size, size] })),
    flatten: (x: Flow): Flow => apply(x, layers.flatten(named('flatten'))),
    reshape: (x: Flow, targetShape: number[]): Flow => apply(x, layers.reshape({ ...named('reshape'), targetShape })),
    dense: (x: Flow, units: number, activation?: Activation, name?: string): Flow =>
      apply(x, layers.dense({ ...named('dense', name), units, activation, kernelInitializer: ZEROS })),
    add: (...flows: Flow[]): Flow => apply(flows, layers.add(named('add'))),
    concat: (...flows: Flow[]): Flow => apply(flows, layers.concatenate(named('concat'))),
    multiply: (...flows: Flow[]): Flow => apply(flows, layers.multiply(named('multiply'))),
    /** Convolution, BatchNormalization and ReLU. */
    unit: (x: Flow, filters: number, options: ConvolutionOptions = {}): Flow => relu(norm(conv(x, filters, options))),
  };
}

export function apply(from: Flow | Flow[], layer: tf.layers.Layer): Flow {
  return layer.apply(from) as Flow;
}

export function image(side: number, channels = 3): Flow {
  return tf.input({ shape: [side, side, channels], name: 'image' });
}

export function modelOf(name: string, inputs: Flow | Flow[], outputs: Flow | Flow[]): tf.LayersModel {
  return tf.model({ inputs, outputs, name });
}

/** Published channel counts at a share of their width: multiples of 8, or of 4 for thin nets, and at least one of them. */
export function scaler(width: number, multiple = 8): (channels: number) => number {
  return channels => (width === 1 ? channels : Math.max(1, Math.round((channels * width) / multiple)) * multiple);
}

export function channelsOf({ shape }: Flow): number {
  return shape[shape.length - 1] as number;
}

const ZEROS = 'zeros';

function window({ size = 3, stride = 1, bias = false, padding = 'same', dilation, activation }: ConvolutionOptions) {
  const kernelSize = typeof size === 'number' ? size : ([...size] as [number, number]);
  return { kernelSize, strides: stride, useBias: bias, padding, activation, dilationRate: dilation } as const;
}
