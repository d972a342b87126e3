/** Nets that move units about: shuffles, splits, reshaping, other ranks; and axes that do not fit. */
import * as tf from '@tensorflow/tfjs-layers';
import { select } from '../../bench/zoo/selectChannels';
import type { Cases } from './catalogue';
import { apply, conv, dense, gap, head, model, relu, rgb, type Flow } from './parts';

const { layers } = tf;
const INPUT = 'x features 3 (model input)';
const HEAD = 'head neurons 4 (model output): head | |';
const reshape = (name: string, ...targetShape: number[]): tf.layers.Layer => layers.reshape({ name, targetShape });
const permute = (name: string, ...dims: number[]): tf.layers.Layer => layers.permute({ name, dims });
const concat = (name: string, ...flows: Flow[]): Flow => apply(flows, layers.concatenate({ name }));
const small = (channels = 3): Flow => tf.input({ shape: [2, 2, channels], name: 'x' });

export const shuffles: Cases = {
  channelShuffle: {
    net() {
      const x = small();
      const shuffled = [reshape('deal', 2, 2, 2, 2), permute('turn', 1, 2, 4, 3), reshape('join', 2, 2, 4)];
      return model(x, head(apply(x, conv('a', 4), ...shuffled, conv('b', 5))));
    },
    // A config of two equal halves has to stay one.
    groups: [`${INPUT}: | | a`, 'a channels 2: a | | b', 'b channels 5: b | | head', HEAD],
    positions: { 'a.0.3': 'a0 a1 a0 a1', 'b.0.2': 'a0 a0 a1 a1' },
  },
  channelShuffleBySelection: {
    net() {
      const x = small();
      const shuffled = select(apply(x, conv('a', 4)), [0, 2, 1, 3], 'shuffle');
      return model(x, head(apply(shuffled, conv('b', 5))));
    },
    groups: [`${INPUT}: | | a`, 'a channels 4: a | | b', 'b channels 5: b | | head', HEAD],
    positions: { 'b.0.2': 'a0 a2 a1 a3' },
  },
  pixelShuffle: {
    net() {
      const x = small();
      const out = [reshape('deal', 2, 2, 2, 2, 2), permute('turn', 1, 3, 2, 4, 5), reshape('join', 4, 4, 2)];
      return model(x, head(apply(x, conv('a', 8), ...out, conv('b', 5))));
    },
    groups: [`${INPUT}: | | a`, 'a channels 2: a | | b', 'b channels 5: b | | head', HEAD],
    positions: { 'a.0.3': 'a0 a1 a0 a1 a0 a1 a0 a1', 'b.0.2': 'a0 a1' },
  },
  splitAndJoin: {
    net() {
      const x = small();
      const a = apply(x, conv('a', 4), relu('r'));
      const worked = apply(select(a, [0, 1], 'left'), conv('b', 3));
      return model(x, head(apply(concat('join', worked, select(a, [2, 3], 'right')), conv('c', 5))));
    },
    groups: [
      `${INPUT}: | | a`,
      'a channels 2: a | | b',
      'a#2 channels 2: a | | c',
      'b channels 3: b | | c',
      'c channels 5: c | | head',
      HEAD,
    ],
    positions: { 'a.0.3': 'a0 a1 a#20 a#21', 'c.0.2': 'b0 b1 b2 a#20 a#21' },
  },
  splitIdentity: {
    net() {
      const x = small();
      const a = apply(x, conv('a', 4));
      const joined = concat('join', select(a, [2, 3], 'right'), select(a, [0, 1], 'left'));
      return model(x, head(apply(joined, conv('b', 5))));
    },
    groups: [`${INPUT}: | | a`, 'a channels 4: a | | b', 'b channels 5: b | | head', HEAD],
    positions: { 'b.0.2': 'a2 a3 a0 a1' },
  },
  splitByCrop: {
    net() {
      const x = small();
      const a = apply(x, conv('a', 4));
      // Columns of a picture with the channels first are channels of one with the channels last.
      const crop = (name: string, from: number, to: number): Flow =>
        apply(a, layers.cropping2D({ name, cropping: [[0, 0], [from, to]], dataFormat: 'channelsFirst' })); // prettier-ignore
      return model(x, head(apply(concat('join', crop('left', 0, 2), crop('right', 2, 0)), conv('b', 5))));
    },
    groups: [
      `${INPUT}: | | a`,
      'a channels 4 ("left" works along axis 1, the units lie on axis 3): a | |',
      'b features 4 (axis 3 of the input of "b" is not made of units): | | b',
      'b#2 channels 5: b | | head',
      HEAD,
    ],
  },
};

