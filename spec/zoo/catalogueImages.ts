/** Image nets in miniature, each with the groups it must have. */
import * as tf from '@tensorflow/tfjs-layers';
import type { Cases } from './catalogue';
import { apply, bn, conv, dense, gap, head, model, relu, rgb, type Flow } from './parts';

const { layers } = tf;
const INPUT = 'x features 3 (model input)';
const HEAD = 'head neurons 4 (model output): head | |';
const add = (name: string, ...flows: Flow[]): Flow => apply(flows, layers.add({ name }));
const concat = (name: string, ...flows: Flow[]): Flow => apply(flows, layers.concatenate({ name }));
const multiply = (name: string, ...flows: Flow[]): Flow => apply(flows, layers.multiply({ name }));
const wise = (name: string, depthMultiplier = 1): tf.layers.Layer =>
  layers.depthwiseConv2d({ name, kernelSize: 3, padding: 'same', depthMultiplier });
const pixel = (name: string, filters: number): tf.layers.Layer => conv(name, filters, { kernelSize: 1 });

export const chains: Cases = {
  convolutionToDense: {
    net() {
      const x = rgb();
      return model(x, head(apply(x, conv('a', 4), bn('bn'), relu('r'), conv('b', 5), relu('r2'))));
    },
    groups: [`${INPUT}: | | a`, 'a channels 4: a | bn | b', 'b channels 5: b | | head', HEAD],
  },
  withoutBias: {
    net() {
      const x = rgb();
      const chain = [conv('a', 4, { useBias: false }), bn('bn'), wiseWithoutBias('wise'), conv('b', 5, { useBias: false })]; // prettier-ignore
      return model(x, apply(x, ...chain, gap(), layers.dense({ name: 'head', units: 4, useBias: false })));
    },
    groups: [`${INPUT}: | | a`, 'a channels 4: a | bn wise | b', 'b channels 5: b | | head', HEAD],
  },
  channelsFirst: {
    net() {
      const first = { dataFormat: 'channelsFirst' } as const;
      const x = tf.input({ shape: [3, 4, 4], name: 'x' });
      const chain = [conv('a', 4, first), layers.averagePooling2d({ name: 'pool', poolSize: 2, ...first })];
      const pooled = layers.globalMaxPooling2d({ name: 'gmp', ...first });
      return model(x, apply(x, ...chain, conv('b', 5, { useBias: false, ...first }), pooled, dense('head', 4)));
    },
    groups: [
      'a features 3 (axis 1 of the input of "a" is not made of units): | | a',
      'a#2 channels 4: a | | b',
      'b channels 5: b | | head',
      HEAD,
    ],
  },
  flattenedChannelsLast: {
    net() {
      const x = tf.input({ shape: [2, 2, 3], name: 'x' });
      return model(x, apply(x, conv('a', 2), layers.flatten({ name: 'flat' }), dense('head', 4)));
    },
    groups: [`${INPUT}: | | a`, 'a channels 2: a | | head', HEAD],
    positions: { 'head.0.0': 'a0 a1 a0 a1 a0 a1 a0 a1' },
  },
  flattenedChannelsFirst: {
    net() {
      const x = tf.input({ shape: [3, 2, 2], name: 'x' });
      const a = apply(x, conv('a', 2, { dataFormat: 'channelsFirst' }));
      const asIs = apply(a, layers.flatten({ name: 'flat' }), dense('left', 3));
      const moved = apply(a, layers.flatten({ name: 'last', dataFormat: 'channelsFirst' }), dense('right', 3));
      return model(x, [asIs, moved]);
    },
    groups: [
      'a features 3 (axis 1 of the input of "a" is not made of units): | | a',
      'a#2 channels 2: a | | left right',
      'left neurons 3 (model output): left | |',
      'right neurons 3 (model output): right | |',
    ],
    positions: {
      'left.0.0': 'a#20 a#20 a#20 a#20 a#21 a#21 a#21 a#21',
      'right.0.0': 'a#20 a#21 a#20 a#21 a#20 a#21 a#20 a#21',
    },
  },
  paddedCroppedUpsampled: {
    net() {
      const x = rgb();
      const chain = [
        conv('a', 4),
        layers.zeroPadding2d({ name: 'pad', padding: [1, 2] }),
        layers.upSampling2d({ name: 'up', size: [2, 1] }),
        layers.cropping2D({ name: 'crop', cropping: [[1, 0], [2, 1]] }), // prettier-ignore
        layers.maxPooling2d({ name: 'pool', poolSize: 2, padding: 'same' }),
      ];
      return model(x, head(apply(x, ...chain, conv('b', 5))));
    },
    groups: [`${INPUT}: | | a`, 'a channels 4: a | | b', 'b channels 5: b | | head', HEAD],
  },
  onlyOneChannel: {
    net() {
      const x = rgb();
      return model(x, [apply(x, conv('a', 4), conv('mask', 1, { activation: 'sigmoid' })), head(apply(x, conv('b', 5)))]); // prettier-ignore
    },
    groups: [
      `${INPUT}: | | a b`,
      'a channels 4: a | | mask',
      'mask channels 1 (model output): mask | |',
      'b channels 5: b | | head',
      HEAD,
    ],
  },
  upAndDown: {
    net() {
      const x = rgb();
      const down = apply(x, conv('down', 4, { strides: 2 }), bn('bn1'), relu('r1'));
      const up = layers.conv2dTranspose({ name: 'up', filters: 5, kernelSize: 2, strides: 2, padding: 'same' });
      return model(x, apply(down, up, bn('bn2'), relu('r2'), conv('mask', 2)));
    },
    groups: [
      `${INPUT}: | | down`,
      'down channels 4: down | bn1 | up',
      'up channels 5: up | bn2 | mask',
      'mask channels 2 (model output): mask | |',
    ],
  },
  depthwiseTwice: {
    net() {
      const x = rgb();
      return model(x, head(apply(x, conv('a', 2), wise('double', 2), bn('bn'), wise('triple', 3), conv('b', 5))));
    },
    groups: [`${INPUT}: | | a`, 'a channels 2: a | double bn triple | b', 'b channels 5: b | | head', HEAD],
    positions: {
      'bn.0.0': 'a0 a0 a1 a1',
      'triple.0.2': 'a0 a0 a1 a1',
      'b.0.2': 'a0 a0 a0 a0 a0 a0 a1 a1 a1 a1 a1 a1',
    },
  },
};

