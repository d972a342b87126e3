/** The kernels that replace stock ones on TensorFlow: the numbers of plain JavaScript, in as few operations as there can be. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as fc from 'fast-check';
import { expectClose, held, noise, runOn, type Plain } from '../kernels/compare';

type Inputs = Readonly<Record<string, Plain>>;

/** Handles that TensorFlow holds: a result of which no tensor is made would stay. */
const handles = (): number =>
  (tf.findBackend('tensorflow') as unknown as { getNumOfTFTensors(): number }).getNumOfTFTensors();

async function expectAsOnCpu(name: string, inputs: Inputs, attrs: Readonly<Record<string, unknown>>): Promise<void> {
  const before = handles();
  const actual = await runOn('tensorflow', name, inputs, attrs);
  expect(handles()).toBe(before);
  expectClose(actual, await runOn('cpu', name, inputs, attrs));
}

const window = fc.record({
  sides: fc.tuple(fc.integer({ min: 3, max: 7 }), fc.integer({ min: 3, max: 7 })),
  kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  steps: fc.constantFrom<[number, number]>([1, 1], [2, 1], [1, 2]),
  channels: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 })),
  batch: fc.integer({ min: 1, max: 2 }),
  pad: fc.constantFrom('same', 'valid'),
  bias: fc.boolean(),
  activation: fc.constantFrom('linear', 'relu', 'relu6', 'elu', 'leakyrelu', 'sigmoid'),
});

describe.each([
  ['FusedConv2D', 'Conv2D'],
  ['FusedDepthwiseConv2D', 'DepthwiseConv2dNative'],
])('%s', (fused, plain) => {
  const isDepthwise = fused !== 'FusedConv2D';

  test('of any window, bias and activation: like cpu', () =>
    fc.assert(
      fc.asyncProperty(window, async ({ sides, kernel, steps: [stride, dilation], channels, batch, pad, ...rest }) => {
        const [inner, outer] = channels;
        fc.pre(!isDepthwise || dilation === 1); // which TensorFlow has for GPUs only
        fc.pre(pad === 'same' || sides.every((side, i) => side > (kernel[i] - 1) * dilation));
        // Large enough that a ReLU6 clips at both ends.
        const wide = ({ shape, values }: Plain): Plain => ({ shape, values: values.map(value => 6 * value) });
        const inputs = { x: wide(noise([batch, ...sides, inner], 1)), filter: noise([...kernel, inner, outer], 2) };
        const attrs = { strides: [stride, stride], pad, dataFormat: 'NHWC', dilations: [dilation, dilation] };
        await expectAsOnCpu(plain, inputs, attrs);
        const bias: Inputs = rest.bias ? { bias: noise([isDepthwise ? inner * outer : outer], 3) } : {};
        const activation = { activation: rest.activation, leakyreluAlpha: 0.3 };
        await expectAsOnCpu(fused, { ...inputs, ...bias }, { ...attrs, ...activation });
      }),
      { seed: 7, numRuns: 80 },
    ));

  test('the gradient of its function is that of plain JavaScript', async () => {
    const [first, second] = [noise([1, 5, 5, 3], 1), noise([3, 3, 3, 2], 2)];
    const gradientsOn = async (backend: string): Promise<Plain[]> => {
      await tf.setBackend(backend);
      const before = held();
      const gradients = tf.tidy(() => {
        const x = tf.tensor4d([...first.values], [1, 5, 5, 3]);
        const filter = tf.tensor4d([...second.values], [3, 3, 3, 2]);
        const bias = tf.fill<tf.Rank.R1>([isDepthwise ? 6 : 2], 0.1);
        const convolve = isDepthwise ? tf.fused.depthwiseConv2d : tf.fused.conv2d;
        const loss = (image: tf.Tensor4D, weight: tf.Tensor4D, shift: tf.Tensor1D): tf.Scalar =>
          tf.sum(convolve({ x: image, filter: weight, bias: shift, strides: 1, pad: 'same', activation: 'relu' }));
        return tf
          .grads(loss as never)([x, filter, bias])
          .map(gradient => ({ shape: gradient.shape, values: Array.from(gradient.dataSync()) }));
      });
      expect(held()).toEqual(before);
      return gradients;
    };
    const [native, cpu] = [await gradientsOn('tensorflow'), await gradientsOn('cpu')];
    expect(native).toHaveLength(3);
    native.forEach((gradient, i) => expectClose(gradient, cpu[i]));
  });
});

