/** Of the kernels for TensorFlow what shows without it: whose handles are deleted, and what is left to the stock kernels. */
import type * as tf from '@tensorflow/tfjs-core';
import { nativeConv2d } from '../../lib/kernels/nativeConvolution';
import { nativeBatchNorm, nativeClip, nativeReshape } from '../../lib/kernels/nativeElementwise';

const STOCK = { dataId: {}, shape: [7], dtype: 'float32' } as const;
const stock = (): tf.KernelConfig => ({
  kernelName: 'Any',
  backendName: 'tensorflow',
  kernelFunc: () => ({ ...STOCK, shape: [...STOCK.shape] }),
});

/** An addon that only counts; the operation named `fails` throws. */
function addon(fails?: string) {
  const [ran, open] = [[] as string[], new Set<number>()];
  let next = 100;
  const binding = {
    executeOp(name: string, _: unknown, ids: readonly number[], outputs: number) {
      if (name === fails) throw new Error(`no ${name}`);
      for (const id of ids) if (id >= 100 && !open.has(id)) throw new Error(`${id} is gone`);
      ran.push(name);
      return Array.from({ length: outputs }, () => {
        open.add(++next);
        return { id: next, shape: [1], dtype: 1 };
      });
    },
    deleteTensor: (id: number) => void (open.delete(id) || expect(id).toBe('open')),
  };
  const backend = {
    binding,
    getInputTensorIds: (tensors: readonly tf.TensorInfo[]) => tensors.map((_, i) => i),
    createOutputTensor: ({ id }: { id: number }) => ({ dataId: { id }, shape: [1], dtype: 'float32' }),
    incRef: jest.fn(),
  };
  return { backend, ran, open };
}

const tensor = (shape: number[], dtype: tf.DataType = 'float32'): tf.TensorInfo => ({ dataId: {}, shape, dtype });
const call = (kernel: tf.KernelConfig, backend: object, inputs: object, attrs: object): tf.TensorInfo =>
  kernel.kernelFunc({ backend, inputs: inputs as never, attrs: attrs as never }) as tf.TensorInfo;

const image = { x: tensor([1, 4, 4, 3]), filter: tensor([3, 3, 3, 5]), bias: tensor([5]) };
const same = { strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1, activation: 'relu' };

describe('a fused convolution', () => {
  it('is three operations, and leaves the last result alone', () => {
    const { backend, ran, open } = addon();
    const out = call(nativeConv2d(stock()), backend, image, same);
    expect(ran).toEqual(['Conv2D', 'BiasAdd', 'Relu']);
    expect([...open]).toEqual([(out.dataId as { id: number }).id]);
  });

  it.each(['Conv2D', 'BiasAdd', 'Relu'])('leaves nothing where %s fails', name => {
    const { backend, open } = addon(name);
    expect(() => call(nativeConv2d(stock()), backend, image, same)).toThrow(`no ${name}`);
    expect(open.size).toBe(0);
  });

  it.each([
    ['padding by numbers', image, { ...same, pad: 1 }],
    ['channels first', image, { ...same, dataFormat: 'NCHW' }],
    ['a PReLU', image, { ...same, activation: 'prelu' }],
    ['a bias that is no row of channels', { ...image, bias: tensor([]) }, same],
    ['integers', { ...image, x: tensor([1, 4, 4, 3], 'int32') }, same],
  ])('is left to the stock kernel: %s', (_, inputs, attrs) => {
    const { backend, ran } = addon();
    expect(call(nativeConv2d(stock()), backend, inputs, attrs)).toEqual(STOCK);
    expect(ran).toEqual([]);
  });
});

test('batch normalization keeps the first of five results; other statistics are left to the stock kernel', () => {
  const { backend, ran, open } = addon();
  const row = tensor([3]);
  const inputs = { x: image.x, mean: row, variance: row, scale: row, offset: row };
  call(nativeBatchNorm(stock()), backend, inputs, { varianceEpsilon: 1e-3 });
  expect([ran, open.size]).toEqual([['FusedBatchNorm'], 1]);
  for (const other of [{ scale: undefined }, { offset: null }, { mean: tensor([1, 4, 4, 3]) }, { x: tensor([4, 3]) }]) {
    expect(call(nativeBatchNorm(stock()), backend, { ...inputs, ...other }, { varianceEpsilon: 1e-3 })).toEqual(STOCK);
  }
});

test('only a clip from 0 to 6 is a ReLU6', () => {
  const { backend, ran } = addon();
  const clip = (clipValueMin: number, clipValueMax: number, x = image.x): tf.TensorInfo =>
    call(nativeClip(stock()), backend, { x }, { clipValueMin, clipValueMax });
  clip(0, 6);
  expect(ran).toEqual(['Relu6']);
  for (const out of [clip(0, 5), clip(-1, 6), clip(0, 6, tensor([2], 'int32'))]) expect(out).toEqual(STOCK);
});

test('a reshape to the same shape shares the memory', () => {
  const { backend } = addon();
  expect(call(nativeReshape(stock()), backend, { x: image.x }, { shape: [1, 4, 4, 3] }).dataId).toBe(image.x.dataId);
  expect(backend.incRef).toHaveBeenCalledWith(image.x.dataId);
  expect(call(nativeReshape(stock()), backend, { x: image.x }, { shape: [16, 3] })).toEqual(STOCK);
  expect(backend.incRef).toHaveBeenCalledTimes(1);
});
