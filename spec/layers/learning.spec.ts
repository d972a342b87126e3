/** Transformers of these layers learn, on every backend that the specs have. */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { train } from 'tfjs-prune';
import { ndarray } from '../../lib/core/array';
import { capture } from '../../lib/runtime/capture';
import { CPU_KERNELS, WASM_KERNELS } from '../backend';
import { withoutLeak } from '../runtime/help';
import { ownTransformer, visionTransformer, VOCABULARY } from '../zoo/ownTransformer';
import { randomize } from '../zoo/weights';

/** Texts in which the second token back tells the next: a model that hears only the last cannot know it. */
function texts(count: number): number[][] {
  return Array.from({ length: count }, (_, row) => {
    const text = [row % VOCABULARY, (row * 3 + Math.floor(row / VOCABULARY)) % VOCABULARY];
    while (text.length < 6) text.push((text[text.length - 2] + 1) % VOCABULARY);
    return text;
  });
}

describe.each([...new Set([WASM_KERNELS, CPU_KERNELS])])('%s', backend => {
  beforeAll(() => tf.setBackend(backend));

  test('a causal language model learns to look back', async () => {
    const net = randomize(ownTransformer({ blocks: 1, heads: 4, kvHeads: 2, dimensions: 12, neurons: 12 }));
    const rows = texts(22);
    const inputs = ndarray(Int32Array.from(rows.flatMap(row => row.slice(0, 5))), [rows.length, 5]);
    const labels = ndarray(Int32Array.from(rows.flatMap(row => row.slice(1))), [rows.length, 5]);
    const data = { train: { inputs: [inputs], targets: [labels] }, loss: 'sparseCategoricalCrossentropy' } as const;
    const before = await capture(net);
    await withoutLeak(async () => {
      const options = { epochs: 60, batchSize: 22, seed: 1, optimizer: 'adam', learningRate: 0.03 } as const;
      const after = await train(net, { data, ...options });
      const right = tf.tidy(() => {
        const logits = after.predict(tf.tensor(inputs.data, [rows.length, 5], 'int32')) as tf.Tensor;
        const answers = Array.from(tf.argMax(logits, -1).dataSync());
        // The first place cannot know what comes.
        const known = answers.map((answer, i) => [answer, labels.data[i]]).filter((_, i) => i % 5 >= 1);
        return known.filter(([answer, label]) => answer === label).length / known.length;
      });
      expect(right).toBeGreaterThan(0.9);
      after.dispose();
    });
    expect(await capture(net)).toEqual(before);
    net.dispose();
  }, 120_000); // the cpu backend takes a third of a second per step

  test('a vision transformer learns where the light is', async () => {
    const net = randomize(visionTransformer());
    const count = 24;
    const pixels = Float32Array.from({ length: count * 72 }, (_, i) => {
      const [image, row] = [Math.floor(i / 72), Math.floor((i % 72) / 12)];
      return Math.floor(row / 2) === image % 3 ? 1 + 0.1 * Math.sin(i) : 0.1 * Math.cos(i);
    });
    const inputs = ndarray(pixels, [count, 6, 6, 2]);
    const labels = ndarray(Int32Array.from({ length: count }, (_, image) => image % 3), [count]); // prettier-ignore
    const data = { train: { inputs: [inputs], targets: [labels] }, loss: 'sparseCategoricalCrossentropy' } as const;
    const options = { epochs: 15, batchSize: 8, seed: 1, optimizer: 'adam', learningRate: 0.02 } as const;
    const after = await train(net, { data, ...options });
    const answers = tf.tidy(() => tf.argMax(after.predict(tf.tensor(pixels, [count, 6, 6, 2])) as tf.Tensor, -1).dataSync()); // prettier-ignore
    expect(answers.filter((answer, image) => answer === image % 3).length).toBe(count);
    after.dispose();
    net.dispose();
  });
});
