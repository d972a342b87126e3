/**
 * Random legal architectures: a recipe is a list of small numbers that fast-check can shrink, and building one never
 * fails: a step that does not fit the flow it is given does something smaller instead.
 */
import * as tf from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { apply, model, type Flow } from './parts';
import * as more from './randomParts';
import type { Builder, Job } from './randomParts';
import { randomize } from './weights';

const { layers } = tf;
type Layer = tf.layers.Layer;

export interface Step {
  readonly kind: (typeof KINDS)[number];
  /** Which of the flows made so far it works on, counted from the latest. */
  readonly from: number;
  readonly other: number;
  readonly size: number;
  readonly choice: number;
}

export interface Recipe {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly steps: readonly Step[];
  readonly heads: 1 | 2;
  readonly flat: boolean;
  readonly seed: number;
}

const KINDS = [
  'convolution',
  'convolution',
  'depthwise',
  'separable',
  'normalize',
  'activate',
  'pool',
  'pad',
  'residual',
  'merge',
  'concatenate',
  'gate',
  'shared',
  'nested',
  'nestedTwice',
  'dense',
  'transposed',
  'shuffle',
  'turn',
  'recurrent',
  'cells',
  'movingImage',
  'otherRank',
  'everyRow',
  'layerNormal',
  'cropOrScale',
  'product',
] as const;

/** Most channels a flow may have, so that concatenations stay small. */
const WIDEST = 12;
const LARGEST = 12;

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  from: fc.nat({ max: 2 }),
  other: fc.nat({ max: 5 }),
  size: fc.constantFrom(1, 2, 3, 4, 5, 6, 4, 5),
  choice: fc.nat({ max: 59 }),
});

/** Recipes of up to `longest` steps on images of 1 to 9 pixels a side. */
export function recipes(longest = 9): fc.Arbitrary<Recipe> {
  return fc.record({
    height: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 1, max: 9 }),
    channels: fc.integer({ min: 1, max: 3 }),
    steps: fc.array(step, { minLength: 1, maxLength: longest, size: 'max' }),
    heads: fc.constantFrom(1, 2),
    flat: fc.boolean(),
    seed: fc.nat({ max: 1000 }),
  });
}

/** The model of a recipe, with random weights; the caller disposes it. */
export function build({ height, width, channels, steps, heads, flat, seed }: Recipe): tf.LayersModel {
  const x = tf.input({ shape: [height, width, channels], name: 'x' });
  const stem = layers.conv2d({ name: 'stem', filters: 3 + channels, kernelSize: 1 + (seed % 3), padding: 'same' });
  const flows = [x, apply(x, stem)];
  const convolutions: Layer[] = [];
  steps.forEach((step, i) => {
    const from = flows[Math.max(0, flows.length - 1 - step.from)];
    flows.push(BUILDERS[step.kind]({ ...step, from, flows, convolutions, name: `s${i}` }));
  });
  const ends = flows.slice(-heads).map((flow, i) => {
    const flatten = flat ? layers.flatten({ name: `flat${i}` }) : layers.globalAveragePooling2d({ name: `gap${i}` });
    return apply(flow, flatten, layers.dense({ name: `head${i}`, units: 3 }));
  });
  return randomize(model(x, ends), seed);
}

const activation = (choice: number): { activation: 'linear' } => ({
  activation: ['linear', 'relu', 'tanh', 'elu', 'linear', choice < 10 ? 'softmax' : 'sigmoid'][choice % 6] as 'linear',
});

/** A window that fits the image, whatever the padding. */
function windowFor({ from, choice, size }: Job) {
  const [, height, width] = from.shape as number[];
  const kernelSize: [number, number] = [Math.min(1 + (size % 3), height), Math.min(1 + (choice % 3), width)];
  const padding = choice % 5 < 3 ? ('same' as const) : ('valid' as const);
  return { kernelSize, padding };
}

