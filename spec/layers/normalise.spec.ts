import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-layers'; // registers the gradients of what is composed
import * as fc from 'fast-check';
import { normaliseBatch } from '../../lib/layers/normalise';
import { expectClose, held, noise, startBackends, type Plain } from '../kernels/compare';

beforeAll(startBackends);

const EPSILON = 1e-3;

/** Output, mean, variance, and the gradients of a weighted sum of the output by x, gamma and beta. */
type Results = Readonly<Record<'output' | 'mean' | 'variance' | 'dx' | 'dgamma' | 'dbeta', Plain>>;

type Forward = (
  x: tf.Tensor,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
) => Record<'output' | 'mean' | 'variance', tf.Tensor>;

/** What tf.js composes: moments, then the quotient. */
const composed: Forward = (x, gamma, beta) => {
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const { mean, variance } = tf.moments(x, axes);
  const quotient = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, EPSILON)));
  return { output: tf.add(tf.mul(quotient, gamma), beta), mean, variance };
};
const ours: Forward = (x, gamma, beta) => {
  const { output, mean, variance } = normaliseBatch(x, gamma, beta, EPSILON);
  const copies = { output, mean: tf.clone(mean), variance: tf.clone(variance) };
  tf.dispose([mean, variance]); // ours to dispose; the copies go with the tidy around
  return copies;
};

function results(forward: Forward, shape: readonly number[], offset = 0): Results {
  const before = held();
  const plain = (tensor: tf.Tensor): Plain => ({ shape: tensor.shape, values: Array.from(tensor.dataSync()) });
  let out: Results | undefined;
  tf.tidy(() => {
    const [x, weights] = [1, 2].map(seed => tf.tensor([...noise(shape, seed).values], [...shape]));
    const [gamma, beta] = [3, 4].map(seed => tf.tensor1d([...noise(shape.slice(-1), seed).values]));
    const moved = tf.add(x, offset);
    const [dx, dgamma, dbeta] = tf.grads((a, b, c) =>
      tf.sum(tf.mul(forward(a, b as tf.Tensor1D, c as tf.Tensor1D).output, weights)),
    )([moved, gamma, beta]);
    const all = { ...forward(moved, gamma, beta), dx, dgamma, dbeta };
    out = Object.fromEntries(Object.entries(all).map(([name, tensor]) => [name, plain(tensor)])) as never;
  });
  expect(held()).toEqual(before);
  return out!;
}

async function expectLikeComposed(backend: string, shape: readonly number[], tolerance = 2e-5): Promise<void> {
  await tf.setBackend('cpu');
  const expected = results(composed, shape);
  await tf.setBackend(backend);
  const actual = results(ours, shape);
  for (const name of Object.keys(expected) as (keyof Results)[]) expectClose(actual[name], expected[name], tolerance);
}

describe.each(['wasm', 'cpu'])('on %s', backend => {
  it.each([
    ['images', [4, 5, 6, 7]],
    ['rows', [9, 5]],
    ['sequences', [3, 7, 4]],
    ['volumes', [2, 3, 4, 3, 5]],
    ['one channel', [5, 3, 2, 1]],
    ['a prime number of rows', [31, 8]],
  ] as const)('%s: values and gradients of what tf.js composes', (_, shape) => expectLikeComposed(backend, shape));

  it('any shape', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 2, maxLength: 5 }).filter(([batch]) => batch > 1),
        shape => expectLikeComposed(backend, shape, 5e-5),
      ),
      { seed: 11, numRuns: 60 },
    ));
});

it('loses little where the mean is far from zero', async () => {
  await tf.setBackend('wasm');
  const [near, far] = [0, 64].map(offset => results(ours, [4, 8, 8, 3], offset));
  for (const name of ['output', 'variance', 'dx', 'dgamma'] as const) expectClose(far[name], near[name], 1e-4);
});
