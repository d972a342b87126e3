import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { pointwiseConv2d } from '../../lib/kernels/pointwise';
import { expectLikeCpu, noise, startBackends } from './compare';

beforeAll(startBackends);

const [x, filter] = [noise([2, 5, 4, 6], 1), noise([1, 1, 6, 9], 2)];
const plain = { strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1 };

const geometries: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['same', {}],
  ['valid', { pad: 'valid' }],
  ['a stride', { strides: [2, 2] }],
  ['a stride along one axis', { strides: [1, 2] }],
  ['a stride as one number', { strides: 3 }],
  ['a stride without padding', { strides: 2, pad: 'valid' }],
  ['padding of its own', { pad: 1, dimRoundingMode: 'floor' }],
  ['padding of nothing', { pad: 0, dimRoundingMode: 'floor' }],
];

describe('convolution with a 1 x 1 filter', () => {
  it.each(geometries)('%s: like cpu', (_, attrs) => expectLikeCpu(tf.Conv2D, { x, filter }, { ...plain, ...attrs }));

  describe.each(geometries)('with bias and activation, %s', (_, attrs) => {
    it.each(['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu'])('%s: like cpu', activation => {
      const inputs = { x, filter, bias: noise([9], 3) };
      const given = { ...plain, ...attrs, activation, leakyreluAlpha: 0.3 };
      return expectLikeCpu(tf.FusedConv2D, inputs, given);
    });
  });

  it.each(geometries.filter(([name]) => name !== 'padding of its own'))(
    '%s: not by the stock kernel',
    async (_, attrs) => {
      const refusing = { kernelName: tf.Conv2D, backendName: 'wasm', kernelFunc: jest.fn() };
      const { kernelFunc } = pointwiseConv2d(refusing);
      await tf.setBackend('wasm');
      const inputs = { x: tf.zeros([...x.shape]), filter: tf.zeros([...filter.shape]) };
      const out = kernelFunc({ inputs, backend: tf.backend(), attrs: { ...plain, ...attrs } }) as tf.TensorInfo;
      expect(out.shape[3]).toBe(9);
      expect(refusing.kernelFunc).not.toHaveBeenCalled();
      tf.dispose(inputs);
      tf.backend().disposeData(out.dataId);
    },
  );

  it('without a bias: like cpu', () => expectLikeCpu(tf.FusedConv2D, { x, filter }, { ...plain, activation: 'relu' }));

  it('with prelu: like cpu', () => {
    const inputs = { x, filter, bias: noise([9], 3), preluActivationWeights: noise([9], 4) };
    return expectLikeCpu(tf.FusedConv2D, inputs, { ...plain, activation: 'prelu' });
  });
});
