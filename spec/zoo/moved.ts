/** Nets that move elements about, and those of other ranks: reshaping, permuting, volumes, transposed convolutions. */
import * as tf from '@tensorflow/tfjs-layers';
import { apply, bn, conv, dense, gap, head, model, relu, rgb, type Net } from './parts';

const { layers } = tf;
const reshape = (name: string, ...targetShape: number[]): tf.layers.Layer => layers.reshape({ name, targetShape });
const permute = (name: string, ...dims: number[]): tf.layers.Layer => layers.permute({ name, dims });

export const moved = {
  /** Two groups of channels, dealt out like cards. */
  channelShuffle: () => {
    const x = rgb();
    const shuffled = apply(
      x,
      conv('a', 8),
      reshape('split', 6, 5, 2, 4),
      permute('deal', 1, 2, 4, 3),
      reshape('join', 6, 5, 8),
      conv('b', 4),
    );
    return model(x, head(shuffled));
  },
  /** As a generator begins: neurons become the channels of a small image. */
  generator: () => {
    const x = tf.input({ shape: [3], name: 'x' });
    const out = apply(
      x,
      dense('seed', 2 * 3 * 4, 'relu'),
      reshape('image', 2, 3, 4),
      layers.conv2dTranspose({ name: 'up1', filters: 5, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' }), // prettier-ignore
      bn('bn'),
      layers.conv2dTranspose({ name: 'up2', filters: 3, kernelSize: 4, strides: [2, 1], padding: 'valid', useBias: false }), // prettier-ignore
      conv('last', 2),
    );
    return model(x, out);
  },
  /** Squeeze and excite, with the weights of the channels reshaped to a pixel. */
  gateByReshape: () => {
    const x = rgb();
    const from = apply(x, conv('a', 6));
    const gate = apply(from, gap('squeeze'), reshape('pixel', 1, 1, 6), conv('down', 3, { kernelSize: 1 }), relu('r'), conv('up', 6, { kernelSize: 1, activation: 'sigmoid' })); // prettier-ignore
    return model(x, head(apply(apply([from, gate], layers.multiply({ name: 'gate' })), conv('b', 4))));
  },
  /** An image as rows of steps, and as one long row. */
  rowsOfSteps: () => {
    const x = rgb();
    const from = apply(x, conv('a', 4));
    const rows = apply(from, reshape('rows', 6, 5 * 4), layers.conv1d({ name: 'along', filters: 5, kernelSize: 3 }));
    const places = apply(from, reshape('places', -1, 4), layers.lstm({ name: 'lstm', units: 4, recurrentInitializer: 'glorotNormal' })); // prettier-ignore
    const pooled = apply(rows, layers.globalMaxPooling1d({ name: 'pool' }));
    return model(x, apply([pooled, places], layers.concatenate({ name: 'join' }), dense('head', 3)));
  },
  /** Channels to the front and back, flattened in between. */
  permuted: () => {
    const x = rgb();
    const first = apply(x, conv('a', 4), permute('front', 3, 1, 2));
    const flat = apply(first, layers.flatten({ name: 'flat', dataFormat: 'channelsLast' }), dense('wide', 5));
    const back = apply(first, permute('back', 2, 3, 1), conv('b', 4), gap());
    return model(x, apply([flat, back], layers.concatenate({ name: 'join' }), dense('head', 3)));
  },
  /** Channels that lie along an axis that a layer mixes, and a row of which every unit is a step. */
  mixedAxes: () => {
    const x = rgb();
    const turned = apply(x, conv('a', 5), permute('turn', 1, 3, 2), conv('b', 4));
    const steps = apply(turned, gap(), dense('row', 6), reshape('steps', 6, 1), layers.conv1d({ name: 'c', filters: 3, kernelSize: 3 })); // prettier-ignore
    return model(x, apply(steps, layers.flatten({ name: 'flat' }), dense('head', 2)));
  },
  /** Reshaped, cut to pieces by a crop, and scaled. */
  cropped: () => {
    const x = rgb();
    const out = apply(
      x,
      conv('a', 5),
      layers.centerCrop({ name: 'center', height: 4, width: 3 }),
      conv('b', 4),
      layers.cropping2D({ name: 'crop', cropping: [[1, 0], [0, 1]] }), // prettier-ignore
      layers.rescaling({ name: 'scale', scale: 0.5, offset: 1 }),
      conv('c', 4),
    );
    return model(x, head(out));
  },
  /** One layer that reshapes two flows: they must lose the same positions. */
  reshapedTwice: () => {
    const x = tf.input({ shape: [4], name: 'x' });
    const shared = reshape('grid', 2, 3);
    const [a, b] = ['a', 'b'].map(name => apply(x, dense(name, 6, 'relu'), shared));
    const flows = [a, b].map((flow, i) => apply(flow, layers.conv1d({ name: `c${i}`, filters: 3, kernelSize: 2 })));
    return model(x, apply(flows, layers.add({ name: 'sum' }), layers.flatten({ name: 'flat' }), dense('head', 2)));
  },
  volume: () => {
    const x = tf.input({ shape: [4, 5, 6, 2], name: 'x' });
    const out = apply(
      x,
      layers.conv3d({ name: 'a', filters: 4, kernelSize: [2, 3, 1], padding: 'same', activation: 'relu' }),
      layers.maxPooling3d({ name: 'max', poolSize: [1, 2, 2] }),
      layers.conv3dTranspose({ name: 'up', filters: 3, kernelSize: 2, strides: [1, 2, 1], padding: 'valid' }),
      layers.averagePooling3d({ name: 'average', poolSize: 2, padding: 'same' }),
      layers.flatten({ name: 'flat' }),
      dense('head', 2),
    );
    return model(x, out);
  },
  /** Channels first, up and down again. */
  transposedFirst: () => {
    const x = tf.input({ shape: [3, 4, 5], name: 'x' });
    const first = { dataFormat: 'channelsFirst', padding: 'same' } as const;
    const out = apply(
      x,
      layers.conv2d({ name: 'a', filters: 4, kernelSize: 3, ...first }),
      layers.conv2dTranspose({ name: 'up', filters: 5, kernelSize: 2, strides: 2, ...first }),
      layers.cropping2D({ name: 'crop', cropping: 1, dataFormat: 'channelsFirst' }),
      layers.conv2d({ name: 'b', filters: 4, kernelSize: 3, ...first }),
      layers.flatten({ name: 'flat', dataFormat: 'channelsFirst' }),
      dense('head', 2),
    );
    return model(x, out);
  },
  /** Normalised over the channels, as transformers are: the stream stays whole, what is inside a block can go. */
  normalizedStream: () => {
    const x = tf.input({ shape: [5, 4], name: 'x' });
    const stream = apply(x, dense('stem', 6));
    const inner = apply(stream, layers.layerNormalization({ name: 'ln' }), dense('up', 8, 'relu'), dense('down', 6));
    const sum = apply([stream, inner], layers.add({ name: 'sum' }));
    const alongSteps = apply(
      x,
      dense('side', 4),
      layers.layerNormalization({ name: 'steps', axis: 1 }),
      dense('other', 2),
    );
    return model(x, [apply(sum, dense('head', 3)), alongSteps]);
  },
} satisfies Record<string, Net>;

/** tf.js states shapes for these that they do not have; they cannot run inside a model. */
export const unusable = {
  resizing: () => {
    const x = rgb();
    return model(x, apply(x, conv('a', 4), layers.resizing({ name: 'resize', height: 3, width: 4 })));
  },
  randomWidth: () => {
    const x = rgb();
    return model(x, apply(x, conv('a', 4), layers.randomWidth({ name: 'random', factor: 0.3 })));
  },
} satisfies Record<string, Net>;
