/** Nets that call a layer or a model more than once, inside another, or not at all in the end. */
import * as tf from '@tensorflow/tfjs-layers';
import type { Cases } from './catalogue';
import { apply, bn, conv, dense, gap, head, model, relu, rgb, type Flow } from './parts';

const { layers } = tf;
const INPUT = 'x features 3 (model input)';
const HEAD = 'head neurons 4 (model output): head | |';
const vector = (features: number, name = 'x'): Flow => tf.input({ shape: [features], name });

export const shared: Cases = {
  siamese: {
    net() {
      const [x, y] = [rgb('x'), rgb('y')];
      const chain = [conv('a', 4), bn('bn'), relu('r'), conv('b', 5), gap()];
      const product = apply([apply(x, ...chain), apply(y, ...chain)], layers.multiply({ name: 'product' }));
      return model([x, y], apply(product, dense('head', 4)));
    },
    // One kernel axis reads both images: its units are those of the first.
    groups: [`${INPUT}: | | a`, 'a channels 4: a | bn | b', 'b channels 5: b | | head', HEAD],
  },
  tiedLayers: {
    net() {
      const x = vector(3);
      const tied = dense('tied', 5, 'relu');
      return model(x, apply(x, dense('a', 5), tied, tied, tied, dense('head', 4)));
    },
    groups: [`${INPUT}: | | a`, 'a neurons 5: a tied | | tied head', HEAD],
  },
  tiedHeads: {
    net() {
      const [x, y] = [vector(3), vector(2, 'y')];
      const tied = dense('head', 4);
      return model([x, y], [apply(x, dense('a', 5), tied), apply(y, dense('b', 5), tied)]);
    },
    groups: [`${INPUT}: | | a`, 'y features 2 (model input): | | b', 'a neurons 5: a b | | head', HEAD],
  },
  tiedInBothBranches: {
    net() {
      const x = rgb();
      const stem = apply(x, conv('stem', 4));
      const tied = conv('tied', 4);
      const once = apply(stem, tied, relu('r'));
      return model(x, head(apply([stem, apply(once, tied)], layers.add({ name: 'add' }))));
    },
    groups: [`${INPUT}: | | stem`, 'stem channels 4: stem tied | | tied head', HEAD],
  },
  normSharedByTwo: {
    net() {
      const x = rgb();
      const norm = bn('bn');
      const [a, b] = ['a', 'b'].map(name => apply(x, conv(name, 4), norm));
      return model(x, apply([apply(a, gap('g1')), apply(b, gap('g2'))], layers.concatenate({ name: 'cat' }), dense('head', 4))); // prettier-ignore
    },
    groups: [`${INPUT}: | | a b`, 'a channels 4: a b | bn | head', HEAD],
    positions: { 'head.0.0': 'a0 a1 a2 a3 a0 a1 a2 a3' },
  },
};

export const ends: Cases = {
  unconnectedHalves: {
    net() {
      const [x, y] = [rgb(), vector(2, 'y')];
      return model([x, y], [head(apply(x, conv('a', 4))), apply(y, dense('b', 5, 'relu'), dense('value', 1))]);
    },
    groups: [
      `${INPUT}: | | a`,
      'a channels 4: a | | head',
      HEAD,
      'y features 2 (model input): | | b',
      'b neurons 5: b | | value',
      'value neurons 1 (model output): value | |',
    ],
  },
  outputsOnTheWay: {
    net() {
      const x = rgb();
      const early = apply(x, conv('a', 4));
      const late = apply(early, relu('r'), conv('b', 5));
      return model(x, [early, head(late), apply(late, gap('features'))]);
    },
    groups: [
      `${INPUT}: | | a`,
      'a channels 4 (model output): a | | b',
      'b channels 5 (model output): b | | head',
      HEAD,
    ],
  },
  outputOfPartOfASum: {
    net() {
      const x = rgb();
      const [a, b] = [apply(x, conv('a', 4)), apply(x, conv('b', 4))];
      const sum = apply([a, b], layers.add({ name: 'add' }));
      return model(x, [apply(b, gap('g')), head(apply(sum, conv('c', 5)))]);
    },
    groups: [`${INPUT}: | | a b`, 'b channels 4 (model output): a b | | c', 'c channels 5: c | | head', HEAD],
  },
  deadBranch: {
    net() {
      const x = rgb();
      const y = tf.input({ shape: [6, 5, 4], name: 'y' });
      const used = apply(y, conv('used', 5));
      const inner = model(y, [used, apply(y, conv('dead', 3))], 'inner');
      const [first] = inner.apply(apply(x, conv('a', 4))) as Flow[];
      return model(x, head(first));
    },
    groups: [
      `${INPUT}: | | a`,
      'a channels 4: a | | inner/used inner/dead',
      'inner/used channels 5: inner/used | | head',
      'inner/dead channels 3: inner/dead | |',
      HEAD,
    ],
  },
  inputAsOutput: {
    net() {
      const x = vector(3);
      const a = apply(x, dense('a', 5), dense('head', 4));
      return model(x, [a, apply(x, layers.activation({ name: 'copy', activation: 'tanh' }))]);
    },
    groups: ['x features 3 (model output): | | a', 'a neurons 5: a | | head', HEAD],
  },
};

export const nested: Cases = {
  recurrentInSequential: {
    net() {
      const gru = layers.gru({ name: 'gru', units: 3, recurrentInitializer: 'glorotNormal' });
      const reader = tf.sequential({
        name: 'reader',
        layers: [
          layers.embedding({ name: 'words', inputDim: 9, outputDim: 6, inputLength: 5 }),
          layers.bidirectional({ name: 'both', layer: gru, mergeMode: 'concat' }),
          dense('out', 5, 'relu'),
        ],
      });
      const x = tf.input({ shape: [5], name: 'x' });
      return model(x, apply(x, reader, dense('head', 4)));
    },
    groups: [
      'reader/words dimensions 6: reader/words | | reader/both',
      'reader/both cells 3: reader/both | | reader/both~ reader/out',
      'reader/out neurons 5: reader/out | | head',
      HEAD,
    ],
  },
  blockOnTwoSizes: {
    net() {
      const y = tf.input({ shape: [null, null, 4] as never, name: 'y' });
      const block = model(y, apply(y, conv('c', 4), bn('n'), relu('r')), 'block');
      const x = rgb();
      const stem = apply(x, conv('stem', 4));
      const low = apply(stem, layers.maxPooling2d({ name: 'pool', poolSize: 2 }), block, gap('g1'));
      return model(x, apply([low, apply(stem, block, gap('g2'))], layers.concatenate({ name: 'cat' }), dense('head', 4))); // prettier-ignore
    },
    groups: [
      `${INPUT}: | | stem`,
      'stem channels 4: stem | | block/c',
      'block/c channels 4: block/c | block/n | head',
      HEAD,
    ],
  },
};
