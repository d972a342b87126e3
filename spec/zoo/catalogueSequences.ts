/** Nets over time, each with the groups it must have. */
import * as tf from '@tensorflow/tfjs-layers';
import type { Cases } from './catalogue';
import { apply, bn, dense, model, type Flow } from './parts';

const { layers } = tf;
const HEAD = 'head neurons 4 (model output): head | |';
const steps = (features = 3, name = 'x'): Flow => tf.input({ shape: [5, features], name });
const words = (name = 'x'): Flow => tf.input({ shape: [5], name });
const embedding = (name: string, outputDim: number): tf.layers.Layer =>
  layers.embedding({ name, inputDim: 9, outputDim });
const norm = (name: string): tf.layers.Layer => layers.layerNormalization({ name });
const add = (name: string, ...flows: Flow[]): Flow => apply(flows, layers.add({ name }));
const mean = (name = 'mean'): tf.layers.Layer => layers.globalAveragePooling1d({ name });
// The default, orthogonal, needs tf.js's union package.
const cell = (name: string, units: number) => ({ name, units, recurrentInitializer: 'glorotNormal' }) as const;
const each = (name: string, units: number) => ({ ...cell(name, units), returnSequences: true });

export const recurrent: Cases = {
  stacked: {
    net() {
      const x = words();
      const stack = [layers.lstm(each('lstm', 4)), layers.gru(each('gru', 5)), layers.simpleRNN(cell('simple', 3))];
      return model(x, apply(x, embedding('words', 6), ...stack, dense('head', 4)));
    },
    groups: [
      'words dimensions 6: words | | lstm',
      'lstm cells 4: lstm | | lstm~ gru',
      'gru cells 5: gru | | gru~ simple',
      'simple cells 3: simple | | simple~ head',
      HEAD,
    ],
    positions: {
      'lstm.0.1': 'lstm0 lstm1 lstm2 lstm3 '.repeat(4).trim(),
      'gru.1.1': 'gru0 gru1 gru2 gru3 gru4 '.repeat(3).trim(),
      'gru.0.0': 'lstm0 lstm1 lstm2 lstm3',
    },
  },
  stackedWithSkip: {
    net() {
      const x = steps();
      const first = apply(x, layers.lstm(each('a', 4)));
      const sum = add('add', first, apply(first, layers.lstm(each('b', 4))));
      return model(x, apply(sum, layers.gru(cell('c', 3)), dense('head', 4)));
    },
    groups: ['x features 3 (model input): | | a', 'a cells 4: a b | | a~ b b~ c', 'c cells 3: c | | c~ head', HEAD],
  },
  bothDirections: {
    net() {
      const x = steps();
      const both = layers.bidirectional({ name: 'both', layer: layers.lstm(each('lstm', 3)), mergeMode: 'concat' });
      return model(x, apply(x, both, mean(), dense('head', 4)));
    },
    groups: ['x features 3 (model input): | | both', 'both cells 3: both | | both~ head', HEAD],
    positions: { 'head.0.0': 'both0 both1 both2 both0 both1 both2', 'both.1.0': 'both0 both1 both2', 'both.4.0': 'both0 both1 both2' }, // prettier-ignore
  },
  directionsSummed: {
    net() {
      const x = steps();
      const both = layers.bidirectional({ name: 'both', layer: layers.gru(cell('gru', 3)), mergeMode: 'sum' });
      return model(x, apply(x, both, dense('head', 4)));
    },
    groups: ['x features 3 (model input): | | both', 'both cells 3: both | | both~ head', HEAD],
    positions: { 'head.0.0': 'both0 both1 both2' },
  },
  encoderDecoder: {
    net() {
      const [x, y] = [steps(3, 'x'), steps(2, 'y')];
      const states = layers.lstm({ ...cell('encoder', 4), returnState: true }).apply(x) as Flow[];
      const decoder = layers.lstm(each('decoder', 4)).apply([y, states[1], states[2]]) as Flow;
      return model([x, y], apply(decoder, dense('head', 4)));
    },
    groups: [
      'x features 3 (model input): | | encoder',
      'y features 2 (model input): | | decoder',
      'encoder cells 4: encoder decoder | | encoder~ decoder~ head',
      HEAD,
    ],
  },
  unusedStates: {
    net() {
      const x = steps();
      const [last] = layers.gru({ ...cell('gru', 4), returnState: true }).apply(x) as Flow[];
      return model(x, apply(last, dense('head', 4)));
    },
    groups: ['x features 3 (model input): | | gru', 'gru cells 4: gru | | gru~ head', HEAD],
  },
  framesOfVideo: {
    net() {
      const x = tf.input({ shape: [3, 4, 4, 3], name: 'x' });
      const frame = layers.conv2d({ name: 'c', filters: 4, kernelSize: 3, useBias: false });
      const chain = [
        layers.timeDistributed({ name: 'conv', layer: frame }),
        layers.timeDistributed({ name: 'norm', layer: bn('n') }),
        layers.timeDistributed({ name: 'flat', layer: layers.flatten({ name: 'f' }) }),
        layers.gru(cell('gru', 5)),
      ];
      return model(x, apply(x, ...chain, dense('head', 4)));
    },
    groups: [
      'x features 3 (model input): | | conv',
      'conv channels 4: conv | norm | gru',
      'gru cells 5: gru | | gru~ head',
      HEAD,
    ],
    positions: { 'gru.0.0': 'conv0 conv1 conv2 conv3 '.repeat(4).trim() },
  },
  wavelets: {
    net() {
      const x = steps();
      const conv = (name: string, filters: number, dilationRate = 1): tf.layers.Layer =>
        layers.conv1d({ name, filters, kernelSize: 2, padding: 'same', dilationRate });
      const a = apply(x, conv('a', 4), layers.activation({ name: 't', activation: 'tanh' }));
      const gate = apply([apply(a, conv('b', 4, 2)), apply(a, conv('c', 4, 2))], layers.multiply({ name: 'gate' }));
      return model(x, apply(add('add', a, apply(gate, conv('d', 4))), layers.maxPooling1d({ name: 'p' }), mean(), dense('head', 4))); // prettier-ignore
    },
    groups: ['x features 3 (model input): | | a', 'a channels 4: a d | | b c head', 'b channels 4: b c | | d', HEAD],
  },
};

