/** Nets from which dead units go without a trace. */
import * as layers from '@tensorflow/tfjs-layers';
import { apply, bn, conv, dense, gap, head, model, relu, rgb, type Flow } from '../zoo/parts';

const { layers: L } = layers;
const valid = { padding: 'valid' } as const;
const point = { kernelSize: 1 } as const;
const bare = { useBias: false } as const;
const flat = () => L.flatten({ name: 'flatten' });
const sum = (...flows: Flow[]) => apply(flows, L.add({ name: 'add' }));

export type Build = () => layers.LayersModel;

/** Each with the BatchNormalizations that kill its units. */
export const EXACT: Readonly<Record<string, readonly [Build, ...string[]]>> = {
  'conv, norm, relu, conv': [
    () => {
      const x = rgb();
      return model(x, head(apply(x, conv('a', 5), bn('n'), relu('r'), conv('b', 4, valid))));
    },
    'n',
  ],
  'a residual sum': [
    () => {
      const x = rgb();
      const stem = apply(x, conv('stem', 5), bn('n'), relu('r'));
      const branch = apply(stem, conv('a', 4, point), bn('n2'), relu('r2'), conv('b', 5, point), bn('n3'));
      return model(x, head(apply(sum(stem, branch), relu('r3'), conv('c', 3, valid))));
    },
    'n',
    'n2',
    'n3',
  ],
  'a concatenation': [
    () => {
      const x = rgb();
      const parts = ['a', 'b'].map(name => apply(x, conv(name, 4), bn(`${name}n`)));
      const joined = apply(parts, L.concatenate({ name: 'cat' }));
      return model(x, head(apply(joined, relu('r'), conv('c', 3, valid))));
    },
    'an',
    'bn',
  ],
  'a depthwise convolution': [
    () => {
      const x = rgb();
      const wise = L.depthwiseConv2d({ name: 'wise', kernelSize: 3, depthMultiplier: 2, ...bare });
      return model(x, head(apply(x, conv('a', 4), bn('n'), relu('r'), wise, bn('m'), relu('s'), conv('b', 3, point))));
    },
    'n',
  ],
  'a depthwise convolution with a dead norm behind it': [
    () => {
      const x = rgb();
      const wise = L.depthwiseConv2d({ name: 'wise', kernelSize: 3, padding: 'same' });
      return model(x, head(apply(x, conv('a', 4), bn('n'), relu('r'), wise, bn('m'), relu('s'), conv('b', 3, point))));
    },
    'n',
    'm',
  ],
  'a dense head': [
    () => {
      const x = rgb();
      return model(x, apply(x, conv('a', 5), bn('n'), relu('r'), gap(), dense('h', 4, 'relu'), dense('out', 2)));
    },
    'n',
  ],
  'pooling, upsampling, dropout and flattening': [
    () => {
      const x = rgb();
      const max = L.maxPooling2d({ name: 'max', poolSize: 2, strides: 1, padding: 'same' });
      const mean = L.averagePooling2d({ name: 'mean', poolSize: 2, padding: 'same' });
      const chain = [max, L.dropout({ name: 'drop', rate: 0.5 }), L.upSampling2d({ name: 'up' }), mean, flat()];
      return model(x, apply(x, conv('a', 4), bn('n'), ...chain, dense('out', 2)));
    },
    'n',
  ],
  'a reader without a bias, before a norm': [
    () => {
      const x = rgb();
      const reader = conv('b', 4, { ...valid, ...bare });
      return model(x, head(apply(x, conv('a', 5), bn('n'), relu('r'), reader, bn('m'), relu('s'))));
    },
    'n',
  ],
  'readers without a bias into a sum, before norms': [
    () => {
      const x = rgb();
      const stem = apply(x, conv('stem', 5));
      const branch = apply(stem, conv('a', 4), bn('n'), relu('r'), conv('b', 5, { ...point, ...bare }));
      const stream = sum(stem, branch);
      const next = apply(stream, bn('m'), relu('s'), conv('c', 3));
      const pooled = apply(stream, L.maxPooling2d({ name: 'max', poolSize: 2 }), conv('d', 3, valid));
      return model(x, [head(next), apply(pooled, flat(), dense('other', 2))]);
    },
    'n',
  ],
  'a separable convolution': [
    () => {
      const x = rgb();
      const reader = L.separableConv2d({ name: 'b', filters: 4, kernelSize: 3, depthMultiplier: 2 });
      return model(x, head(apply(x, conv('a', 5), bn('n'), relu('r'), reader)));
    },
    'n',
  ],
  'a nested model': [
    () => {
      const y = layers.input({ shape: [6, 5, 4], name: 'y' });
      const inner = model(y, apply(y, conv('b', 5, valid), bn('m'), relu('s')), 'inner');
      const x = rgb();
      return model(x, head(apply(x, conv('a', 4), bn('n'), relu('r'), inner, conv('c', 3, point))));
    },
    'n',
    'inner/m',
  ],
  'a shared reader': [
    () => {
      const x = rgb();
      const [a, shared] = [apply(x, conv('a', 5), bn('n'), relu('r')), conv('shared', 4, valid)];
      const both = [apply(a, shared), apply(apply(a, L.dropout({ name: 'drop', rate: 0.5 })), shared)];
      return model(x, head(apply(both, L.concatenate({ name: 'cat' }), conv('b', 3, point))));
    },
    'n',
  ],
  'images of one pixel, where no place differs': [
    () => {
      const x = layers.input({ shape: [1, 1, 3], name: 'x' });
      return model(x, head(apply(x, conv('a', 5), bn('n'), relu('r'), conv('b', 4))));
    },
    'n',
  ],
};
