/** Masks between 0 and 1, against drawing them often. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { random } from '../../lib/core/random';
import { MOST, open, sampled } from '../../lib/runtime/hardConcrete';
import { CPU_KERNELS } from '../backend';

beforeAll(async () => {
  await tf.setBackend(CPU_KERNELS);
});

test.each([-4.6, -2, -0.5, 0, 1, 3])('location %p: as often open as the closed form says', location => {
  const draws = random(1, 'masks');
  const count = 100_000;
  tf.tidy(() => {
    const uniform = tf.tensor1d(Float32Array.from({ length: count }, () => Math.min(1 - 1e-6, Math.max(1e-6, draws.uniform())))); // prettier-ignore
    const masks = sampled(tf.fill([count], location), uniform).dataSync<'float32'>();
    const likely = open(tf.scalar(location)).dataSync()[0];
    const share = masks.reduce((sum, mask) => sum + (mask > 0 ? 1 : 0), 0) / count;
    expect(Math.abs(share - likely)).toBeLessThan(5 * Math.sqrt((likely * (1 - likely)) / count) + 1e-6);
    expect(masks.every(mask => mask >= 0 && mask <= 1)).toBe(true);
  });
});

test('the number for location 0 is that of the paper, and the ends are nearly certain', () => {
  const [middle, low, high] = open(tf.tensor1d([0, -MOST, MOST])).dataSync();
  expect(middle).toBeCloseTo(0.8318, 3);
  expect(low).toBeLessThan(0.06);
  expect(high).toBeGreaterThan(0.99);
});
