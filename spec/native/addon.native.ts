/** What the other specs take for granted when they run on TensorFlow: that they do, and that it computes what tf.js does. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { backendName, useBackend } from '../../lib/runtime/backend';

test('it is there, is preferred to all else, and is asked to leave GPU memory to others', async () => {
  for (const name of ['node', 'auto'] as const) {
    const { description } = await useBackend(name);
    expect(description).toMatch(/^TensorFlow for Node\.js \((CPU|GPU)\)$/);
    expect([tf.getBackend(), backendName()]).toEqual(['tensorflow', description]);
  }
});

const { conv2d, depthwiseConv2d, batchNormalization, globalAveragePooling2d, dense, reLU } = layers.layers;

function net(): layers.Sequential {
  return layers.sequential({
    layers: [
      conv2d({ filters: 4, kernelSize: 3, padding: 'same', inputShape: [7, 6, 2], kernelInitializer: seeded(1) }),
      batchNormalization(),
      reLU(),
      depthwiseConv2d({ kernelSize: 3, strides: 2, depthwiseInitializer: seeded(2) }),
      globalAveragePooling2d({ dataFormat: 'channelsLast' }),
      dense({ units: 3, kernelInitializer: seeded(3) }),
    ],
  });
}
const seeded = (seed: number) => layers.initializers.glorotUniform({ seed });

/** Loss and gradients of one step. */
function stepOn(backend: string): Promise<number[][]> {
  return tf.setBackend(backend).then(() => {
    const model = net();
    const values = tf.tidy(() => {
      const x = tf.randomNormal([5, 7, 6, 2], 0, 1, 'float32', 4);
      const loss = (): tf.Scalar => tf.mean(tf.square(model.apply(x, { training: true }) as tf.Tensor));
      const { value, grads } = tf.variableGrads(
        loss,
        model.trainableWeights.map(weight => weight.read() as tf.Variable),
      );
      const names = model.trainableWeights.map(weight => (weight.read() as tf.Variable).name);
      return [value, ...names.map(name => grads[name])].map(tensor => Array.from(tensor.dataSync()));
    });
    model.dispose();
    return values;
  });
}

test('a training step has the gradients of plain JavaScript, and leaves nothing behind', async () => {
  await tf.setBackend('tensorflow');
  const before = tf.memory().numTensors;
  const [native, plain] = [await stepOn('tensorflow'), await stepOn('cpu')];
  expect(tf.memory().numTensors).toBe(before);
  expect(native.map(({ length }) => length)).toEqual(plain.map(({ length }) => length));
  for (const [i, values] of plain.entries()) {
    const scale = Math.max(...plain.flat().map(Math.abs));
    for (const [j, value] of values.entries()) expect(Math.abs(native[i][j] - value)).toBeLessThan(1e-5 * scale);
  }
});
