/** Of the kernels for TensorFlow what shows without it: whose handles are deleted, and what is left to the stock kernels. */
import type * as tf from '@tensorflow/tfjs-core';
import { nameOf } from '../../lib/kernels/fused';
import { nativeConv2d } from '../../lib/kernels/nativeConvolution';
import { nativeBatchNorm, nativeClip } from '../../lib/kernels/nativeElementwise';
import { nativeLayers } from '../../lib/kernels/nativeLayers';
import { nativeFusedMatMul } from '../../lib/kernels/nativeMatMul';
import { nativeReshape, nativeTranspose } from '../../lib/kernels/nativeShapes';

const STOCK = { dataId: {}, shape: [7], dtype: 'float32' } as const;
const stock = (): tf.KernelConfig => ({
  kernelName: 'Any',
  backendName: 'tensorflow',
  kernelFunc: () => ({ ...STOCK, shape: [...STOCK.shape] }),
});

/** An addon that only counts; the operation named `fails` throws. */
function addon(fails?: string) {
  const [ran, open, kept] = [[] as string[], new Set<number>(), new Map<number, readonly number[]>()];
  let next = 100;
  const binding = {
    executeOp(name: string, _: unknown, ids: readonly number[], outputs: number) {
      if (name === fails) throw new Error(`no ${name}`);
      for (const id of ids) if (id >= 100 && !open.has(id) && !kept.has(id)) throw new Error(`${id} is gone`);
      ran.push(name);
      return Array.from({ length: outputs }, () => {
        open.add(++next);
        return { id: next, shape: [1], dtype: 1 };
      });
    },
    createTensor(_: readonly number[], __: number, values: Int32Array | Float32Array) {
      kept.set(++next, [...values]);
      return next;
    },
    deleteTensor: (id: number) => void (open.delete(id) || kept.delete(id) || expect(id).toBe('open')),
  };
  const backend = {
    binding,
    getInputTensorIds: (tensors: readonly tf.TensorInfo[]) => tensors.map((_, i) => i),
    createOutputTensor: ({ id }: { id: number }) => ({ dataId: { id }, shape: [1], dtype: 'float32' }),
    incRef: jest.fn(),
  };
  return { backend, ran, open, kept };
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

test.each([
  ['shape', nativeReshape(stock()), { shape: [1, 4, 4, 3] }],
  ['order', nativeTranspose(stock()), { perm: [0, 1, 2, 3] }],
])('a tensor asked for in the %s that it has shares the memory', (_, kernel, attrs) => {
  const { backend, ran } = addon();
  expect(call(kernel, backend, { x: image.x }, attrs).dataId).toBe(image.x.dataId);
  expect(backend.incRef).toHaveBeenCalledWith(image.x.dataId);
  expect(ran).toEqual([]);
});

test('shapes and orders are made once, and no more than 512 are kept', () => {
  const { backend, ran, open, kept } = addon();
  const reshape = (shape: number[], x = image.x): tf.TensorInfo =>
    call(nativeReshape(stock()), backend, { x }, { shape });
  for (let i = 0; i < 3; i++) reshape([16, 3]);
  call(nativeTranspose(stock()), backend, { x: image.x }, { perm: [0, 3, 1, 2] });
  expect(ran).toEqual(['Reshape', 'Reshape', 'Reshape', 'Transpose']);
  expect([...kept.values()]).toEqual([
    [16, 3],
    [0, 3, 1, 2],
  ]);
  for (let rows = 1; rows <= 600; rows++) reshape([rows, 3], tensor([3 * rows]));
  expect(kept.size).toBe(512);
  expect(open.size).toBe(604); // the results, which are the callers'
  expect(reshape([16, 3], tensor([4, 12], 'int32'))).toEqual(STOCK);
});

describe('a Dense layer', () => {
  const dense = { a: tensor([1, 7, 3]), b: tensor([1, 3, 5]), bias: tensor([5]) };
  const plain = { transposeA: false, transposeB: false, activation: 'relu' };

  it('is product, bias and activation', () => {
    const { backend, ran, open } = addon();
    call(nativeFusedMatMul(stock()), backend, dense, plain);
    expect(ran).toEqual(['BatchMatMulV2', 'BiasAdd', 'Relu']);
    expect(open.size).toBe(1);
    call(nativeFusedMatMul(stock()), backend, { ...dense, bias: undefined }, { ...plain, activation: 'linear' });
    expect(ran.slice(3)).toEqual(['BatchMatMulV2']);
  });

  it('takes a bias as wide as the product, also where the second factor is turned', () => {
    const { backend, ran } = addon();
    const turned = { ...dense, b: tensor([1, 5, 3]) };
    call(nativeFusedMatMul(stock()), backend, turned, { ...plain, transposeB: true });
    expect(ran).toEqual(['BatchMatMulV2', 'BiasAdd', 'Relu']);
    expect(call(nativeFusedMatMul(stock()), backend, turned, plain)).toEqual(STOCK);
  });

  it.each([
    ['a PReLU', dense, { ...plain, activation: 'prelu' }],
    ['a bias that is no row', { ...dense, bias: tensor([7, 5]) }, plain],
    ['a bias for all', { ...dense, bias: tensor([1]) }, plain],
    ['integers', { ...dense, a: tensor([1, 7, 3], 'int32') }, plain],
  ])('is left to the stock kernel: %s', (_, inputs, attrs) => {
    const { backend, ran } = addon();
    expect(call(nativeFusedMatMul(stock()), backend, inputs, attrs)).toEqual(STOCK);
    expect(ran).toEqual([]);
  });
});

describe('norms and attention', () => {
  const kernelOf = (name: Parameters<typeof nameOf>[0]): tf.KernelConfig =>
    nativeLayers.find(({ kernelName }) => kernelName === nameOf(name))!;
  const [x, row] = [tensor([2, 6]), tensor([6])];
  const heads = { queries: tensor([2, 4, 5, 3]), keys: tensor([2, 2, 7, 3]), values: tensor([2, 2, 7, 3]) };
  const calls = [
    ['RmsNorm', { x, gamma: row }, { width: 8, epsilon: 1e-5 }],
    ['LayerNorm', { x, gamma: row, beta: row }, { width: 8, epsilon: 1e-5 }],
    ['Attend', { ...heads, bias: tensor([5, 7]) }, { scale: 0.5 }],
  ] as const;

  it.each(calls)('%s leaves its result alone, and nothing where an operation fails', (name, inputs, attrs) => {
    const sound = addon();
    const out = call(kernelOf(name), sound.backend, inputs, attrs);
    expect([...sound.open]).toEqual([(out.dataId as { id: number }).id]);
    for (const operation of new Set(sound.ran)) {
      const failing = addon(operation);
      expect(() => call(kernelOf(name), failing.backend, inputs, attrs)).toThrow(`no ${operation}`);
      expect(failing.open.size).toBe(0);
    }
  });

  it('needs no reshapes between the products where every query head has a key head', () => {
    const { backend, ran } = addon();
    const keys = tensor([2, 4, 7, 3]);
    call(kernelOf('Attend'), backend, { ...heads, keys, values: keys }, { scale: 0.5 });
    expect(ran).toEqual(['Mul', 'BatchMatMulV2', 'Softmax', 'BatchMatMulV2', 'Transpose', 'Reshape']);
  });
});
