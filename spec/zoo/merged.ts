/** Branches that meet: sums, products, extremes, concatenations; and depthwise convolutions. */
import * as tf from '@tensorflow/tfjs-layers';
import { apply, bn, conv, dense, gap, head, model, relu, rgb, type Net } from './parts';

const { layers } = tf;

export const merged: Record<string, Net> = {
  residual() {
    const x = rgb();
    const stem = apply(x, conv('stem', 6), bn('bn0'), relu('r0'));
    const branch = apply(stem, conv('a', 4), bn('bn1'), relu('r1'), conv('b', 6), bn('bn2'));
    return model(x, head(apply(apply([stem, branch], layers.add({ name: 'add' })), relu('r2'))));
  },
  residualProjection() {
    const x = rgb();
    const stem = apply(x, conv('stem', 5), relu('r0'));
    const branch = apply(stem, conv('a', 4, { strides: 2 }), bn('bn1'), relu('r1'), conv('b', 7), bn('bn2'));
    const short = apply(stem, conv('short', 7, { kernelSize: 1, strides: 2, useBias: false }), bn('bn3'));
    return model(x, head(apply(apply([branch, short], layers.add({ name: 'add' })), relu('r2'))));
  },
  addChain() {
    const x = rgb();
    let stream = apply(x, conv('stem', 5));
    for (const i of [1, 2, 3]) {
      stream = apply([stream, apply(stream, conv(`c${i}`, 5), relu(`r${i}`))], layers.add({ name: `add${i}` }));
    }
    return model(x, head(stream));
  },
  addToInput() {
    const x = rgb();
    return model(x, head(apply([x, apply(x, conv('a', 4), conv('b', 3))], layers.add({ name: 'add' }))));
  },
  addToItself() {
    const x = rgb();
    const a = apply(x, conv('a', 5), relu('r'));
    return model(x, head(apply([a, a], layers.add({ name: 'add' }))));
  },
  cascadedConcat() {
    const x = rgb();
    const [a, b] = [apply(x, conv('a', 3)), apply(x, conv('b', 4))];
    const first = apply([a, b], layers.concatenate({ name: 'first' }));
    const second = apply([apply(first, conv('c', 5)), first, a], layers.concatenate({ name: 'second' }));
    return model(x, head(apply(second, conv('d', 4))));
  },
  concatBatchNorm() {
    const x = rgb();
    const joined = apply([apply(x, conv('a', 3)), apply(x, conv('b', 4))], layers.concatenate({ name: 'cat' }));
    return model(x, head(apply(joined, bn('bn'), relu('r'), conv('c', 5))));
  },
  concatAdd() {
    const x = rgb();
    const joined = apply([apply(x, conv('a', 3)), apply(x, conv('b', 4))], layers.concatenate({ name: 'cat' }));
    const sum = apply([joined, apply(x, conv('c', 7))], layers.add({ name: 'add' }));
    return model(x, head(apply(sum, relu('r'), conv('d', 4))));
  },
  concatCrossed() {
    const x = rgb();
    const [a, b] = [apply(x, conv('a', 3)), apply(x, conv('b', 3))];
    const there = apply([a, b], layers.concatenate({ name: 'there' }));
    const back = apply([b, a], layers.concatenate({ name: 'back' }));
    return model(x, head(apply([there, back], layers.maximum({ name: 'max' }))));
  },
  concatRows() {
    const x = rgb();
    const joined = apply(
      [apply(x, conv('a', 4)), apply(x, conv('b', 4))],
      layers.concatenate({ name: 'rows', axis: 1 }),
    );
    return model(x, apply(joined, conv('c', 5), layers.flatten({ name: 'flatten' }), dense('head', 3)));
  },
  denseBlock() {
    const x = rgb();
    let stream = apply(x, conv('stem', 4));
    for (const i of [1, 2, 3]) {
      const grown = apply(stream, bn(`bn${i}`), relu(`r${i}`), conv(`c${i}`, 3));
      stream = apply([stream, grown], layers.concatenate({ name: `cat${i}` }));
    }
    return model(x, head(apply(stream, bn('bn'), relu('r'))));
  },
  squeezeExcite() {
    const x = rgb();
    const a = apply(x, conv('a', 6), relu('r'));
    const gates = apply(a, gap('squeeze'), dense('reduce', 3, 'relu'), dense('expand', 6, 'sigmoid'));
    return model(x, head(apply(apply([gates, a], layers.multiply({ name: 'scale' })), conv('b', 5))));
  },
  extremes() {
    const x = rgb();
    const [a, b, c] = ['a', 'b', 'c'].map(name => apply(x, conv(name, 5)));
    const high = apply([a, b], layers.maximum({ name: 'max' }));
    const low = apply([b, c, high], layers.minimum({ name: 'min' }));
    return model(x, head(apply([a, low, apply(x, conv('d', 5))], layers.average({ name: 'average' }))));
  },
  broadcastAdd() {
    const x = rgb();
    const image = apply(x, conv('a', 5));
    const map = apply(x, conv('map', 1), relu('r'));
    const vector = apply(x, gap('pooled'), dense('shift', 5));
    return model(x, head(apply([image, map, vector], layers.add({ name: 'add' }))));
  },
  axesMeet() {
    const x = tf.input({ shape: [4, 4, 4], name: 'x' });
    const last = apply(x, conv('last', 4));
    const first = apply(x, conv('first', 4, { dataFormat: 'channelsFirst' }));
    const gate = apply([last, first], layers.multiply({ name: 'gate' }));
    const rows = apply([last, first], layers.concatenate({ name: 'rows', axis: 2 }), conv('a', 5), gap('pooled'));
    const both = apply([apply(gate, conv('b', 5), gap()), rows], layers.add({ name: 'add' }));
    return model(x, apply(both, dense('head', 3)));
  },
};

