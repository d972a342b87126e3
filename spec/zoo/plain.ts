/** Chains: one layer after the other, every activation, every way to change the size of an image. */
import * as tf from '@tensorflow/tfjs-layers';
import { apply, bn, conv, dense, gap, head, model, relu, rgb, type Net } from './parts';

const { layers } = tf;

export const plain: Record<string, Net> = {
  sequential() {
    const net = tf.sequential({ name: 'net' });
    net.add(layers.conv2d({ name: 'conv', filters: 8, kernelSize: 3, padding: 'same', inputShape: [6, 5, 3] }));
    for (const layer of [bn('bn'), relu('relu'), layers.maxPooling2d({ name: 'pool', poolSize: 2 })]) net.add(layer);
    for (const layer of [layers.flatten({ name: 'flatten' }), dense('hidden', 7, 'relu'), dense('head', 4, 'softmax')])
      net.add(layer);
    return net;
  },
  perceptron() {
    const x = tf.input({ shape: [5], name: 'x' });
    const hidden = apply(x, dense('a', 9), bn('bn'), layers.activation({ name: 'act', activation: 'tanh' }));
    return model(x, apply(hidden, dense('b', 6, 'relu'), dense('head', 2)));
  },
  flattenUnpooled() {
    const x = rgb();
    const flat = apply(x, conv('a', 4, { strides: 2 }), layers.flatten({ name: 'flatten' }), bn('bn'));
    return model(x, apply(flat, layers.prelu({ name: 'prelu' }), dense('head', 3)));
  },
  denseOnImages() {
    const x = rgb();
    return model(x, head(apply(x, dense('a', 6, 'relu'), bn('bn'), dense('b', 5))));
  },
  activations() {
    const x = rgb();
    const chain = [
      conv('a', 5),
      layers.leakyReLU({ name: 'leaky', alpha: 0.2 }),
      conv('b', 5, { activation: 'swish' as never }),
      layers.elu({ name: 'elu' }),
      conv('c', 5),
      layers.thresholdedReLU({ name: 'threshold', theta: 0.3 }),
      conv('d', 5),
      layers.reLU({ name: 'relu6', maxValue: 1.5 }),
      layers.activation({ name: 'sigmoid', activation: 'sigmoid' }),
    ];
    return model(x, head(apply(x, ...chain)));
  },
  noise() {
    const x = tf.input({ shape: [4, 3], name: 'x' });
    const chain = [
      dense('a', 6),
      layers.spatialDropout1d({ name: 'spatial', rate: 0.5 }),
      layers.dropout({ name: 'dropout', rate: 0.5 }),
      layers.gaussianNoise({ name: 'noise', stddev: 1 }),
      layers.gaussianDropout({ name: 'gaussian', rate: 0.5 }),
      layers.alphaDropout({ name: 'alpha', rate: 0.5 }),
    ];
    return model(x, apply(x, ...chain, layers.flatten({ name: 'flatten' }), dense('head', 3)));
  },
  prelu() {
    const x = rgb();
    const own = apply(x, conv('a', 5), layers.prelu({ name: 'own' }));
    return model(x, head(apply(own, conv('b', 4), layers.prelu({ name: 'shared', sharedAxes: [1, 2] }))));
  },
  preluAllShared() {
    const x = rgb();
    return model(x, head(apply(x, conv('a', 5), layers.prelu({ name: 'prelu', sharedAxes: [1, 2, 3] }))));
  },
  batchNormParts() {
    const x = rgb();
    const noScale = layers.batchNormalization({ name: 'noScale', scale: false });
    const noCenter = layers.batchNormalization({ name: 'noCenter', center: false });
    return model(x, head(apply(x, conv('a', 5), noScale, conv('b', 6, { useBias: false }), noCenter)));
  },
  singleChannel() {
    const x = rgb();
    return model(x, head(apply(x, conv('a', 5), relu('r'), conv('one', 1), conv('b', 3))));
  },
  softmaxMiddle() {
    const x = rgb();
    const mixed = apply(x, conv('a', 5), layers.softmax({ name: 'softmax', axis: -1 }), conv('b', 4));
    const again = apply(mixed, conv('c', 6, { activation: 'softmax' }), conv('d', 3), gap('pooled'));
    return model(x, apply(again, dense('e', 5), layers.softmax({ name: 'vector' }), dense('head', 3)));
  },
};

