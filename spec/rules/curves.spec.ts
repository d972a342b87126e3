import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { exactly, type Constant, type ConstantCall } from '../../lib/rules/arithmetic';
import { bent, curveOf, isBent } from '../../lib/rules/curves';
import { ruleOf } from '../../lib/rules';
import { CPU_KERNELS } from '../backend';

beforeAll(() => tf.setBackend(CPU_KERNELS));

const GRID = Float32Array.from({ length: 401 }, (_, i) => (i - 200) / 20);
const NAMES = 'linear relu relu6 elu selu sigmoid hardSigmoid softplus softsign tanh swish mish gelu gelu_new'.split(
  ' ',
);

/** What tf.js makes of the grid. */
function computed(layer: layers.layers.Layer): Float32Array {
  return tf.tidy(() =>
    (layer.apply(tf.tensor(GRID, [1, GRID.length])) as tf.Tensor).dataSync().slice(),
  ) as Float32Array;
}

test.each(NAMES)('%s is what tf.js computes', name => {
  const wanted = computed(layers.layers.activation({ activation: name as 'relu' }));
  const { at } = curveOf(name)!;
  GRID.forEach((x, i) => expect(at(x)).toBeCloseTo(wanted[i], 5));
});

test('all activations of tf.js but the mixing ones are there, and nothing else', () => {
  const registered = Object.entries(tf.serialization.SerializationMap.getMap().classNameMap)
    .filter(([, [type]]) => 'apply' in type.prototype && Object.getPrototypeOf(type).name === 'Activation')
    .map(([name]) => name);
  expect(registered.sort()).toEqual([...NAMES, 'logSoftmax', 'softmax'].sort());
  for (const name of ['softmax', 'logSoftmax', 'toString', '']) expect(curveOf(name)).toBeUndefined();
  expect(curveOf('geluNew')).toEqual(curveOf('gelu_new'));
});

test('only linear does not bend', () => {
  expect([{}, { activation: 'linear' }, { activation: null }].map(isBent)).toEqual([false, false, false]);
  expect([{ activation: 'relu' }, { activation: 'softmax' }].map(isBent)).toEqual([true, true]);
});

test.each(NAMES)('bounds of %s hold for all numbers between, and are reached', name => {
  const curve = curveOf(name)!;
  for (const [low, high] of [
    [-3, 2],
    [-4, -0.5],
    [-1, -0.9],
    [0.5, 7],
  ]) {
    const interval = { value: Float64Array.of(low), low: Float64Array.of(low), high: Float64Array.of(high) };
    const [least, most] = [bent(interval, () => curve).low[0], bent(interval, () => curve).high[0]];
    const values = Array.from({ length: 2001 }, (_, i) => curve.at(low + ((high - low) * i) / 2000));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(least - 1e-12);
    expect(Math.max(...values)).toBeLessThanOrEqual(most + 1e-12);
    expect(least).toBeCloseTo(Math.min(...values), 5);
    expect(most).toBeCloseTo(Math.max(...values), 5);
  }
});

test('what is not known stays so, what is bounded by nothing too, and what is exact is exact', () => {
  const curve = curveOf('swish')!;
  const mixed: Constant = {
    value: Float64Array.of(NaN, 1, 2),
    low: Float64Array.of(NaN, -Infinity, 2),
    high: Float64Array.of(NaN, Infinity, 2),
  };
  const { value, low, high } = bent(mixed, () => curve);
  expect(Array.from(value)).toEqual([NaN, curve.at(1), curve.at(2)]);
  expect(Array.from(low)).toEqual([NaN, -Infinity, curve.at(2)]);
  expect(Array.from(high)).toEqual([NaN, Infinity, curve.at(2)]);
});

/** What the rule of `className` makes of the grid as constants. */
function constantOf(className: string, config: object, weights: ConstantCall['weights'] = []): Constant | undefined {
  const flow = { shape: [null, GRID.length], axis: 1, width: new Int32Array(GRID.length) };
  const inputs = [{ ...flow, constant: exactly(Float64Array.from(GRID)) }];
  const call: ConstantCall = { config: config as never, weights, inputs, output: flow, dead: 0 };
  return ruleOf(className)!.arithmetic!.constant!(call);
}

test.each([
  ['ReLU', {}, layers.layers.reLU({})],
  ['ReLU', { maxValue: 3.5 }, layers.layers.reLU({ maxValue: 3.5 })],
  ['LeakyReLU', {}, layers.layers.leakyReLU({})],
  ['LeakyReLU', { alpha: 0.1 }, layers.layers.leakyReLU({ alpha: 0.1 })],
  ['ELU', { alpha: 1 }, layers.layers.elu({})],
  ['ThresholdedReLU', { theta: 0.7 }, layers.layers.thresholdedReLU({ theta: 0.7 })],
  ['Activation', { activation: 'mish' }, layers.layers.activation({ activation: 'mish' })],
] as const)('%s with %j is what tf.js computes', (className, config, layer) => {
  const { value } = constantOf(className, config)!;
  computed(layer).forEach((y, i) => expect(value[i]).toBeCloseTo(y, 5));
});

test('PReLU has a slope per unit; where slopes of a unit differ by place, only what is not below zero is known', () => {
  const alpha = (shape: number[], values: number[]) => [
    { shape, dtype: 'float32' as const, data: Float32Array.from(values) },
  ];
  const call = (weights: ConstantCall['weights'], ...constant: number[]): ConstantCall => {
    const flow = { shape: [null, 2, constant.length], axis: 2, width: new Int32Array(constant.length) };
    return {
      config: {},
      weights,
      inputs: [{ ...flow, constant: exactly(Float64Array.from(constant)) }],
      output: flow,
      dead: 0,
    };
  };
  const { constant } = ruleOf('PReLU')!.arithmetic!;
  const at = (...args: Parameters<typeof call>) => Array.from(constant!(call(...args))!.value);
  expect(at(alpha([1, 3], [0.5, 0.25, 2]), -2, -2, 3)).toEqual([-1, -0.5, 3]);
  expect(at(alpha([2, 2], [0.5, 1, 0.5, 2]), -2, -2)).toEqual([-1, NaN]);
  expect(at(alpha([2, 2], [0.5, 1, 0.5, 2]), -2, 4)).toEqual([-1, 4]);
  expect(at(alpha([1, 1], [0.5]), -2, -4)).toEqual([-1, -2]);
});

test('what mixes or jumps down is not followed', () => {
  expect(constantOf('Activation', { activation: 'softmax' })).toBeUndefined();
  expect(constantOf('ThresholdedReLU', { theta: -1 })).toBeUndefined();
});
