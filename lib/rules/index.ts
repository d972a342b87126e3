/** The table of layer rules: adding a layer class is one file and one line here. */
import * as activation from './activation';
import * as convolution from './convolution';
import { dense } from './dense';
import { inputLayer } from './input';
import * as merge from './merge';
import * as noise from './noise';
import { batchNormalization } from './normalization';
import * as pooling from './pooling';
import type { LayerRule } from './rule';
import { flatten } from './shape';
import { defineRule, ruleOf } from './table';

export const RULES: readonly LayerRule[] = [
  inputLayer,
  dense,
  convolution.conv2d,
  convolution.depthwiseConv2d,
  convolution.separableConv2d,
  batchNormalization,
  activation.activation,
  activation.softmax,
  activation.relu,
  activation.leakyRelu,
  activation.elu,
  activation.thresholdedRelu,
  activation.prelu,
  pooling.maxPooling2d,
  pooling.averagePooling2d,
  pooling.globalMaxPooling2d,
  pooling.globalAveragePooling2d,
  pooling.zeroPadding2d,
  pooling.upSampling2d,
  flatten,
  merge.add,
  merge.multiply,
  merge.average,
  merge.maximum,
  merge.minimum,
  merge.concatenate,
  noise.dropout,
  noise.spatialDropout1d,
  noise.gaussianNoise,
  noise.gaussianDropout,
  noise.alphaDropout,
];

for (const rule of RULES) defineRule(rule);

export { ruleOf, defineRule };