export const reshaped: Cases = {
  generator: {
    net() {
      const x = tf.input({ shape: [3], name: 'x' });
      const up = layers.conv2dTranspose({ name: 'up', filters: 5, kernelSize: 2, strides: 2 });
      return model(x, head(apply(x, dense('seed', 2 * 2 * 3, 'relu'), reshape('image', 2, 2, 3), up)));
    },
    groups: [`${INPUT}: | | seed`, 'seed neurons 3: seed | | up', 'up channels 5: up | | head', HEAD],
    positions: { 'seed.0.1': 'seed0 seed1 seed2 '.repeat(4).trim(), 'up.0.3': 'seed0 seed1 seed2' },
  },
  permutedAndFlattened: {
    net() {
      const x = small();
      const flat = layers.flatten({ name: 'flat' });
      return model(x, apply(x, conv('a', 2), permute('front', 3, 1, 2), flat, dense('head', 4)));
    },
    groups: [`${INPUT}: | | a`, 'a channels 2: a | | head', HEAD],
    positions: { 'head.0.0': 'a0 a0 a0 a0 a1 a1 a1 a1' },
  },
  flattenedByReshape: {
    net() {
      const x = small();
      return model(x, apply(x, conv('a', 3), reshape('flat', 12), dense('head', 4)));
    },
    groups: [`${INPUT}: | | a`, 'a channels 3: a | | head', HEAD],
    positions: { 'head.0.0': 'a0 a1 a2 a0 a1 a2 a0 a1 a2 a0 a1 a2' },
  },
  imageAsSteps: {
    net() {
      const x = rgb();
      const rows = layers.conv1d({ name: 'b', filters: 5, kernelSize: 3 });
      const chain = [conv('a', 4), reshape('steps', 30, 4), rows, layers.globalMaxPooling1d({ name: 'pool' })];
      return model(x, apply(x, ...chain, dense('head', 4)));
    },
    groups: [`${INPUT}: | | a`, 'a channels 4: a | | b', 'b channels 5: b | | head', HEAD],
  },
  volume: {
    net() {
      const x = tf.input({ shape: [3, 4, 4, 3], name: 'x' });
      const up = layers.conv3dTranspose({ name: 'up', filters: 5, kernelSize: 2, strides: 2, useBias: false });
      const chain = [
        layers.conv3d({ name: 'a', filters: 4, kernelSize: 2 }),
        layers.maxPooling3d({ name: 'pool' }),
        up,
      ];
      return model(x, apply(x, ...chain, layers.flatten({ name: 'flat' }), dense('head', 4)));
    },
    groups: [`${INPUT}: | | a`, 'a channels 4: a | | up', 'up channels 5: up | | head', HEAD],
  },
};

export const misfits: Cases = {
  denseOnRowsOfChannels: {
    net() {
      const first = { dataFormat: 'channelsFirst' } as const;
      const x = tf.input({ shape: [3, 4, 4], name: 'x' });
      const a = apply(x, conv('a', 4, first), dense('mix', 5));
      return model(x, apply(a, layers.globalAveragePooling2d({ name: 'gap', ...first }), dense('head', 4)));
    },
    groups: [
      'a features 3 (axis 1 of the input of "a" is not made of units): | | a',
      'a#2 channels 4 ("mix" works along axis 3, the units lie on axis 1): a | |',
      'mix features 4 (axis 3 of the input of "mix" is not made of units): | | mix',
      'mix#2 neurons 5 ("gap" works along axis 1, the units lie on axis 3): mix | |',
      'gap features 4 (axis 1 of the input of "gap" is not made of units): | | head',
      HEAD,
    ],
  },
  sumOfRanks: {
    net() {
      const [x, y] = [rgb(), tf.input({ shape: [2], name: 'y' })];
      const sum = apply([apply(x, conv('a', 4)), apply(y, dense('b', 4))], layers.add({ name: 'add' }));
      return model([x, y], apply(sum, gap(), dense('head', 4)));
    },
    groups: [`${INPUT}: | | a`, 'y features 2 (model input): | | b', 'a channels 4: a b | | head', HEAD],
  },
  crossedAxes: {
    net() {
      const x = small(2);
      const [last, turned] = [apply(x, conv('last', 2)), apply(x, conv('rows', 2), permute('turn', 3, 2, 1))];
      return model(x, head(apply(apply([last, turned], layers.add({ name: 'add' })), conv('b', 5))));
    },
    groups: [
      'x features 2 (model input): | | last rows',
      'last channels 2 (units on different axes meet in "add"): last | |',
      'rows channels 2 (units on different axes meet in "add"): rows | |',
      'add features 2 (units on different axes meet in "add"): | | b',
      'b channels 5: b | | head',
      HEAD,
    ],
  },
};
