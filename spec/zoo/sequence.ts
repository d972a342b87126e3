/** Nets over time: one-dimensional convolutions and recurrent layers. */
import * as tf from '@tensorflow/tfjs-layers';
import { apply, dense, model, type Flow, type Net } from './parts';

const { layers } = tf;

const steps = (features = 3, length: number | null = 5, name = 'x'): Flow =>
  tf.input({ shape: [length, features], name });
const tokens = (length = 6): Flow => tf.input({ shape: [length], name: 'x' });
const several = (flows: unknown): Flow[] => flows as Flow[];

export const sequence = {
  /** Dilated, pooled both ways. */
  waves: () => {
    const x = steps(2, 12);
    const [a, b] = ['max', 'average'].map(kind =>
      apply(
        x,
        layers.conv1d({ name: `${kind}a`, filters: 4, kernelSize: 3, activation: 'tanh' }),
        kind === 'max' ? layers.maxPooling1d({ name: 'pa' }) : layers.averagePooling1d({ name: 'pb', poolSize: 2 }),
        layers.conv1d({ name: `${kind}b`, filters: 5, kernelSize: 2, dilationRate: 2, padding: 'same' }),
        kind === 'max' ? layers.globalMaxPooling1d({ name: 'ga' }) : layers.globalAveragePooling1d({ name: 'gb' }),
      ),
    );
    return model(x, apply([a, b], layers.concatenate({ name: 'join' }), dense('head', 3)));
  },
  /** An embedding, three kinds of recurrent layer on top of each other, steps of unknown number. */
  stack: () => {
    const x = tf.input({ shape: [null], name: 'x' });
    const out = apply(
      x,
      layers.embedding({ name: 'words', inputDim: 7, outputDim: 5 }),
      layers.lstm({ name: 'lstm', units: 4, returnSequences: true, recurrentInitializer: 'glorotNormal' }),
      layers.gru({ name: 'gru', units: 5, returnSequences: true, recurrentInitializer: 'glorotNormal' }),
      layers.simpleRNN({ name: 'simple', units: 4, activation: 'relu', useBias: false, goBackwards: true, recurrentInitializer: 'glorotNormal' }), // prettier-ignore
      dense('head', 3),
    );
    return model(x, out);
  },
  /** Cells in a stack, whose states come out too; one of them is used. */
  stackedCells: () => {
    const x = steps();
    const cells = [
      layers.lstmCell({ units: 4, name: 'c1', recurrentInitializer: 'glorotNormal' }),
      layers.gruCell({ units: 5, name: 'c2', useBias: false, recurrentInitializer: 'glorotNormal' }),
      layers.simpleRNNCell({ units: 3, name: 'c3', recurrentInitializer: 'glorotNormal' }),
    ];
    const [last, , gruState, hidden] = several(layers.rnn({ name: 'rnn', cell: cells, returnState: true }).apply(x));
    return model(x, apply([last, gruState, hidden], layers.concatenate({ name: 'join' }), dense('head', 3)));
  },
  singleCell: () => {
    const x = steps();
    const cell = layers.gruCell({ units: 4, name: 'cell', recurrentInitializer: 'glorotNormal' });
    return model(x, apply(x, layers.rnn({ name: 'rnn', cell, returnSequences: true }), dense('each', 4), dense('head', 2))); // prettier-ignore
  },
  /** The states of one layer start another: they are the same units. */
  encoderDecoder: () => {
    const [x, y] = [steps(3, 5, 'x'), steps(2, 4, 'y')];
    const options = { units: 4, returnState: true, recurrentInitializer: 'glorotNormal' } as const;
    const [, h, c] = several(layers.lstm({ name: 'encoder', ...options }).apply(x));
    const decoder = layers.lstm({ name: 'decoder', ...options, returnSequences: true });
    const [sequence] = several(decoder.apply([y, h, c]));
    return model([x, y], apply(sequence, dense('head', 3)));
  },
  ...Object.fromEntries(
    (['concat', 'sum', 'mul', 'ave'] as const).map((mergeMode): [string, Net] => [
      `bothWays_${mergeMode}`,
      () => {
        const x = steps();
        const layer = layers.gru({ name: 'gru', units: 4, returnSequences: true, recurrentInitializer: 'glorotNormal' }); // prettier-ignore
        const inner = layers.lstm({ name: 'lstm', units: 3, recurrentInitializer: 'glorotNormal' });
        const both = layers.bidirectional({ name: 'both', layer, mergeMode });
        const last = layers.bidirectional({ name: 'last', layer: inner, mergeMode });
        return model(x, apply(x, both, last, dense('head', 2)));
      },
    ]),
  ),
  /** One dense layer and one convolution at every step. */
  everyStep: () => {
    const x = tf.input({ shape: [3, 6, 5, 2], name: 'x' });
    const conv = layers.conv2d({ name: 'c', filters: 4, kernelSize: 3, activation: 'relu' });
    const out = apply(
      x,
      layers.timeDistributed({ name: 'convEach', layer: conv }),
      layers.timeDistributed({ name: 'normEach', layer: layers.batchNormalization({ name: 'n' }) }),
      layers.timeDistributed({ name: 'flatEach', layer: layers.flatten({ name: 'f' }) }),
      layers.timeDistributed({ name: 'denseEach', layer: layers.dense({ name: 'd', units: 5 }) }),
      layers.lstm({ name: 'lstm', units: 4, recurrentInitializer: 'glorotNormal' }),
      dense('head', 3),
    );
    return model(x, out);
  },
  /** A whole model at every step: it stays as it is, what follows can go. */
  modelAtEveryStep: () => {
    const x = tf.input({ shape: [3, 4, 4, 2], name: 'x' });
    const inner = tf.sequential({
      name: 'inner',
      layers: [
        layers.conv2d({ name: 'c', filters: 3, kernelSize: 3, inputShape: [4, 4, 4] }),
        layers.batchNormalization({ name: 'n' }),
        layers.flatten({ name: 'f' }),
      ],
    });
    const before = layers.timeDistributed({
      name: 'before',
      layer: layers.conv2d({ name: 'b', filters: 4, kernelSize: 1 }),
    });
    const each = layers.timeDistributed({ name: 'each', layer: inner });
    return model(x, apply(x, before, each, layers.gru({ name: 'gru', units: 4, recurrentInitializer: 'glorotNormal' }), dense('head', 2))); // prettier-ignore
  },
  movingImages: () => {
    const x = tf.input({ shape: [3, 6, 5, 2], name: 'x' });
    const options = { kernelSize: 3, padding: 'same', recurrentInitializer: 'glorotNormal' } as const;
    const out = apply(
      x,
      layers.convLstm2d({ name: 'first', filters: 4, returnSequences: true, ...options }),
      layers.convLstm2d({ name: 'second', filters: 3, ...options, padding: 'valid' }),
      layers.flatten({ name: 'flat' }),
      dense('head', 2),
    );
    return model(x, out);
  },
  /** Steps that are all zero are left out. */
  masked: () => {
    const x = steps(3, 4);
    const masked = apply(dense('before', 4).apply(x) as Flow, layers.masking({ name: 'masking' }));
    return model(x, apply(masked, layers.lstm({ name: 'lstm', units: 4, recurrentInitializer: 'glorotNormal' }), dense('head', 2))); // prettier-ignore
  },
  maskedWords: () => {
    const x = tokens();
    const out = apply(
      x,
      layers.embedding({ name: 'words', inputDim: 4, outputDim: 5, maskZero: true }),
      layers.gru({ name: 'gru', units: 4, recurrentInitializer: 'glorotNormal' }),
      layers.repeatVector({ name: 'repeat', n: 3 }),
      layers.simpleRNN({ name: 'again', units: 4, recurrentInitializer: 'glorotNormal' }),
      dense('head', 2),
    );
    return model(x, out);
  },
  /** Numbers as one-hot rows. */
  categories: () => {
    const x = tokens(3);
    const rows = apply(x, layers.categoryEncoding({ name: 'encode', numTokens: 4, outputMode: 'multiHot' }));
    return model(x, apply(rows, dense('hidden', 5, 'relu'), dense('head', 2)));
  },
  /** Attention out of stock layers: queries and keys meet in a product, values pass through another. */
  attention: () => {
    const x = steps(4, 5);
    const [q, k, v] = ['query', 'key', 'value'].map(name => apply(x, dense(name, 4)));
    const scores = apply([q, k], layers.dot({ name: 'scores', axes: [2, 2] }));
    const weights = apply(scores, layers.softmax({ name: 'softmax', axis: -1 }));
    const mixed = apply([weights, v], layers.dot({ name: 'mix', axes: [2, 1] }));
    const sum = apply([x, apply(mixed, dense('out', 4))], layers.add({ name: 'sum' }));
    return model(x, apply(sum, dense('head', 2)));
  },
  /** A sigmoid is not zero at zero: what the product sums over can then not be left out. */
  shiftedProduct: () => {
    const x = tf.input({ shape: [4], name: 'x' });
    const [a, b] = [apply(x, dense('a', 4, 'sigmoid')), apply(x, dense('b', 4))];
    const product = apply([a, b], layers.dot({ name: 'product', axes: 1 }));
    return model(x, apply([product, apply(x, dense('c', 4, 'relu'))], layers.concatenate({ name: 'join' }), dense('head', 2))); // prettier-ignore
  },
  /** The product of two rows, by length and by direction. */
  products: () => {
    const x = tf.input({ shape: [4], name: 'x' });
    const [a, b, c] = ['a', 'b', 'c'].map(name => apply(x, dense(name, 5)));
    const flows = [
      apply([a, b], layers.dot({ name: 'plain', axes: 1 })),
      apply([b, c], layers.dot({ name: 'cosine', axes: -1, normalize: true })),
    ];
    return model(x, apply(flows, layers.concatenate({ name: 'join' }), dense('head', 2)));
  },
} satisfies Record<string, Net>;
