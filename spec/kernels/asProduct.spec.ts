import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { conv2dAsProduct } from '../../lib/kernels/asProduct';
import { expectLikeCpu, noise, runOn, startBackends, type Plain } from './compare';

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

  it.each(geometries)('%s: not by the stock kernel', (_, attrs) =>
    expectNotStock({ x, filter }, { ...plain, ...attrs }),
  );

  it('without a bias: like cpu', () => expectLikeCpu(tf.FusedConv2D, { x, filter }, { ...plain, activation: 'relu' }));

  it('with prelu: like cpu', () => {
    const inputs = { x, filter, bias: noise([9], 3), preluActivationWeights: noise([9], 4) };
    return expectLikeCpu(tf.FusedConv2D, inputs, { ...plain, activation: 'prelu' });
  });
});

describe('convolution with a filter that is larger than what it sees', () => {
  const large = { x: noise([2, 3, 3, 100], 5), filter: noise([3, 3, 100, 300], 6) };
  const windows: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ...geometries,
    ['a dilation', { dilations: [2, 1] }],
    ['padding on one side', { pad: [[0, 0], [2, 0], [0, 1], [0, 0]], dimRoundingMode: 'floor' }], // prettier-ignore
  ];

  it.each(windows)('%s: like cpu, and not by the stock kernel', async (_, attrs) => {
    await expectLikeCpu(tf.Conv2D, large, { ...plain, ...attrs });
    await expectNotStock(large, { ...plain, ...attrs });
  });

  it('with bias and activation: like cpu', () =>
    expectLikeCpu(tf.FusedConv2D, { ...large, bias: noise([300], 7) }, { ...plain, activation: 'relu' }));

  it('gives the bits of the stock kernel, which more images are left to', async () => {
    const { filter } = large;
    const many = noise([34, 3, 3, 100], 8);
    const few = { shape: [2, 3, 3, 100], values: many.values.slice(0, 2 * 900) };
    await expect(expectNotStock({ x: many, filter }, plain)).rejects.toThrow();
    const [stock, own] = [await convolve(many, filter), await convolve(few, filter)];
    expect(own.values).toEqual(stock.values.slice(0, own.values.length));
  });
});

const convolve = (image: Plain, by: Plain): Promise<Plain> => runOn('wasm', tf.Conv2D, { x: image, filter: by }, plain);

async function expectNotStock(
  shapes: Readonly<Record<'x' | 'filter', Plain>>,
  attrs: Readonly<Record<string, unknown>>,
): Promise<void> {
  await tf.setBackend('wasm');
  const stock = (): never => {
    throw new Error('by the stock kernel');
  };
  const { kernelFunc } = conv2dAsProduct({ kernelName: tf.Conv2D, backendName: 'wasm', kernelFunc: stock });
  const inputs = { x: tf.zeros([...shapes.x.shape]), filter: tf.zeros([...shapes.filter.shape]) };
  try {
    const out = kernelFunc({ inputs, backend: tf.backend(), attrs: attrs as never }) as tf.TensorInfo;
    tf.backend().disposeData(out.dataId);
  } finally {
    tf.dispose(inputs);
  }
}