const row = (seed: number): Plain => noise([3], seed);
const positive = ({ shape, values }: Plain): Plain => ({ shape, values: values.map(value => Math.abs(value) + 0.1) });
const statistics = { mean: row(2), variance: positive(row(3)) };

test.each([
  ['scale and offset', { scale: row(4), offset: row(5) }],
  ['scale', { scale: row(4) }],
  ['offset', { offset: row(5) }],
  ['neither', {}],
])('FusedBatchNorm with %s: like cpu', (_, affine) =>
  expectAsOnCpu('FusedBatchNorm', { x: noise([2, 4, 3, 3], 1), ...statistics, ...affine }, { varianceEpsilon: 1e-2 }),
);

test.each([
  [0, 6],
  [-1, 6],
  [0, 1],
])('ClipByValue from %d to %d: like cpu', (clipValueMin, clipValueMax) =>
  expectAsOnCpu('ClipByValue', { x: { shape: [5], values: [-7, 0, 0.5, 6, 9] } }, { clipValueMin, clipValueMax }),
);

test('what is not a number stays so in a clip', async () => {
  const { values } = await runOn(
    'tensorflow',
    'ClipByValue',
    { x: { shape: [3], values: [NaN, Infinity, -Infinity] } },
    { clipValueMin: 0, clipValueMax: 6 },
  );
  expect(values).toEqual([NaN, 6, 0]);
});

test.each(['first', 'last'] as const)('a reshape to the same shape lives on when the %s goes before', async which => {
  await tf.setBackend('tensorflow');
  const [before, held0] = [handles(), held()];
  const original = tf.tensor2d([1, 2, 3, 4], [2, 2]);
  const doubled = tf.mul(original, 2); // has a handle of TensorFlow
  const same = tf.reshape(doubled, [2, -1]);
  const [gone, left] = which === 'first' ? [doubled, same] : [same, doubled];
  gone.dispose();
  expect([left.shape, [...(await left.data())]]).toEqual([
    [2, 2],
    [2, 4, 6, 8],
  ]);
  tf.dispose([original, left]);
  expect([handles(), held()]).toEqual([before, held0]);
});

function bound(values: Readonly<Record<string, unknown>>, self: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, typeof value === 'function' ? value.bind(self) : value]),
  );
}

/** The operations that TensorFlow is asked for. */
async function operationsOf(work: () => tf.Tensor): Promise<string[]> {
  await tf.setBackend('tensorflow');
  const backend = tf.backend() as unknown as { binding: { executeOp(...all: unknown[]): unknown } };
  const { binding } = backend;
  const names: string[] = [];
  // Its properties can be neither replaced nor changed by a proxy.
  const copy = Object.fromEntries(Object.getOwnPropertyNames(binding).map(key => [key, Reflect.get(binding, key)]));
  const { executeOp } = binding;
  const counted = (name: string, ...rest: unknown[]): unknown => {
    names.push(name);
    return executeOp.call(binding, name, ...rest);
  };
  backend.binding = { ...bound(copy, binding), executeOp: counted };
  try {
    work().dispose();
  } finally {
    backend.binding = binding;
  }
  return names;
}

test('a layer is as many operations as TensorFlow has for it', async () => {
  await tf.setBackend('tensorflow');
  const x = tf.ones<tf.Rank.R4>([1, 4, 4, 3]);
  const [filter, bias] = [tf.ones<tf.Rank.R4>([1, 1, 3, 3]), tf.ones<tf.Rank.R1>([3])];
  const options = { x, filter, bias, strides: 1, pad: 'same', activation: 'relu6' } as const;
  expect(await operationsOf(() => tf.fused.conv2d(options))).toEqual(['Conv2D', 'BiasAdd', 'Relu6']);
  expect(await operationsOf(() => tf.batchNorm(x, bias, bias, bias, bias))).toEqual(['FusedBatchNorm']);
  expect(await operationsOf(() => tf.clipByValue(x, 0, 6))).toEqual(['Relu6']);
  tf.dispose([x, filter, bias]);
});