const convolution: Builder = job => {
  const { from, name, size, choice, convolutions } = job;
  const dilated = choice % 7 === 6;
  const { kernelSize, padding } = windowFor(job);
  const layer = layers.conv2d({
    name,
    filters: size,
    kernelSize,
    padding: dilated ? 'same' : padding,
    strides: dilated ? 1 : [1 + (choice % 2), 1 + (size % 2)],
    dilationRate: dilated ? 2 : 1,
    useBias: choice % 4 > 0,
    ...activation(choice),
  });
  convolutions.push(layer);
  return apply(from, layer);
};

const depthwise: Builder = job => {
  const { from, name, size, choice } = job;
  const wide = channelsOf(from) * size > WIDEST;
  const layer = layers.depthwiseConv2d({
    name,
    ...windowFor(job),
    depthMultiplier: wide ? 1 : 1 + (size % 3),
    strides: 1 + (choice % 2),
    useBias: choice % 4 > 0,
    ...activation(choice),
  });
  return apply(from, layer);
};

const separable: Builder = job => {
  const { from, name, size, choice } = job;
  const layer = layers.separableConv2d({
    name,
    filters: size,
    ...windowFor(job),
    depthMultiplier: 1 + (choice % 3),
    strides: 1 + (choice % 2),
    useBias: choice % 4 > 0,
    ...activation(choice),
  });
  return apply(from, layer);
};

const normalize: Builder = ({ from, name, choice }) =>
  apply(from, layers.batchNormalization({ name, scale: choice % 5 > 0, center: choice % 3 > 0 }));

const activate: Builder = ({ from, name, choice }) => {
  const makers = [
    () => layers.reLU({ name }),
    () => layers.leakyReLU({ name, alpha: 0.3 }),
    () => layers.prelu({ name }),
    () => layers.prelu({ name, sharedAxes: [1, 2] }),
    () => layers.prelu({ name, sharedAxes: [1, 2, 3] }),
    () => layers.activation({ name, activation: 'tanh' }),
    () => layers.softmax({ name, axis: -1 }),
    () => layers.dropout({ name, rate: 0.5 }),
    () => layers.elu({ name }),
  ];
  return apply(from, makers[choice % makers.length]());
};

const pool: Builder = ({ from, name, size, choice }) => {
  const [, height, width] = from.shape as number[];
  const poolSize: [number, number] = [Math.min(1 + (size % 3), height), Math.min(1 + (choice % 3), width)];
  const args = {
    name,
    poolSize,
    strides: choice % 4 === 0 ? undefined : ([1 + (choice % 2), 1 + (size % 2)] as [number, number]),
    padding: choice % 5 < 3 ? ('same' as const) : ('valid' as const),
  };
  return apply(from, choice % 2 ? layers.maxPooling2d(args) : layers.averagePooling2d(args));
};

const pad: Builder = ({ from, name, size, choice }) => {
  const [, height, width] = from.shape as number[];
  if (height * 2 > LARGEST || width * 2 > LARGEST) return from;
  if (choice % 2) return apply(from, layers.upSampling2d({ name, size: [1 + (size % 2), 1 + (choice % 2)] }));
  return apply(
    from,
    layers.zeroPadding2d({
      name,
      padding: [
        [size % 2, choice % 3],
        [1, 0],
      ],
    } as never),
  );
};

const residual: Builder = ({ from, name, choice }) => {
  const same = { filters: channelsOf(from), padding: 'same' as const };
  const branch = apply(
    from,
    layers.conv2d({ name: `${name}a`, ...same, filters: 1 + (choice % 5), kernelSize: 1 }),
    layers.batchNormalization({ name: `${name}n` }),
    layers.reLU({ name: `${name}r` }),
    layers.conv2d({ name: `${name}b`, ...same, kernelSize: 1 + (choice % 3) }),
  );
  return apply([from, branch], layers.add({ name }));
};

