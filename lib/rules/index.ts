/** The table of layer rules: adding a layer class is one file and one line here. */
import * as activation from './activation';
import { attention } from './attention';
import * as convolution from './convolution';
import { dense } from './dense';
import { categoryEncoding, embedding } from './embedding';
import { inputLayer } from './input';
import { loraDense } from './lora';
import * as merge from './merge';
import * as noise from './noise';
import { batchNormalization, layerNormalization } from './normalization';
import * as pooling from './pooling';
import * as positions from './positions';
import * as recurrent from './recurrent';
import type { LayerRule } from './rule';
import { flatten, permute, repeatVector, reshape } from './shape';
import { defineRule, ruleOf } from './table';
import { tiedEmbedding } from './tiedEmbedding';
import * as widthNorms from './widthNorms';
import { bidirectional, timeDistributed } from './wrappers';

export const RULES: readonly LayerRule[] = [
  inputLayer,
  dense,
  embedding,
  categoryEncoding,
  convolution.conv1d,
  convolution.conv2d,
  convolution.conv3d,
  convolution.conv2dTranspose,
  convolution.conv3dTranspose,
  convolution.depthwiseConv2d,
  convolution.separableConv2d,
  recurrent.simpleRnn,
  recurrent.gru,
  recurrent.lstm,
  recurrent.rnn,
  recurrent.convLstm2d,
  bidirectional,
  timeDistributed,
  batchNormalization,
  layerNormalization,
  activation.activation,
  activation.softmax,
  activation.relu,
  activation.leakyRelu,
  activation.elu,
  activation.thresholdedRelu,
  activation.prelu,
  pooling.maxPooling1d,
  pooling.maxPooling2d,
  pooling.maxPooling3d,
  pooling.averagePooling1d,
  pooling.averagePooling2d,
  pooling.averagePooling3d,
  pooling.globalMaxPooling1d,
  pooling.globalMaxPooling2d,
  pooling.globalAveragePooling1d,
  pooling.globalAveragePooling2d,
  pooling.cropping2d,
  pooling.centerCrop,
  pooling.zeroPadding2d,
  pooling.upSampling2d,
  flatten,
  reshape,
  permute,
  repeatVector,
  merge.add,
  merge.multiply,
  merge.average,
  merge.maximum,
  merge.minimum,
  merge.concatenate,
  merge.dot,
  noise.dropout,
  noise.spatialDropout1d,
  noise.gaussianNoise,
  noise.gaussianDropout,
  noise.alphaDropout,
  noise.rescaling,
  noise.masking,
  noise.resizing,
  noise.randomWidth,
  attention,
  widthNorms.rmsNorm,
  widthNorms.layerNorm,
  tiedEmbedding,
  positions.positionEmbedding,
  positions.classToken,
  positions.firstToken,
  loraDense,
];

for (const rule of RULES) defineRule(rule);

export { ruleOf, defineRule };
