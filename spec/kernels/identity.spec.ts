import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-layers'; // brings the gradients
import { createOptimizer } from '../../lib/runtime/optimizer';
import { expectLikeCpu, held, noise, startBackends } from './compare';

beforeAll(startBackends);
beforeEach(() => tf.setBackend('wasm'));

describe('Identity and Cast', () => {
  it.each([
    ['an image', noise([2, 3, 4, 5], 1)],
    ['a scalar', noise([], 1)],
    ['nothing', noise([0, 3], 1)],
    ['integers', { shape: [2], values: [16777217, -3], dtype: 'int32' as const }],
  ])('%s: like cpu', (_, x) => expectLikeCpu(tf.Identity, { x }, {}));

  it.each([
    ['float32', 'float32'],
    ['int32', 'int32'],
    ['float32', 'int32'],
    ['int32', 'float32'],
  ] as const)('Cast from %s to %s: like cpu', (from, dtype) =>
    expectLikeCpu(tf.Cast, { x: { shape: [4], values: [3, -2, 0, 7], dtype: from } }, { dtype }),
  );

  it('a cast to the same type takes no memory', () => {
    const original = tf.tensor1d([1, 2, 3]);
    const once = held();
    const cast = tf.cast(original, 'float32');
    expect(held()).toEqual({ ...once, tensors: once.tensors + 1 });
    tf.dispose([original, cast]);
  });

  it('strings are copied as before', async () => {
    const text = tf.tensor(['a', 'b']);
    const clone = tf.clone(text);
    text.dispose();
    expect(await clone.data()).toEqual(['a', 'b']);
    clone.dispose();
  });

  it.each(['first', 'last'] as const)('a clone takes no memory, and lives on when the %s goes before', async which => {
    const before = held();
    const original = tf.tensor1d([1, 2, 3]);
    const once = held();
    const clone = tf.clone(original);
    expect(held()).toEqual({ ...once, tensors: once.tensors + 1 });
    const [gone, left] = which === 'first' ? [original, clone] : [clone, original];
    gone.dispose();
    const other = tf.tensor1d([7, 8, 9]); // would take the memory, were it free
    expect([...(await left.data())]).toEqual([1, 2, 3]);
    tf.dispose([left, other]);
    expect(held()).toEqual(before);
  });

  it.each(['momentum', 'adam'] as const)(
    'a clone of a weight keeps its values when %s moves the weight',
    async name => {
      const weight = tf.variable(tf.tensor1d([1, 2, 3]));
      const optimizer = createOptimizer(name);
      const clone = tf.clone(weight);
      for (let step = 0; step < 3; step++) optimizer.minimize(() => tf.sum(tf.square(weight)), [weight], 0.1);
      expect([...(await clone.data())]).toEqual([1, 2, 3]);
      expect((await weight.data())[0]).toBeLessThan(1);
      optimizer.dispose();
      tf.dispose([weight, clone]);
    },
  );
});
