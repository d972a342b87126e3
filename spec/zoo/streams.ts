/** Models with residual streams, made of stock layers: small transformers and residual nets of every build. */
import * as tf from '@tensorflow/tfjs-layers';
import { apply, bn, conv, dense, gap, head, model, relu, rgb, type Flow, type Net } from './parts';
import { randomize } from './weights';

const { layers } = tf;
type Layer = tf.layers.Layer;

export const TIME = 4;
export const WIDTH = 6;

const norm = (name: string): Layer => layers.layerNormalization({ name });
export const sum = (name: string, a: Flow, b: Flow): Flow => apply([a, b], layers.add({ name }));
export const steps = (name = 'x'): Flow => tf.input({ shape: [TIME, WIDTH], name });
const mean = (): Layer => layers.globalAveragePooling1d({ name: 'mean' });
/** Mixes places, as attention does. */
const mixing = (name: string): Layer[] => [
  layers.permute({ name: `${name}_there`, dims: [2, 1] }),
  dense(`${name}_mix`, TIME),
  layers.permute({ name: `${name}_back`, dims: [2, 1] }),
  dense(`${name}_out`, WIDTH),
];
const feedForward = (name: string): Layer[] => [dense(`${name}_up`, 9, 'relu'), dense(`${name}_down`, WIDTH)];

export function preNormBlock(name: string, x: Flow): Flow {
  const mixed = sum(`${name}_add1`, x, apply(x, norm(`${name}_norm1`), ...mixing(`${name}_mixing`)));
  return sum(`${name}_add2`, mixed, apply(mixed, norm(`${name}_norm2`), ...feedForward(`${name}_ffn`)));
}

function postNormBlock(name: string, x: Flow): Flow {
  const mixed = apply(sum(`${name}_add1`, x, apply(x, ...mixing(`${name}_mixing`))), norm(`${name}_norm1`));
  return apply(sum(`${name}_add2`, mixed, apply(mixed, ...feedForward(`${name}_ffn`))), norm(`${name}_norm2`));
}

const many = (count: number, block: (name: string, x: Flow) => Flow, x: Flow): Flow =>
  Array.from({ length: count }, (_, i) => `b${i + 1}`).reduce((flow, name) => block(name, flow), x);

export function preNorm(blocks = 3): tf.LayersModel {
  const x = steps();
  const stream = many(blocks, preNormBlock, apply(x, dense('embed', WIDTH)));
  return model(x, apply(stream, norm('final'), mean(), dense('head', 3, 'softmax')));
}

export function postNorm(blocks = 3): tf.LayersModel {
  const x = steps();
  const stream = many(blocks, postNormBlock, apply(x, dense('embed', WIDTH), norm('embed_norm')));
  return model(x, apply(stream, mean(), dense('head', 3, 'softmax')));
}

export function imageBlock(name: string, x: Flow, width = 5): Flow {
  const branch = apply(x, conv(`${name}_a`, 4), bn(`${name}_bn1`), relu(`${name}_r1`), conv(`${name}_b`, width), bn(`${name}_bn2`)); // prettier-ignore
  return apply(sum(`${name}_add`, branch, x), relu(`${name}_relu`));
}

function projected(name: string, x: Flow): Flow {
  const branch = apply(x, conv(`${name}_a`, 7, { strides: 2 }), relu(`${name}_r`), conv(`${name}_b`, 7));
  return sum(`${name}_add`, branch, apply(x, conv(`${name}_short`, 7, { kernelSize: 1, strides: 2 })));
}

