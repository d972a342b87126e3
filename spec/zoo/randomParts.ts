/** More steps for random architectures: those that move elements about, run over steps, or belong to another rank. */
import * as tf from '@tensorflow/tfjs-layers';
import { apply, type Flow } from './parts';

const { layers } = tf;

/** What a step is given; the rest of {@link random.ts} builds on it too. */
export interface Job {
  readonly from: Flow;
  readonly other: number;
  readonly size: number;
  readonly choice: number;
  readonly flows: readonly Flow[];
  /** Layers that may be called again. */
  readonly convolutions: tf.layers.Layer[];
  readonly name: string;
}

export type Builder = (job: Job) => Flow;

const reshape = (name: string, ...targetShape: number[]): tf.layers.Layer => layers.reshape({ name, targetShape });
const sizesOf = (from: Flow): [number, number, number] => from.shape.slice(1) as [number, number, number];

export const transposed: Builder = ({ from, name, size, choice }) => {
  const [height, width] = sizesOf(from);
  if (height > 5 || width > 5) return from;
  const layer = layers.conv2dTranspose({
    name,
    filters: size,
    kernelSize: [1 + (choice % 3), 1 + (size % 3)],
    strides: [1 + (choice % 2), 1 + (size % 2)],
    padding: choice % 5 < 3 ? 'same' : 'valid',
    useBias: choice % 4 > 0,
    activation: choice % 3 ? 'relu' : 'linear',
  });
  return apply(from, layer);
};

/** Channels dealt into groups and back, as one table or another. */
export const shuffle: Builder = ({ from, name }) => {
  const [height, width, channels] = sizesOf(from);
  const groups = [2, 3, 4, 1].find(count => channels % count === 0)!;
  return apply(
    from,
    reshape(`${name}s`, height, width, groups, channels / groups),
    layers.permute({ name: `${name}p`, dims: [1, 2, 4, 3] }),
    reshape(`${name}j`, height, width, channels),
  );
};

/** Axes the other way round: channels may come to lie where a layer mixes. */
export const turn: Builder = ({ from, name, choice }) => {
  const dims = [[2, 1, 3], [2, 1, 3], [1, 3, 2], [3, 2, 1]][choice % 4]; // prettier-ignore
  return apply(from, layers.permute({ name, dims }));
};

const makers = [layers.lstm, layers.gru, layers.simpleRNN] as const;

/** Places or rows of the image as steps of a recurrent layer, and its sequence as an image. */
export const recurrent: Builder = ({ from, name, size, choice }) => {
  const [height, width, channels] = sizesOf(from);
  const rows = choice % 3 === 0;
  const options = {
    name: `${name}r`,
    units: size,
    returnSequences: true,
    goBackwards: choice % 5 === 0,
    useBias: choice % 4 > 0,
    activation: choice % 2 ? ('tanh' as const) : ('relu' as const),
    recurrentInitializer: 'glorotNormal' as const,
  };
  const steps = apply(from, rows ? reshape(`${name}s`, height, width * channels) : reshape(`${name}s`, -1, channels));
  const both = choice % 7 < 2;
  const one = makers[choice % 3](options);
  const mergeMode = choice % 7 ? 'concat' : 'sum';
  const out = apply(steps, both ? layers.bidirectional({ name: `${name}b`, layer: one, mergeMode }) : one);
  const units = out.shape[2] as number;
  return apply(out, rows ? reshape(`${name}j`, height, 1, units) : reshape(`${name}j`, height, width, units));
};

/** Cells in a stack over the columns. */
export const cells: Builder = ({ from, name, size, choice }) => {
  const [height, width, channels] = sizesOf(from);
  const recurrentInitializer = 'glorotNormal' as const;
  const stack = [
    layers.gruCell({ name: `${name}a`, units: 1 + (choice % 4), recurrentInitializer }),
    layers.lstmCell({ name: `${name}b`, units: size, recurrentInitializer }),
  ];
  const out = apply(
    from,
    reshape(`${name}s`, height, width * channels),
    layers.rnn({ name: `${name}r`, cell: stack, returnSequences: true }),
  );
  return apply(out, reshape(`${name}j`, height, 1, size));
};

export const movingImage: Builder = ({ from, name, size, choice }) => {
  const options = { filters: size, kernelSize: 1 + (choice % 2), recurrentInitializer: 'glorotNormal' } as const;
  return apply(
    from,
    reshape(`${name}s`, 1, ...sizesOf(from)),
    layers.convLstm2d({ name: `${name}l`, padding: 'same', ...options }),
  );
};

/** Up to a volume of one slice and back, or along one axis only. */
export const otherRank: Builder = ({ from, name, size, choice }) => {
  const [height, width, channels] = sizesOf(from);
  const kernelSize = 1 + (choice % 2);
  if (choice % 3) {
    const volume = layers.conv3d({ name: `${name}v`, filters: size, kernelSize, padding: 'same' });
    return apply(from, reshape(`${name}s`, height, width, 1, channels), volume, reshape(`${name}j`, height, width, size)); // prettier-ignore
  }
  const line = layers.conv1d({ name: `${name}l`, filters: size, kernelSize, padding: 'same', activation: 'relu' });
  return apply(from, reshape(`${name}s`, height * width, channels), line, reshape(`${name}j`, height, width, size));
};

export const everyRow: Builder = ({ from, name, size, choice }) => {
  const inner = choice % 2
    ? layers.dense({ name: `${name}d`, units: size, activation: 'relu' })
    : layers.conv1d({ name: `${name}c`, filters: size, kernelSize: 1, useBias: choice % 4 > 0 }); // prettier-ignore
  return apply(from, layers.timeDistributed({ name, layer: inner }));
};

export const layerNormal: Builder = ({ from, name, choice }) =>
  apply(from, layers.layerNormalization({ name, axis: choice % 3 ? 2 : -1 }));

export const cropOrScale: Builder = ({ from, name, choice }) => {
  const [height, width] = sizesOf(from);
  if (choice % 3 === 0 || height < 2 || width < 2) {
    return apply(from, layers.rescaling({ name, scale: 0.7, offset: choice % 2 }));
  }
  const cropping: [[number, number], [number, number]] = [[choice % 2, 0], [0, 1]]; // prettier-ignore
  return apply(from, layers.cropping2D({ name, cropping }));
};

/** The likeness of two flows, as one number that scales the image. */
export const product: Builder = ({ from, name, size, choice, flows, other }) => {
  const partner = flows[other % flows.length];
  const rows = [from, partner].map((flow, i) =>
    apply(
      flow,
      layers.globalAveragePooling2d({ name: `${name}g${i}` }),
      layers.dense({ name: `${name}d${i}`, units: size, activation: choice % 5 ? 'relu' : 'sigmoid' }),
    ),
  );
  const dot = layers.dot({ name: `${name}p`, axes: 1, normalize: choice % 2 > 0 });
  return apply([from, apply(rows, dot, reshape(`${name}s`, 1, 1, 1))], layers.multiply({ name }));
};
