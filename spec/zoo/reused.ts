/** Layers and models that are called more than once or inside others. */
import * as tf from '@tensorflow/tfjs-layers';
import { apply, bn, conv, dense, gap, head, model, relu, rgb, type Flow, type Net } from './parts';

const { layers } = tf;

export const reused: Record<string, Net> = {
  sharedLayer() {
    const x = rgb();
    const shared = conv('shared', 5);
    const once = apply(x, conv('a', 5), shared, relu('r'));
    return model(x, head(apply(once, shared)));
  },
  sharedOnTwoSizes() {
    const [x, y] = [rgb('x'), tf.input({ shape: [4, 4, 3], name: 'y' })];
    const [shared, norm] = [conv('shared', 5), bn('bn')];
    const [a, b] = [x, y].map((flow, i) => apply(flow, shared, norm, gap(`gap${i}`)));
    return model([x, y], apply([a, b], layers.concatenate({ name: 'cat' }), dense('head', 3)));
  },
  sharedReader() {
    const x = rgb();
    const shared = conv('shared', 4);
    const [a, b] = [apply(x, conv('a', 5), shared), apply(x, conv('b', 5), shared)];
    return model(x, head(apply([a, b], layers.concatenate({ name: 'cat' }), conv('c', 3))));
  },
  manyInputsAndOutputs() {
    const [x, y] = [rgb('x'), tf.input({ shape: [5], name: 'y' })];
    const image = apply(x, conv('a', 5), relu('r'), gap());
    const both = apply([image, apply(y, dense('b', 4, 'relu'))], layers.concatenate({ name: 'cat' }));
    const hidden = apply(both, dense('hidden', 6, 'relu'));
    return model([x, y], [apply(hidden, dense('classes', 3, 'softmax')), apply(hidden, dense('value', 1)), image]);
  },
  manyHeads() {
    const x = rgb();
    const trunk = apply(x, conv('a', 6), bn('bn'), relu('r'));
    const boxes = apply(trunk, conv('boxes', 4));
    const classes = apply(trunk, conv('b', 5), conv('classes', 3, { activation: 'sigmoid' }));
    return model(x, [boxes, classes, apply(trunk, gap(), dense('score', 2))]);
  },
};

const block = (name: string, channels: number, filters: number): tf.LayersModel => {
  const x = tf.input({ shape: [6, 5, channels], name: `${name}_in` });
  return model(x, apply(x, conv('conv', filters), bn('bn'), relu('relu')), name);
};
const stack = (name: string, channels: number, filters: number): tf.Sequential => {
  const inputShape = [6, 5, channels];
  const first = layers.conv2d({ name: 'conv', filters, kernelSize: 3, padding: 'same', inputShape });
  return tf.sequential({ name, layers: [first, bn('bn'), relu('relu'), conv('last', filters)] });
};

export const nested: Record<string, Net> = {
  nestedFunctional() {
    const x = rgb();
    return model(x, head(apply(x, conv('conv', 4), block('block', 4, 6), conv('after', 5))));
  },
  nestedFunctionalTwice() {
    const x = rgb();
    const twice = block('block', 4, 4);
    return model(x, head(apply(x, conv('conv', 4), twice, conv('between', 4), twice, conv('after', 5))));
  },
  nestedSequential() {
    const x = rgb();
    return model(x, head(apply(x, conv('conv', 4), stack('stack', 4, 6), conv('after', 5))));
  },
  nestedSequentialTwice() {
    const x = rgb();
    const twice = stack('stack', 4, 4);
    const once = apply(x, conv('conv', 4), twice);
    return model(x, head(apply([once, apply(once, twice)], layers.add({ name: 'add' }))));
  },
  sequentialOfModel() {
    const net = tf.sequential({
      name: 'net',
      layers: [block('block', 3, 6), conv('after', 5), gap(), dense('head', 3)],
    });
    return net;
  },
  sequentialOfSequentials() {
    const parts = [stack('first', 3, 5), stack('second', 5, 4), layers.flatten({ name: 'flatten' }), dense('head', 3)];
    return tf.sequential({ name: 'net', layers: parts });
  },
  sequentialOfModelNested() {
    const x = rgb();
    const inner = tf.sequential({ name: 'inner', layers: [block('block', 4, 6), conv('tail', 5)] });
    return model(x, head(apply(x, conv('conv', 4), inner, conv('after', 3))));
  },
  nestedDeep() {
    const x = rgb();
    const y = tf.input({ shape: [6, 5, 4], name: 'y' });
    const middle = model(y, apply(y, conv('own', 5), block('block', 5, 6), conv('tail', 4)), 'middle');
    return model(x, head(apply(x, conv('conv', 4), middle, middle)));
  },
  nestedManyInputs() {
    const x = rgb();
    const [p, q] = ['p', 'q'].map((name, i) => tf.input({ shape: [6, 5, 4 + i], name }));
    const sum = apply([apply(p, conv('a', 6)), apply(q, conv('b', 6))], layers.add({ name: 'sum' }));
    const inner = model([p, q], [sum, apply(sum, gap('pooled'))], 'inner');
    const [image, vector] = inner.apply([apply(x, conv('left', 4)), apply(x, conv('right', 5))]) as Flow[];
    const joined = apply([apply(image, gap()), vector], layers.concatenate({ name: 'cat' }));
    return model(x, apply(joined, dense('head', 3)));
  },
  nestedIdentity() {
    const x = rgb();
    const y = tf.input({ shape: [6, 5, 4], name: 'y' });
    const inner = model(y, [y, apply(y, relu('r'))], 'inner');
    const both = inner.apply(apply(x, conv('conv', 4))) as Flow[];
    return model(x, head(apply(both, layers.concatenate({ name: 'cat' }))));
  },
  calledElsewhere() {
    const inner = block('block', 4, 4);
    const other = tf.input({ shape: [6, 5, 4], name: 'other' });
    model(other, apply(other, inner, inner), 'discarded');
    const x = rgb();
    return model(x, head(apply(x, conv('conv', 4), inner)));
  },
};
