/** Small residual nets that have learnt something, and what they learnt it from. */
import type * as tf from '@tensorflow/tfjs-layers';
import { train, type Data } from 'tfjs-prune';
import { ndarray } from '../../lib/core/array';
import { random } from '../../lib/core/random';
import { preNorm, TIME, WIDTH } from './streams';
import { randomize } from './weights';

/** Random numbers; the class is which of the first three channels is above zero the most, summed over time. */
export function sequences(count: number, seed: number): Data['train'] {
  const { normal } = random(seed, 'sequences');
  const inputs = Float32Array.from({ length: count * TIME * WIDTH }, normal);
  const targets = Int32Array.from({ length: count }, (_, row) => {
    const above = [0, 0, 0].map((none, channel) =>
      Array.from({ length: TIME }, (_, time) => inputs[(row * TIME + time) * WIDTH + channel]).reduce(
        (sum, x) => sum + Math.max(0, x),
        none,
      ),
    );
    return above.indexOf(Math.max(...above));
  });
  return { inputs: ndarray(inputs, [count, TIME, WIDTH]), targets: ndarray(targets, [count]) };
}

export const data: Data = { train: sequences(240, 1), validation: sequences(100, 2), test: sequences(100, 3) };

/** A transformer of `blocks` blocks, trained on {@link data}; the caller disposes it. */
export async function taughtNet(blocks = 4, epochs = 10): Promise<tf.LayersModel> {
  const fresh = randomize(preNorm(blocks), 3);
  try {
    return await train(fresh, { data, epochs, learningRate: 0.02, batchSize: 24 });
  } finally {
    fresh.dispose();
  }
}