export const depthwise: Record<string, Net> = {
  ...Object.fromEntries(
    [1, 2, 3].map(depthMultiplier => [
      `depthwise${depthMultiplier}`,
      (): tf.LayersModel => {
        const x = rgb();
        const wise = layers.depthwiseConv2d({ name: 'wise', kernelSize: 3, padding: 'same', depthMultiplier });
        return model(x, head(apply(x, conv('a', 4), wise, bn('bn'), relu('r'), conv('b', 5))));
      },
    ]),
  ),
  depthwiseAdd() {
    const x = rgb();
    const a = apply(x, conv('a', 3));
    const wise = layers.depthwiseConv2d({
      name: 'wise',
      kernelSize: 2,
      strides: 2,
      padding: 'same',
      depthMultiplier: 2,
    });
    const b = apply(x, conv('b', 6, { strides: 2 }));
    return model(x, head(apply([apply(a, wise), b], layers.add({ name: 'add' }))));
  },
  depthwiseOfInput() {
    const x = rgb();
    const wise = layers.depthwiseConv2d({ name: 'wise', kernelSize: 3, depthMultiplier: 2, useBias: false });
    return model(x, apply(x, wise, conv('a', 5), layers.flatten({ name: 'flatten' }), dense('head', 3)));
  },
  separable() {
    const x = rgb();
    const first = { name: 'a', filters: 6, kernelSize: 3, padding: 'same', depthMultiplier: 2 } as const;
    const second = { name: 'b', filters: 5, kernelSize: 3, strides: 2, padding: 'valid', useBias: false } as const;
    const chain = [layers.separableConv2d(first), bn('bn'), relu('r'), layers.separableConv2d(second)];
    return model(x, apply(x, ...chain, layers.flatten({ name: 'flatten' }), dense('head', 3)));
  },
  invertedResidual() {
    const x = rgb();
    const stem = apply(x, conv('stem', 4), bn('bn0'));
    const wise = layers.depthwiseConv2d({ name: 'wise', kernelSize: 3, padding: 'same', useBias: false });
    const wide = apply(stem, conv('expand', 8, { kernelSize: 1 }), bn('bn1'), layers.reLU({ name: 'r1', maxValue: 6 }));
    const narrow = apply(
      wide,
      wise,
      bn('bn2'),
      layers.reLU({ name: 'r2', maxValue: 6 }),
      conv('project', 4),
      bn('bn3'),
    );
    return model(x, head(apply([stem, narrow], layers.add({ name: 'add' }))));
  },
};
