import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as layers from '@tensorflow/tfjs-layers';
import { held, noise, startBackends } from './compare';

beforeAll(startBackends);

/** Every layer family whose gradients are ours. */
function smallNet(): layers.LayersModel {
  const init = (seed: number): ReturnType<typeof layers.initializers.glorotUniform> =>
    layers.initializers.glorotUniform({ seed });
  const image = layers.input({ shape: [9, 9, 3] });
  const word = layers.input({ shape: [4] });
  let x: layers.SymbolicTensor;
  const same = { padding: 'same', activation: 'relu' } as const;
  x = layers.layers
    .conv2d({ filters: 8, kernelSize: 3, strides: 2, kernelInitializer: init(1), ...same })
    .apply(image) as layers.SymbolicTensor;
  x = layers.layers
    .depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, depthwiseInitializer: init(2), ...same })
    .apply(x) as layers.SymbolicTensor;
  x = layers.layers
    .separableConv2d({
      filters: 8,
      kernelSize: 3,
      depthwiseInitializer: init(3),
      pointwiseInitializer: init(4),
      ...same,
    })
    .apply(x) as layers.SymbolicTensor;
  x = layers.layers
    .conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, kernelInitializer: init(5), ...same })
    .apply(x) as layers.SymbolicTensor;
  x = layers.layers.flatten().apply(x) as layers.SymbolicTensor;
  let words = layers.layers
    .embedding({ inputDim: 20, outputDim: 6, embeddingsInitializer: init(6) })
    .apply(word) as layers.SymbolicTensor;
  words = layers.layers.flatten().apply(words) as layers.SymbolicTensor;
  x = layers.layers.concatenate().apply([x, words]) as layers.SymbolicTensor;
  const out = layers.layers
    .dense({ units: 3, activation: 'softmax', kernelInitializer: init(7) })
    .apply(x) as layers.SymbolicTensor;
  return layers.model({ inputs: [image, word], outputs: out });
}

describe('training on wasm', () => {
  it('fits a net of every convolution family and an embedding, and leaks nothing', async () => {
    await tf.setBackend('wasm');
    const model = smallNet();
    model.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy' });
    const before = model.getWeights().map(weight => Array.from(weight.dataSync()));
    const images = tf.tensor4d([...noise([16, 9, 9, 3], 1).values], [16, 9, 9, 3]);
    const words = tf.tensor2d(
      Array.from({ length: 64 }, (_, i) => (i * 7) % 20),
      [16, 4],
    );
    const labels = tf.oneHot(
      tf.tensor1d(
        Array.from({ length: 16 }, (_, i) => i % 3),
        'int32',
      ),
      3,
    );
    const step = (): Promise<unknown> => model.trainOnBatch([images, words], labels);
    const first = (await step()) as number;
    const held1 = held();
    for (let i = 0; i < 30; i++) await step();
    expect(held()).toEqual(held1);
    expect((await step()) as number).toBeLessThan(first / 4);
    const moved = model
      .getWeights()
      .map((weight, i) => Array.from(weight.dataSync()).some((value, j) => value !== before[i][j]));
    expect(moved.every(Boolean)).toBe(true);
  });
});