const builders = {
  preNorm,
  postNorm,
  residual() {
    const x = rgb();
    const first = imageBlock('i2', imageBlock('i1', apply(x, conv('stem', 5), relu('r'))));
    return model(x, head(imageBlock('i3', projected('p', first), 7)));
  },
  preActivation() {
    const x = rgb();
    const block = (name: string, at: Flow): Flow =>
      sum(`${name}_add`, at, apply(at, bn(`${name}_bn`), relu(`${name}_r`), conv(`${name}_a`, 5)));
    return model(x, head(apply(many(3, block, apply(x, conv('stem', 5))), bn('bn'), relu('r'))));
  },
  /** Every block calls the same layers. */
  shared() {
    const x = steps();
    const ffn = [norm('norm'), ...feedForward('ffn')];
    const block = (name: string, at: Flow): Flow => sum(`${name}_add`, at, apply(at, ...ffn));
    return model(x, apply(many(3, block, apply(x, dense('embed', WIDTH))), mean(), dense('head', 3)));
  },
  /** One layer of the first branch is also called outside of all blocks. */
  sharedOutside() {
    const x = steps();
    const [up, down] = feedForward('ffn');
    const embedded = apply(x, dense('embed', WIDTH));
    const stream = sum('add', apply(embedded, up, down), embedded);
    return model(x, apply(apply(stream, up), mean(), dense('head', 3)));
  },
  /** Every block is a model. */
  nested() {
    const x = steps();
    const block = (name: string, at: Flow): Flow => {
      const inner = steps(`${name}_in`);
      return model(inner, preNormBlock('t', inner), name).apply(at) as Flow;
    };
    return model(x, apply(many(2, block, apply(x, dense('embed', WIDTH))), mean(), dense('head', 3)));
  },
  /** One model of two blocks, called twice. */
  nestedTwice() {
    const [x, inner] = [steps(), steps('in')];
    const encoder = model(inner, many(2, preNormBlock, inner), 'encoder');
    const twice = encoder.apply(encoder.apply(apply(x, dense('embed', WIDTH)))) as Flow;
    return model(x, apply(twice, norm('final'), mean(), dense('head', 3)));
  },
  insideSequential() {
    const inner = steps('in');
    const encoder = model(inner, apply(preNormBlock('t', inner), norm('final')), 'encoder');
    const net = tf.sequential({ name: 'net' });
    for (const layer of [layers.dense({ name: 'embed', units: WIDTH, inputShape: [TIME, 3] }), encoder, mean(), dense('head', 3)]) net.add(layer); // prettier-ignore
    return net;
  },
  /** A second input that all branches read. */
  sideInput() {
    const [x, side] = [steps(), steps('side')];
    const seen = apply(side, dense('see', WIDTH));
    const block = (name: string, at: Flow): Flow =>
      sum(`${name}_add`, at, apply(apply([apply(at, norm(`${name}_norm`)), seen], layers.multiply({ name: `${name}_mul` })), dense(`${name}_out`, WIDTH))); // prettier-ignore
    return model([x, side], apply(many(2, block, apply(x, dense('embed', WIDTH))), mean(), dense('head', 3)));
  },
  /** A block in the branch of a block. */
  within() {
    const x = rgb();
    const stem = apply(x, conv('stem', 5));
    const inner = apply(stem, conv('a', 6));
    const body = apply(sum('inner', inner, apply(inner, conv('b', 6))), conv('c', 5));
    return model(x, head(sum('outer', stem, body)));
  },
  /** The last sum is what the model gives, and so is the one before it. */
  bare() {
    const x = steps();
    const first = preNormBlock('b1', x);
    return model(x, [first, preNormBlock('b2', first)]);
  },
  bareNorm() {
    const x = steps();
    return model(x, many(2, postNormBlock, apply(x, norm('first'))));
  },
} satisfies Record<string, Net>;

export type StreamName = keyof typeof builders;
export const STREAM_NAMES = Object.keys(builders) as readonly StreamName[];

/** The net of that name with random weights; the caller disposes it. */
export function streamNet(name: StreamName): tf.LayersModel {
  return randomize(builders[name]());
}

/** Sums that end no block, and why. */
export const unfitNets: Readonly<Record<string, { readonly net: Net; readonly reason: RegExp }>> = {
  'an input and itself': {
    reason: /neither/,
    net: () => {
      const stem = apply(rgb(), conv('stem', 4));
      return model(stem.sourceLayer.input, head(sum('add', stem, stem)));
    },
  },
  'two branches of one stream': {
    reason: /neither/,
    net: () => {
      const x = rgb();
      const stem = apply(x, conv('stem', 4));
      return model(x, head(sum('add', apply(stem, conv('a', 4)), apply(stem, conv('b', 4)))));
    },
  },
  'a branch that something else reads': {
    reason: /"a" of its branch is read by "other" too/,
    net: () => {
      const x = rgb();
      const stem = apply(x, conv('stem', 4));
      const a = apply(stem, conv('a', 4));
      const whole = sum('add', stem, apply(a, conv('b', 4)));
      return model(x, head(apply([whole, a], layers.concatenate({ name: 'other' }))));
    },
  },
  'a branch that leaves the model': {
    reason: /"b" of its branch leaves the model/,
    net: () => {
      const x = rgb();
      const stem = apply(x, conv('stem', 4));
      const b = apply(stem, conv('b', 4));
      return model(x, [head(sum('add', stem, b)), b]);
    },
  },
  'a stream of three': {
    reason: /adds 3 inputs/,
    net: () => {
      const x = rgb();
      const stem = apply(x, conv('stem', 4));
      const three = [stem, apply(stem, conv('a', 4)), apply(stem, conv('b', 4))];
      return model(x, head(apply(three, layers.add({ name: 'add' }))));
    },
  },
  'another shape': {
    reason: /shapes \[\?, 6, 5, 4\] and \[\?, 1, 1, 4\]/,
    net: () => {
      const x = rgb();
      const stem = apply(x, conv('stem', 4));
      const squeezed = apply(stem, gap('squeeze'), layers.reshape({ name: 'spread', targetShape: [1, 1, 4] }));
      return model(x, head(sum('add', stem, squeezed)));
    },
  },
  'one Add for all': {
    reason: /called 2 times/,
    net: () => {
      const x = rgb();
      const add = layers.add({ name: 'add' });
      const stem = apply(x, conv('stem', 4));
      const first = apply([stem, apply(stem, conv('a', 4))], add);
      return model(x, head(apply([first, apply(first, conv('b', 4))], add)));
    },
  },
};