export const streams: Cases = {
  twoStages: {
    net() {
      const x = rgb();
      let stream = apply(x, conv('stem', 4), relu('r0'));
      stream = add('add1', stream, apply(stream, conv('a1', 3), relu('r1'), conv('b1', 4)));
      const branch = apply(stream, conv('a2', 5, { strides: 2 }), relu('r2'), conv('b2', 6));
      stream = add('add2', branch, apply(stream, conv('short', 6, { kernelSize: 1, strides: 2 })));
      return model(x, head(add('add3', stream, apply(stream, conv('a3', 2), relu('r3'), conv('b3', 6)))));
    },
    groups: [
      `${INPUT}: | | stem`,
      'stem channels 4: stem b1 | | a1 a2 short',
      'a1 channels 3: a1 | | b1',
      'a2 channels 5: a2 | | b2',
      'b2 channels 6: b2 short b3 | | a3 head',
      'a3 channels 2: a3 | | b3',
      HEAD,
    ],
  },
  preActivation: {
    net() {
      const x = rgb();
      const stem = apply(x, conv('stem', 4));
      const branch = apply(stem, bn('bn1'), relu('r1'), conv('a', 3), bn('bn2'), relu('r2'), conv('b', 4));
      return model(x, head(apply(add('add', stem, branch), bn('bn3'), relu('r3'))));
    },
    groups: [`${INPUT}: | | stem`, 'stem channels 4: stem b | bn1 bn3 | a head', 'a channels 3: a | bn2 | b', HEAD],
  },
  sumOfThree: {
    net() {
      const x = rgb();
      const sum = add('add', apply(x, conv('a', 4)), apply(x, wise('wise'), pixel('b', 4)), apply(x, conv('c', 4)));
      return model(x, head(apply(sum, relu('r'))));
    },
    groups: [`${INPUT}: | wise | a b c`, 'a channels 4: a b c | | head', HEAD],
  },
  sumOfJoins: {
    net() {
      const x = rgb();
      const [a, b, c, d] = [3, 4, 4, 3].map((filters, i) => apply(x, conv('abcd'[i], filters)));
      return model(x, head(apply(add('add', concat('left', a, b), concat('right', c, d)), conv('e', 5))));
    },
    // a0 a1 a2 b0 b1 b2 b3 meet c0 c1 c2 c3 d0 d1 d2.
    groups: [
      `${INPUT}: | | a b c d`,
      'a channels 3: a c | | e',
      'b#2 channels 1: b c | | e',
      'b channels 3: b d | | e',
      'e channels 5: e | | head',
      HEAD,
    ],
    positions: { 'e.0.2': 'a0 a1 a2 b#20 b0 b1 b2', 'c.0.3': 'a0 a1 a2 b#20', 'd.0.3': 'b0 b1 b2' },
  },
  joinOfSums: {
    net() {
      const x = rgb();
      const [a, b, c] = [4, 4, 3].map((filters, i) => apply(x, conv('abc'[i], filters)));
      return model(x, head(apply(concat('join', add('add', a, b), c), bn('bn'), conv('d', 5))));
    },
    groups: [`${INPUT}: | | a b c`, 'a channels 4: a b | bn | d', 'c channels 3: c | bn | d', 'd channels 5: d | | head', HEAD], // prettier-ignore
    positions: { 'bn.0.0': 'a0 a1 a2 a3 c0 c1 c2' },
  },
  inceptionBlock: {
    net() {
      const x = rgb();
      const stem = apply(x, conv('stem', 4));
      const pooled = apply(stem, layers.averagePooling2d({ name: 'pool', poolSize: 3, strides: 1, padding: 'same' }));
      const branches = [apply(stem, pixel('a', 2)), apply(stem, pixel('b', 3), conv('c', 4)), apply(pooled, pixel('d', 3))]; // prettier-ignore
      const joined = concat('join', ...branches, apply(stem, layers.maxPooling2d({ name: 'most', poolSize: 3, strides: 1, padding: 'same' }))); // prettier-ignore
      return model(x, head(apply(joined, conv('e', 5))));
    },
    groups: [
      `${INPUT}: | | stem`,
      'stem channels 4: stem | | a b d e',
      'a channels 2: a | | e',
      'b channels 3: b | | c',
      'c channels 4: c | | e',
      'd channels 3: d | | e',
      'e channels 5: e | | head',
      HEAD,
    ],
    positions: { 'e.0.2': 'a0 a1 c0 c1 c2 c3 d0 d1 d2 stem0 stem1 stem2 stem3' },
  },
  skippedOver: {
    net() {
      const x = rgb();
      const down = apply(x, conv('a', 4), bn('bn1'), relu('r1'));
      const low = apply(down, layers.maxPooling2d({ name: 'pool', poolSize: 2, padding: 'same' }), conv('b', 6));
      const up = layers.conv2dTranspose({ name: 'up', filters: 3, kernelSize: 3, strides: 2, padding: 'same' });
      const back = apply(low, up, layers.cropping2D({ name: 'crop', cropping: [[0, 0], [0, 1]] })); // prettier-ignore
      return model(x, apply(concat('skip', down, back), conv('mask', 2)));
    },
    groups: [
      `${INPUT}: | | a`,
      'a channels 4: a | bn1 | b mask',
      'b channels 6: b | | up',
      'up channels 3: up | | mask',
      'mask channels 2 (model output): mask | |',
    ],
    positions: { 'mask.0.2': 'a0 a1 a2 a3 up0 up1 up2' },
  },
  exchange: {
    net() {
      const x = rgb();
      const [high, low] = [apply(x, conv('high', 4)), apply(x, conv('low', 5, { strides: 2 }))];
      const upwards = apply(low, pixel('up', 4), layers.upSampling2d({ name: 'twice', size: [2, 2] }), layers.cropping2D({ name: 'crop', cropping: [[0, 0], [0, 1]] })); // prettier-ignore
      const fine = add('fine', high, upwards);
      const coarse = add('coarse', low, apply(high, conv('down', 5, { strides: 2 })));
      const joined = concat('join', apply(fine, gap('g1')), apply(coarse, gap('g2')));
      return model(x, apply(joined, dense('head', 4)));
    },
    groups: [
      `${INPUT}: | | high low`,
      'up channels 4: high up | | down head',
      'low channels 5: low down | | up head',
      HEAD,
    ],
    positions: { 'head.0.0': 'up0 up1 up2 up3 low0 low1 low2 low3 low4' },
  },
};

