/** Nets with settings that the zoo has not, each where ONNX and tf.js could disagree. */
import * as tf from '@tensorflow/tfjs-layers';
import { attention, slimmable } from 'tfjs-prune';
import { apply, conv, dense, model, rgb, type Flow, type Net } from '../zoo/parts';
import { randomize } from '../zoo/weights';

const { layers } = tf;

const ACTIVATIONS = 'linear relu relu6 elu selu sigmoid hardSigmoid softplus softsign tanh softmax logSoftmax swish mish gelu gelu_new'.split(' '); // prettier-ignore
const open = (...shape: (number | null)[]): Flow => tf.input({ shape: shape, name: 'x' });
const glorot = { recurrentInitializer: 'glorotNormal' } as const;
const join = (flows: Flow[]): Flow => apply(flows, layers.concatenate({ name: 'join' }));

/** Over images and rows of any size. */
const sizes: Record<string, Net> = {
  openImages: () => {
    const x = open(null, null, 3);
    const chain = [
      conv('a', 4, { strides: 2 }),
      layers.maxPooling2d({ name: 'max', poolSize: 3, strides: 2, padding: 'same' }),
      layers.depthwiseConv2d({ name: 'wise', kernelSize: 3, strides: 2, padding: 'same', depthMultiplier: 2 }),
      layers.averagePooling2d({ name: 'mean', poolSize: 2, strides: 1, padding: 'same' }),
      layers.conv2dTranspose({ name: 'up', filters: 3, kernelSize: 2, strides: 3, padding: 'same' }),
      layers.cropping2D({ name: 'crop', cropping: [[1, 0], [0, 2]] }), // prettier-ignore
      conv('b', 3, { dilationRate: 2 }),
    ];
    return model(x, apply(x, ...chain));
  },
  openRows: () => {
    const x = open(null, 3);
    const dilated = layers.conv1d({ name: 'dilated', filters: 4, kernelSize: 3, dilationRate: 2, padding: 'same' });
    const strided = layers.conv1d({ name: 'strided', filters: 5, kernelSize: 3, strides: 2, padding: 'same' });
    const gru = layers.gru({ name: 'gru', units: 4, returnSequences: true, ...glorot });
    const each = layers.timeDistributed({ name: 'each', layer: layers.dense({ name: 'd', units: 4 }) });
    return model(x, apply(x, dilated, strided, gru, each, dense('head', 2)));
  },
  scaled: () => {
    const x = rgb();
    const [near, between] = (['nearest', 'bilinear'] as const).map(
      interpolation =>
      apply(x, conv(interpolation, 4), layers.upSampling2d({ name: `${interpolation}Up`, size: [2, 3], interpolation })), // prettier-ignore
    );
    return model(x, [join([near, between]), apply(x, layers.centerCrop({ name: 'center', height: 1, width: 4 }))]);
  },
  separableDilated: () => {
    const x = rgb();
    const options = { kernelSize: 2, depthMultiplier: 2, useBias: true } as const;
    const first = layers.separableConv2d({ name: 'a', filters: 4, padding: 'same', dilationRate: 2, ...options });
    return model(x, apply(x, first, layers.separableConv2d({ name: 'b', filters: 3, activation: 'tanh', ...options })));
  },
  wideTransposed: () => {
    const x = rgb();
    const up = (name: string, kernelSize: number, padding: 'same' | 'valid'): tf.layers.Layer =>
      layers.conv2dTranspose({ name, filters: 3, kernelSize, strides: [3, 2], padding });
    return model(x, apply(x, up('a', 1, 'valid'), up('b', 5, 'same'), up('c', 4, 'valid')));
  },
};

