/** The table of conversions: adding that of a layer class is one file and one line here. */
import type { Conversion } from './conversion';
import { convert } from './convert';
import * as activation from './layers/activation';
import { attention } from './layers/attention';
import * as convolution from './layers/convolution';
import { dense } from './layers/dense';
import { categoryEncoding, embedding, masking } from './layers/embedding';
import * as merge from './layers/merge';
import { convLstm2d } from './layers/movingImages';
import * as noise from './layers/noise';
import * as normalization from './layers/normalization';
import * as pooling from './layers/pooling';
import * as positions from './layers/positions';
import * as recurrent from './layers/recurrent';
import { flatten, permute, repeatVector, reshape } from './layers/shape';
import { layerNorm, rmsNorm } from './layers/widthNorms';
import { timeDistributed } from './layers/wrappers';
import { defineConversion } from './table';

export const CONVERSIONS: readonly Conversion[] = [
  dense,
  embedding,
  categoryEncoding,
  masking,
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
  convLstm2d,
  recurrent.bidirectional,
  timeDistributed,
  normalization.batchNormalization,
  normalization.layerNormalization,
  normalization.rescaling,
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
  attention,
  rmsNorm,
  layerNorm,
  positions.tiedEmbedding,
  positions.positionEmbedding,
  positions.classToken,
  positions.firstToken,
];

/** {@link convert} with all conversions. They are known when first needed and not before, so that bundlers can leave them out. */
export const toOnnx: typeof convert = (...given) => {
  CONVERSIONS.forEach(defineConversion);
  return convert(...given);
};

export { messageOf, requireRoom } from './message';
export { SCHEMA } from './schema';
