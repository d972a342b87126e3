/** Short names for building nets. */
import * as tf from '@tensorflow/tfjs-layers';

const { layers } = tf;

export type Flow = tf.SymbolicTensor;
export type Net = () => tf.LayersModel;
type ConvolutionOptions = Partial<Parameters<typeof layers.conv2d>[0]>;

export const rgb = (name = 'x'): Flow => tf.input({ shape: [6, 5, 3], name });
export const conv = (name: string, filters: number, options: ConvolutionOptions = {}): tf.layers.Layer =>
  layers.conv2d({ name, filters, kernelSize: 3, padding: 'same', ...options });
export const dense = (name: string, units: number, activation?: 'relu' | 'sigmoid' | 'softmax'): tf.layers.Layer =>
  layers.dense({ name, units, activation });
export const bn = (name: string): tf.layers.Layer => layers.batchNormalization({ name });
export const relu = (name: string): tf.layers.Layer => layers.reLU({ name });
export const gap = (name = 'gap'): tf.layers.Layer =>
  layers.globalAveragePooling2d({ name, dataFormat: 'channelsLast' });

/** Applies the layers of `chain` one after the other. */
export const apply = (from: Flow | Flow[], ...chain: tf.layers.Layer[]): Flow =>
  chain.reduce<Flow | Flow[]>((flow, layer) => layer.apply(flow) as Flow, from) as Flow;

export const model = (inputs: Flow | Flow[], outputs: Flow | Flow[], name = 'net'): tf.LayersModel =>
  tf.model({ inputs, outputs, name });

export const head = (from: Flow): Flow => apply(from, gap(), dense('head', 4));