export const streams: Cases = {
  feedForward: {
    net() {
      const x = words();
      const stem = apply(x, embedding('words', 6));
      const sum = add('add', stem, apply(stem, dense('up', 8, 'relu'), dense('down', 6)));
      return model(x, apply(sum, mean(), dense('head', 4)));
    },
    groups: ['words dimensions 6: words down | | up head', 'up neurons 8: up | | down', HEAD],
  },
  normalizedStream: {
    net() {
      const x = words();
      let stream = apply(x, embedding('words', 6));
      for (const i of [1, 2]) {
        const inner = apply(stream, norm(`ln${i}`), dense(`up${i}`, 8, 'relu'), dense(`down${i}`, 6));
        stream = add(`add${i}`, stream, inner);
      }
      return model(x, apply(stream, norm('last'), mean(), dense('head', 4)));
    },
    groups: [
      'words dimensions 6 ("ln1" takes mean and variance over them): words down1 down2 | | up1 up2 head',
      'up1 neurons 8: up1 | | down1',
      'up2 neurons 8: up2 | | down2',
      HEAD,
    ],
  },
  wordsAndPlaces: {
    net() {
      const [x, y] = [words('x'), words('y')];
      const sum = add('add', apply(x, embedding('words', 6)), apply(y, embedding('places', 6)));
      return model([x, y], apply(sum, dense('hidden', 5, 'relu'), mean(), dense('head', 4)));
    },
    groups: ['words dimensions 6: words places | | hidden', 'hidden neurons 5: hidden | | head', HEAD],
  },
  tiedEmbedding: {
    net() {
      const [x, y] = [words('x'), words('y')];
      const shared = embedding('words', 6);
      const [a, b] = [apply(x, shared, mean('a')), apply(y, shared, mean('b'))];
      return model([x, y], apply([a, b], layers.concatenate({ name: 'pair' }), dense('head', 4)));
    },
    groups: ['words dimensions 6: words | | head', HEAD],
    positions: { 'head.0.0': Array.from({ length: 12 }, (_, i) => `words${i % 6}`).join(' ') },
  },
  attention: {
    net() {
      const x = steps(4);
      const [q, k, v] = ['query', 'key', 'value'].map(name => apply(x, dense(name, 3)));
      const scores = apply([q, k], layers.dot({ name: 'scores', axes: [2, 2] }));
      const weights = apply(scores, layers.softmax({ name: 'softmax', axis: -1 }));
      const mixed = apply([weights, v], layers.dot({ name: 'mix', axes: [2, 1] }));
      return model(x, apply(add('add', x, apply(mixed, dense('out', 4))), mean(), dense('head', 4)));
    },
    groups: [
      'x features 4 (model input): out | | query key value head',
      'query neurons 3: query key | |',
      'value neurons 3: value | | out',
      HEAD,
    ],
  },
};