function wiseWithoutBias(name: string): tf.layers.Layer {
  return layers.depthwiseConv2d({ name, kernelSize: 3, padding: 'same', useBias: false });
}

export const gates: Cases = {
  byReshape: {
    net() {
      const x = rgb();
      const a = apply(x, conv('a', 6));
      const squeezed = apply(a, gap('squeeze'), layers.reshape({ name: 'pixel', targetShape: [1, 1, 6] }));
      const gate = apply(squeezed, pixel('reduce', 2), relu('r'), pixel('expand', 6), layers.activation({ name: 's', activation: 'sigmoid' })); // prettier-ignore
      return model(x, head(apply(multiply('gate', a, gate), conv('b', 5))));
    },
    groups: [
      `${INPUT}: | | a`,
      'a channels 6: a expand | | reduce b',
      'reduce channels 2: reduce | | expand',
      'b channels 5: b | | head',
      HEAD,
    ],
  },
  byPooling: {
    net() {
      const x = rgb();
      const a = apply(x, conv('a', 6), bn('bn'));
      const gate = apply(a, layers.globalMaxPooling2d({ name: 'squeeze' }), dense('expand', 6, 'sigmoid'));
      return model(x, head(multiply('gate', a, gate)));
    },
    groups: [`${INPUT}: | | a`, 'a channels 6: a expand | bn | expand head', HEAD],
  },
  byMap: {
    net() {
      const x = rgb();
      const a = apply(x, conv('a', 4));
      return model(x, head(apply(multiply('gate', a, apply(a, conv('map', 1, { activation: 'sigmoid' }))), conv('b', 5)))); // prettier-ignore
    },
    groups: [
      `${INPUT}: | | a`,
      'a channels 4: a | | map b',
      'map channels 1 ("gate" spreads it over all units of the other input): map | |',
      'b channels 5: b | | head',
      HEAD,
    ],
  },
  byVectorOfInput: {
    net() {
      const [x, y] = [rgb(), tf.input({ shape: [2], name: 'y' })];
      const scaled = multiply('gate', apply(x, conv('a', 4)), apply(y, dense('style', 4)));
      return model([x, y], head(apply(scaled, relu('r'))));
    },
    groups: [`${INPUT}: | | a`, 'y features 2 (model input): | | style', 'a channels 4: a style | | head', HEAD],
  },
};
