import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import type { Plain } from './compare';
import { expectClose, expectLikeCpu, noise, runOn, startBackends } from './compare';

beforeAll(startBackends);

const transposes = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

describe('BatchMatMul', () => {
  describe.each(transposes)('transposeA %s, transposeB %s', (transposeA, transposeB) => {
    it.each([
      ['small', [], [], [3, 4, 5]],
      ['large', [], [], [33, 40, 50]],
      ['one row', [], [], [1, 60, 70]],
      ['one column', [], [], [70, 60, 1]],
      ['small batch', [3], [3], [3, 4, 5]],
      ['large batch', [2, 3], [2, 3], [30, 20, 31]],
      ['shared right side', [3], [1], [20, 30, 40]],
      ['shared left side', [1], [3], [20, 30, 40]],
      ['batch of one', [1], [1], [20, 30, 40]],
    ])('%s: like cpu', (_, outerA, outerB, [m, k, n]) => {
      const a = noise([...outerA, ...(transposeA ? [k, m] : [m, k])], 1);
      const b = noise([...outerB, ...(transposeB ? [n, k] : [k, n])], 2);
      return expectLikeCpu(tf.BatchMatMul, { a, b }, { transposeA, transposeB });
    });
  });

  // The cpu kernel does not broadcast batches that differ in more than being one or not, so it is given them broadcast.
  it.each([
    ['crosswise', [2, 1], [1, 3], [2, 3]],
    ['of another rank', [3], [2, 1], [2, 3]],
    ['within each other', [2, 3], [3], [2, 3]],
  ])('broadcasts batches %s', async (_, outerA, outerB, outer) => {
    await tf.setBackend('wasm');
    const [a, b] = [noise([...outerA, 16, 20], 1), noise([...outerB, 20, 60], 2)];
    const spread = (x: Plain, shape: number[]): Plain => {
      const out = tf.broadcastTo(tf.tensor([...x.values], [...x.shape]), shape);
      return { shape, values: Array.from(out.dataSync()) };
    };
    const whole = { a: spread(a, [...outer, 16, 20]), b: spread(b, [...outer, 20, 60]) };
    const attrs = { transposeA: false, transposeB: false };
    expectClose(await runOn('wasm', tf.BatchMatMul, { a, b }, attrs), await runOn('cpu', tf.BatchMatMul, whole, attrs));
  });

  const plain = (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor => tf.matMul(a, b);
  const fused = (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor => tf.fused.matMul({ a, b, activation: 'relu' });
  it.each([
    ['', plain, plain],
    [', fused', fused, fused],
    [', fused after plain', plain, fused],
    [', plain after fused', fused, plain],
  ])('sees a reshaped right side in its new shape, which the stock kernel does not%s', async (_, before, after) => {
    await tf.setBackend('wasm');
    const values = [1, 2, 3, 4, 5, 6, 7, 8];
    const tall = tf.tensor2d(values, [4, 2]);
    const first = before(tf.ones([1, 4]), tall);
    const second = after(tf.tensor2d([[1, 0]]), tf.reshape(tf.clone(tall), [2, 4]));
    expectClose({ shape: first.shape, values: Array.from(first.dataSync()) }, { shape: [1, 2], values: [16, 20] });
    expectClose(
      { shape: second.shape, values: Array.from(second.dataSync()) },
      { shape: [1, 4], values: [1, 2, 3, 4] },
    );
  });
});
