/** Nets without images, and ConvNeXt, whose stream is normalised across its channels. */
import * as tf from '@tensorflow/tfjs-layers';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { apply, channelsOf, image, modelOf, parts, scaler, type Flow, type NetOptions, type Parts } from './parts';

const { layers } = tf;
const ZEROS = { kernelInitializer: 'zeros', recurrentInitializer: 'zeros' } as const;

/** Liu et al. 2022, 2201.03545, the tiny one: 7x7 depthwise, LayerNormalization, four times as many neurons inside. */
export function convnextTiny({ width = 1, side = 224, classes = 1000 }: NetOptions = {}): LayersModel {
  const p = parts();
  const widths = [96, 192, 384, 768].map(scaler(width));
  const input = image(side);
  let x = p.layerNorm(p.conv(input, widths[0], { size: 4, stride: 4, bias: true, name: 'stem' }));
  widths.forEach((channels, stage) => {
    if (stage > 0) x = p.conv(p.layerNorm(x), channels, { size: 2, stride: 2, bias: true });
    for (let block = 0; block < [3, 3, 9, 3][stage]; block++) x = p.add(x, convnextBranch(p, x));
  });
  return modelOf('convnextTiny', input, p.dense(p.layerNorm(p.gap(x)), classes, 'softmax', 'head'));
}

/** A depthwise 1x1 convolution scales each channel at the end. */
function convnextBranch(p: Parts, x: Flow): Flow {
  const mixed = p.layerNorm(p.depthwise(x, { size: 7, bias: true }));
  const hidden = p.dense(mixed, 4 * channelsOf(x), 'gelu');
  return p.depthwise(p.dense(hidden, channelsOf(x)), { size: 1 });
}

/** Words in, a class out: an embedding and two recurrent layers, by default as wide as those of Keras' examples. */
export const lstmStack = (options: NetOptions = {}): LayersModel => recurrent('lstmStack', layers.lstm, options);
export const gruStack = (options: NetOptions = {}): LayersModel => recurrent('gruStack', layers.gru, options);

function recurrent(
  name: string,
  layer: typeof layers.lstm | typeof layers.gru,
  { width = 1, side = 80, classes = 2 }: NetOptions,
): LayersModel {
  const units = scaler(width)(128);
  const words = tf.input({ shape: [side], name: 'words', dtype: 'int32' });
  const embedding = { name: 'embedding', inputDim: 2000, outputDim: units, embeddingsInitializer: 'zeros' } as const;
  const vectors = apply(words, layers.embedding(embedding));
  const first = apply(vectors, layer({ name: 'first', units, returnSequences: true, ...ZEROS }));
  const second = apply(first, layer({ name: 'second', units, returnSequences: true, ...ZEROS }));
  const last = apply(second, layer({ name: 'last', units, ...ZEROS }));
  const p = parts();
  return modelOf(name, words, p.dense(p.dense(last, units, 'relu'), classes, 'softmax', 'head'));
}
