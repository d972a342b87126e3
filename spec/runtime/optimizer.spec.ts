import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { createOptimizer, type RatedOptimizer } from '../../lib/runtime/optimizer';
import { onWasm, withoutLeak } from './help';

onWasm();

const rates = [0.1, 0.05, 0.2, 0.01];

/** Weights after a few steps down a bowl whose axes are of different steepness. */
async function walked(optimizer: Pick<RatedOptimizer, 'minimize' | 'dispose'>): Promise<number[]> {
  const start = Array.from({ length: 30 }, (_, i) => Math.sin(i));
  const [a, b, unseen] = tf.tidy(() =>
    [tf.tensor2d(start, [5, 6]), tf.scalar(2), tf.scalar(1)].map(t => tf.variable(t)),
  );
  const steep = tf.tensor2d(start.map(Math.exp), [5, 6]);
  const cost = (): tf.Scalar => tf.add(tf.sum(tf.mul(steep, tf.square(a))), tf.square(b));
  for (const rate of rates) optimizer.minimize(cost, [a, b, unseen], rate);
  const values = await Promise.all([a, b, unseen].map(async variable => [...(await variable.data())]));
  tf.dispose([a, b, unseen, steep]);
  optimizer.dispose();
  expect(values[2]).toEqual([1]);
  return values.flat();
}

test.each(['momentum', 'adam'] as const)('%s walks as that of tf.js does, and leaves nothing behind', async name => {
  const ours = await withoutLeak(() => walked(createOptimizer(name)));
  const stock = name === 'adam' ? tf.train.adam(1) : tf.train.momentum(1, 0.9);
  const minimize: RatedOptimizer['minimize'] = (cost, variables, rate) => {
    Object.assign(stock, { learningRate: rate });
    if ('setLearningRate' in stock) stock.setLearningRate(rate);
    stock.minimize(cost, false, variables);
  };
  const theirs = await walked({ minimize, dispose: () => stock.dispose() });
  const scale = Math.max(...theirs.map(Math.abs));
  ours.forEach((value, i) => expect(Math.abs(value - theirs[i])).toBeLessThan(5e-6 * scale));
});

test.each(['momentum', 'adam'] as const)('%s: other backends take the one of tf.js', async name => {
  const onWasm = await walked(createOptimizer(name));
  await tf.setBackend('cpu');
  const onCpu = await walked(createOptimizer(name));
  await tf.setBackend('wasm');
  const scale = Math.max(...onCpu.map(Math.abs));
  onWasm.forEach((value, i) => expect(Math.abs(value - onCpu[i])).toBeLessThan(5e-6 * scale));
});