const numbers: Record<string, Net> = {
  everyActivation: () => {
    const x = rgb();
    return model(x, ACTIVATIONS.map(activation => apply(x, conv(activation, 4, { activation: activation as 'relu' })))); // prettier-ignore
  },
  slopes: () => {
    const x = open(4);
    const ways = [
      layers.leakyReLU({ name: 'leaky' }),
      layers.reLU({ name: 'cut', maxValue: 0.4 }),
      layers.thresholdedReLU({ name: 'negative', theta: -0.3 }),
      layers.softmax({ name: 'softmax' }),
      layers.rescaling({ name: 'scaled', scale: -2, offset: 0.5 }),
      layers.batchNormalization({ name: 'bare', scale: false, center: false }),
    ];
    return model(x, ways.map(layer => apply(x, dense(`before_${layer.name}`, 5), layer))); // prettier-ignore
  },
  norms: () => {
    const x = open(4, 5, 3);
    const ways = [[-1], [2, 3], [1, 2, 3], [1], [1, 2]].map((axis, i) => layers.layerNormalization({ name: `axes${i}`, axis })); // prettier-ignore
    return model(x, ways.map(layer => apply(x, layer))); // prettier-ignore
  },
  normOfRows: () => {
    const x = open(4, 5, 3);
    return model(x, apply(x, layers.batchNormalization({ name: 'rows', axis: 1 })));
  },
  wrapped: () => {
    const x = rgb();
    const norm = slimmable(layers.batchNormalization({ name: 'norm' }));
    return model(x, apply(x, slimmable(conv('a', 4, { activation: 'relu' })), conv('b', 3), norm));
  },
  numbersOfTokens: () => {
    const x = tf.input({ shape: [4], name: 'x', dtype: 'int32' });
    const encode = (outputMode: 'count' | 'multiHot'): Flow =>
      apply(x, layers.categoryEncoding({ name: outputMode, numTokens: 5, outputMode }));
    return model(x, [encode('count'), encode('multiHot'), apply(x, layers.embedding({ name: 'e', inputDim: 5, outputDim: 3 }))]); // prettier-ignore
  },
};

/** One layer on flows of several shapes. */
const several: Record<string, Net> = {
  sharedByRanks: () => {
    const x = rgb();
    const shared = dense('shared', 3);
    const rows = apply(x, layers.reshape({ name: 'rows', targetShape: [30, 3] }), layers.conv1d({ name: 'c', filters: 3, kernelSize: 2 })); // prettier-ignore
    const image = apply(x, conv('a', 3));
    return model(x, [image, rows, apply(x, layers.flatten({ name: 'f' }), dense('g', 3))].map(flow => apply(flow, shared))); // prettier-ignore
  },
  sharedByLengths: () => {
    const [x, y] = [open(4, 8), tf.input({ shape: [6, 8], name: 'y' })];
    const own = attention({ name: 'own', heads: 2, causal: true, rotary: {} });
    const crossed = attention({ name: 'crossed', heads: 4, kvHeads: 4, rotary: { layout: 'interleaved' } });
    return model([x, y], [own.apply([x, x, x]), own.apply([y, y, y]), crossed.apply([x, y, y])] as Flow[]);
  },
  /** Two outputs of one layer, and a layer that is called as the second of them could be. */
  namesakes: () => {
    const x = open(3);
    const head = dense('head', 3);
    return model(x, [apply(x, head), apply(x, dense('head_1', 2)), apply(x, head, head)]);
  },
};

const makers = { lstm: layers.lstm, gru: layers.gru, simple: layers.simpleRNN };