export const spatial: Record<string, Net> = {
  strides() {
    const x = tf.input({ shape: [9, 7, 2], name: 'x' });
    const chain = [
      conv('a', 4, { strides: 2 }),
      conv('b', 5, { kernelSize: [2, 3], strides: [1, 2], padding: 'valid' }),
      conv('c', 3, { kernelSize: 2, dilationRate: 2 }),
      conv('d', 4, { kernelSize: [2, 1], dilationRate: [2, 1], padding: 'valid' }),
    ];
    return model(x, apply(x, ...chain, layers.flatten({ name: 'flatten' }), dense('head', 3)));
  },
  pools() {
    const x = tf.input({ shape: [9, 7, 2], name: 'x' });
    const chain = [
      conv('a', 4),
      layers.maxPooling2d({ name: 'max', poolSize: 2, strides: 1, padding: 'same' }),
      layers.averagePooling2d({ name: 'average', poolSize: [3, 2], padding: 'valid' }),
      conv('b', 5),
      layers.averagePooling2d({ name: 'ceil', poolSize: 2, padding: 'same' }),
      layers.globalMaxPooling2d({ name: 'gmp', dataFormat: 'channelsLast' }),
    ];
    return model(x, apply(x, ...chain, dense('head', 3)));
  },
  unet() {
    const x = tf.input({ shape: [7, 6, 2], name: 'x' });
    const pad = layers.zeroPadding2d({
      name: 'pad',
      padding: [
        [1, 0],
        [1, 1],
      ],
    });
    const down = apply(x, pad, conv('a', 4), relu('ra'));
    const low = apply(down, layers.maxPooling2d({ name: 'pool', poolSize: 2 }), conv('b', 6), relu('rb'));
    const up = apply(low, layers.upSampling2d({ name: 'up', size: [2, 2] }), conv('c', 4));
    const joined = apply([up, down], layers.concatenate({ name: 'skip' }), conv('d', 5), relu('rd'));
    return model(x, apply(joined, conv('mask', 1, { kernelSize: 1, activation: 'sigmoid' })));
  },
  channelsFirst() {
    const first = { dataFormat: 'channelsFirst' } as const;
    const x = tf.input({ shape: [3, 6, 5], name: 'x' });
    const chain = [
      conv('a', 5, first),
      layers.prelu({ name: 'prelu', sharedAxes: [2, 3] }),
      layers.maxPooling2d({ name: 'pool', poolSize: 2, ...first }),
      layers.softmax({ name: 'rows', axis: -1 }),
      conv('b', 4, { activation: 'softmax', ...first }),
      layers.upSampling2d({ name: 'up', size: [2, 1], ...first }),
      layers.zeroPadding2d({ name: 'pad', padding: [1, 1], ...first }),
      layers.averagePooling2d({ name: 'average', poolSize: 2, ...first }),
      layers.flatten({ name: 'flatten', ...first }),
    ];
    return model(x, apply(x, ...chain, dense('head', 3)));
  },
  channelsFirstPooled() {
    const first = { dataFormat: 'channelsFirst' } as const;
    const x = tf.input({ shape: [3, 6, 5], name: 'x' });
    const a = apply(x, conv('a', 5, first));
    const gates = apply(a, layers.globalMaxPooling2d({ name: 'gmp', ...first }), dense('gate', 5, 'sigmoid'));
    const mean = apply(a, layers.globalAveragePooling2d({ name: 'gap', ...first }));
    return model(x, apply(apply([mean, gates], layers.multiply({ name: 'gated' })), dense('head', 3)));
  },
};