const merge: Builder = ({ from, name, other, choice, flows }) => {
  const partners = flows.filter(flow => String(flow.shape) === String(from.shape));
  const broadcast = flows.filter(flow => String(flow.shape.slice(0, 3)) === String(from.shape.slice(0, 3)));
  const narrow = broadcast.filter(flow => channelsOf(flow) === 1);
  const pool = choice % 3 === 0 && narrow.length > 0 ? narrow : partners;
  const makers = [layers.add, layers.average, layers.maximum, layers.minimum];
  const third = choice % 7 === 0 ? [partners[choice % partners.length]] : [];
  // tf.js disposes a flow too early when it comes twice into one merge and is used again.
  const inputs = [...new Set([from, pool[other % pool.length], ...third])];
  if (inputs.length < 2) return from;
  if (choice % 5 === 0) inputs.reverse();
  return apply(inputs, makers[choice % 4]({ name }));
};

const concatenate: Builder = ({ from, name, other, flows }) => {
  const partners = flows.filter(flow => String(flow.shape.slice(0, 3)) === String(from.shape.slice(0, 3)));
  const partner = partners[other % partners.length];
  if (partner === from || channelsOf(from) + channelsOf(partner) > WIDEST) return from;
  return apply(other % 2 ? [from, partner] : [partner, from], layers.concatenate({ name }));
};

const gate: Builder = ({ from, name, size, choice }) => {
  const gates = apply(
    from,
    choice % 2 ? layers.globalMaxPooling2d({ name: `${name}g` }) : layers.globalAveragePooling2d({ name: `${name}g` }),
    layers.dense({ name: `${name}s`, units: size, activation: 'relu' }),
    layers.dense({ name: `${name}e`, units: channelsOf(from), activation: 'sigmoid' }),
  );
  return apply(choice % 3 ? [from, gates] : [gates, from], layers.multiply({ name }));
};

/** An earlier convolution once more, where the channels fit. */
const shared: Builder = job => {
  const { from, other, convolutions } = job;
  const [, height, width] = from.shape as number[];
  const fitting = convolutions.filter(layer => {
    const [kernelHeight, kernelWidth, input] = layer.weights[0].shape as number[];
    return input === channelsOf(from) && kernelHeight <= height && kernelWidth <= width;
  });
  return fitting.length > 0 ? apply(from, fitting[other % fitting.length]) : convolution(job);
};

function inner({ from, name, size, choice }: Job, filters: number): tf.LayersModel {
  const shape = from.shape.slice(1) as number[];
  const first = { name: `${name}c`, filters, kernelSize: 1 + (choice % 3), padding: 'same' } as const;
  const rest = [
    layers.batchNormalization({ name: `${name}n` }),
    layers.conv2d({ name: `${name}d`, filters, kernelSize: 1 + (size % 2), padding: 'same', activation: 'tanh' }),
  ];
  if (choice % 2) return tf.sequential({ name, layers: [layers.conv2d({ ...first, inputShape: shape }), ...rest] });
  const x = tf.input({ shape, name: `${name}x` });
  const y = apply(x, layers.conv2d(first), ...rest);
  return model(
    x,
    choice % 3 || filters !== channelsOf(from) ? y : apply([x, y], layers.add({ name: `${name}a` })),
    name,
  );
}

const nested: Builder = job => apply(job.from, inner(job, job.size));

const nestedTwice: Builder = job => {
  const twice = inner(job, channelsOf(job.from));
  return apply(job.from, twice, twice);
};

const dense: Builder = ({ from, name, size, choice }) =>
  apply(from, layers.dense({ name, units: size, useBias: choice % 4 > 0, ...activation(choice) }));

const BUILDERS: Readonly<Record<Step['kind'], Builder>> = {
  convolution,
  depthwise,
  separable,
  normalize,
  activate,
  pool,
  pad,
  residual,
  merge,
  concatenate,
  gate,
  shared,
  nested,
  nestedTwice,
  dense,
  ...more,
};

function channelsOf(flow: Flow): number {
  return flow.shape[flow.shape.length - 1] as number;
}