const recurrent: Record<string, Net> = {
  /** Each cell with activations that its operator has, and with one that it has not. */
  cells: () => {
    const x = open(4, 3);
    const given = [
      ['relu', 'sigmoid'],
      ['linear', 'hardSigmoid'],
      ['softsign', 'softplus'],
      ['elu', 'tanh'],
      ['swish', 'sigmoid'],
      ['tanh', 'relu6'],
    ] as [string, string][];
    const flows = Object.entries(makers).flatMap(([kind, make]) =>
      given.map(
        ([activation, recurrentActivation], i) =>
        apply(x, make({ name: `${kind}${i}`, units: 3, activation, recurrentActivation, useBias: i !== 1, ...glorot } as never)), // prettier-ignore
      ),
    );
    return model(x, flows);
  },
  backwards: () => {
    const x = open(4, 3);
    const states = { returnSequences: true, returnState: true, goBackwards: true };
    const flows = Object.entries(makers).flatMap(([kind, make]) => make({ name: kind, units: 3, ...states, ...glorot }).apply(x) as Flow[]); // prettier-ignore
    const sequence = layers.gru({ name: 'inner', units: 2, returnSequences: true, goBackwards: true, ...glorot });
    const both = layers.bidirectional({ name: 'both', layer: sequence, mergeMode: 'concat' });
    return model(x, [...flows, apply(x, both)]);
  },
  bothWithStates: () => {
    const x = open(4, 3);
    const lstm = (name: string) => layers.lstm({ name, units: 2, returnSequences: true, returnState: true, ...glorot });
    const first = layers.bidirectional({ name: 'first', layer: lstm('one'), mergeMode: 'sum' });
    const [sequence, ...states] = first.apply(x) as Flow[];
    const second = layers.bidirectional({ name: 'second', layer: lstm('two'), mergeMode: 'mul' });
    return model(x, [sequence, ...states, ...(second.apply([x, ...states]) as Flow[])]);
  },
  /** A recurrent layer at every step of another kind, and normalised steps. */
  inside: () => {
    const x = open(2, 4, 3);
    const each = layers.timeDistributed({ name: 'each', layer: layers.gru({ name: 'inner', units: 3, ...glorot }) });
    const after = [layers.lstm({ name: 'lstm', units: 4, returnSequences: true, ...glorot }), layers.layerNormalization({ name: 'norm' })]; // prettier-ignore
    return model(x, apply(x, each, ...after, layers.prelu({ name: 'prelu' }), dense('head', 2)));
  },
  /** What comes of the two directions, apart. */
  apart: () => {
    const x = open(4, 3);
    const gru = layers.gru({ name: 'gru', units: 3, returnSequences: true, ...glorot });
    return model(x, layers.bidirectional({ name: 'both', layer: gru, mergeMode: null as never }).apply(x) as Flow[]);
  },
  maskedThroughout: () => {
    const x = open(null);
    const chain = [
      layers.embedding({ name: 'words', inputDim: 3, outputDim: 4, maskZero: true }),
      layers.lstm({ name: 'a', units: 4, returnSequences: true, ...glorot }),
      dense('between', 3),
      layers.bidirectional({ name: 'b', layer: layers.gru({ name: 'g', units: 3, ...glorot }), mergeMode: 'concat' }),
    ];
    return model(x, apply(x, ...chain));
  },
  /** Where a step is nothing but zero, which half of them are. */
  maskedSteps: () => {
    const x = open(6, 1);
    const rnn = layers.simpleRNN({ name: 'a', units: 4, returnSequences: true, goBackwards: true, ...glorot });
    return model(x, apply(x, layers.reLU({ name: 'relu' }), layers.masking({ name: 'masking' }), rnn));
  },
  /** The mask is made in a model inside, and goes into another. */
  maskedInside: () => {
    const x = open(5);
    const gru = (name: string, returnSequences: boolean) => layers.gru({ name, units: 4, returnSequences, ...glorot });
    const words = layers.embedding({ name: 'words', inputDim: 3, outputDim: 4, maskZero: true, inputLength: 5 });
    const reader = tf.sequential({ name: 'reader', layers: [words, gru('a', true), gru('b', false)] });
    return model(x, apply(x, reader, dense('head', 2)));
  },
  maskedOutside: () => {
    const x = open(5);
    const words = layers.embedding({ name: 'words', inputDim: 3, outputDim: 4, maskZero: true, inputLength: 5 });
    const y = tf.input({ shape: [5, 4], name: 'y' });
    const inner = model(y, apply(y, layers.gru({ name: 'a', units: 4, ...glorot })), 'inner');
    return model(x, apply(x, words, inner, dense('head', 2)));
  },
  movingImagesWithStates: () => {
    const x = open(3, 4, 5, 2);
    const options = { filters: 3, kernelSize: [2, 3] as [number, number], padding: 'same', returnSequences: true, returnState: true, ...glorot } as const; // prettier-ignore
    const [sequence, ...states] = layers.convLstm2d({ name: 'first', goBackwards: true, ...options }).apply(x) as Flow[]; // prettier-ignore
    return model(x, [sequence, ...(layers.convLstm2d({ name: 'second', ...options }).apply([x, ...states]) as Flow[])]);
  },
  movingImagesFirst: () => {
    const x = open(3, 2, 5, 6);
    const options = { dataFormat: 'channelsFirst', kernelSize: [3, 2], dilationRate: 1, ...glorot } as const;
    const first = layers.convLstm2d({ name: 'first', filters: 3, returnSequences: true, padding: 'same', ...options, kernelSize: [3, 2] }); // prettier-ignore
    const second = layers.convLstm2d({ name: 'second', filters: 2, strides: 2, padding: 'valid', goBackwards: true, ...options, kernelSize: [3, 2] }); // prettier-ignore
    return model(x, apply(x, first, second));
  },
};

const randomized = (nets: Readonly<Record<string, Net>>): Readonly<Record<string, Net>> =>
  Object.fromEntries(Object.entries(nets).map(([name, build]) => [name, () => randomize(build())]));

export const SETTINGS = randomized({ ...sizes, ...numbers, ...several, ...recurrent });

/** What stands for nets that tf.js gets wrong: on its CPU and WASM backends a BatchNormalization along rows. */
export const INSTEAD = randomized({
  normOfRows: () => {
    const x = open(4, 5, 3);
    const [there, back] = [[2, 3, 1], [3, 1, 2]].map((dims, i) => layers.permute({ name: `turn${i}`, dims })); // prettier-ignore
    return model(x, apply(x, there, layers.batchNormalization({ name: 'rows' }), back));
  },
});
