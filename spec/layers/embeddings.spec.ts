/** Tokens to vectors and back, places, and the token in front. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { classToken, firstToken, positionEmbedding, tiedEmbedding } from 'tfjs-prune';
import { installTrainingKernels } from '../../lib/kernels';
import { onWasm, withoutLeak } from '../runtime/help';

onWasm();
beforeAll(() => installTrainingKernels());

type Flow = layers.SymbolicTensor;

function predicted(net: layers.LayersModel, input: tf.Tensor): number[][][] {
  return tf.tidy(() => (net.predict(input) as tf.Tensor3D).arraySync());
}

/** Tokens to logits by one table, with `between` on the vectors. */
function tied(between: layers.layers.Layer, dtype: tf.DataType = 'int32'): layers.LayersModel {
  const tokens = layers.input({ shape: [3], dtype });
  const embedding = tiedEmbedding({ name: 'embed', inputDim: 5, outputDim: 2 });
  const vectors = between.apply(embedding.apply(tokens)) as Flow;
  return layers.model({ inputs: tokens, outputs: embedding.apply(vectors) as Flow });
}

describe('tiedEmbedding', () => {
  const table = [[1, 2], [-1, 0.5], [0, 3], [2, 2], [0.5, -4]]; // prettier-ignore

  test.each(['int32', 'float32'] as const)('looks up and multiplies by the same table (%s tokens)', dtype => {
    const net = tied(layers.layers.activation({ activation: 'linear' }), dtype);
    expect(net.getWeights().length).toBe(1);
    tf.tidy(() => net.setWeights([tf.tensor2d(table)]));
    const tokens = [[0, 4, 1], [2, 2, 3]]; // prettier-ignore
    const wanted = tokens.map(row => row.map(token => table.map(each => each[0] * table[token][0] + each[1] * table[token][1]))); // prettier-ignore
    expect(predicted(net, tf.tensor2d(tokens, undefined, dtype))).toEqual(wanted);
    net.dispose();
  });

  test('adds its bias to the logits alone, and is told so', () => {
    const tokens = layers.input({ shape: [2], dtype: 'int32' });
    const embedding = tiedEmbedding({ inputDim: 5, outputDim: 2, useBias: true });
    const vectors = embedding.apply(tokens) as Flow;
    const net = layers.model({ inputs: tokens, outputs: [vectors, embedding.apply(vectors) as Flow] });
    const bias = [0, 1, -2, 3, 0.5];
    tf.tidy(() => net.setWeights([tf.tensor2d(table), tf.tensor1d(bias)]));
    const [looked, logits] = tf.tidy(() =>
      (net.predict(tf.tensor2d([[3, 1]], undefined, 'int32')) as tf.Tensor3D[]).map(each => each.arraySync()),
    );
    expect(looked).toEqual([[table[3], table[1]]]);
    const wanted = [3, 1].map(token => table.map((each, i) => each[0] * table[token][0] + each[1] * table[token][1] + bias[i])); // prettier-ignore
    expect(logits).toEqual([wanted]);
    expect(embedding.getConfig()).toMatchObject({ useBias: true });
    expect(tiedEmbedding({ inputDim: 5, outputDim: 2 }).getConfig()).not.toHaveProperty('useBias');
    net.dispose();
  });

  test('learns from both of its calls', () => {
    const net = tied(layers.layers.dense({ units: 2, name: 'd' }));
    tf.tidy(() => {
      const tokens = tf.tensor2d([[0, 4, 1]], undefined, 'int32');
      const target = tf.tensor1d(Array.from({ length: 15 }, (_, i) => Math.cos(i)));
      const variable = net.getLayer('embed').getWeights()[0] as tf.Variable;
      const loss = (): tf.Scalar => tf.sum(tf.mul(tf.reshape(net.apply(tokens) as tf.Tensor, [15]), target));
      const [gradient] = Object.values(tf.variableGrads(loss, [variable]).grads).map(grad => grad.dataSync());
      const before = variable.dataSync().slice();
      for (const at of [0, 3, 4, 9]) {
        const outcome = (by: number): number => {
          variable.assign(tf.tensor2d(before.map((x, i) => (i === at ? x + by : x)), [5, 2])); // prettier-ignore
          return loss().dataSync()[0];
        };
        expect(gradient[at]).toBeCloseTo((outcome(0.01) - outcome(-0.01)) / 0.02, 3);
      }
      // Token 2 is nowhere in the text: only the logits reach its row.
      expect(Math.abs(gradient[4])).toBeGreaterThan(1e-4);
    });
    net.dispose();
  });

  test('refuses vectors of another size', () => {
    expect(() => tied(layers.layers.dense({ units: 3 }))).toThrow(/size of the vectors to be a number >= 2/);
  });
});

test('positionEmbedding adds the vector of each place, and refuses a text that is too long', () => {
  const input = layers.input({ shape: [null, 2] });
  const net = layers.model({ inputs: input, outputs: positionEmbedding({ maxLength: 3 }).apply(input) as Flow });
  tf.tidy(() => net.setWeights([tf.tensor2d([[1, 2], [3, 4], [5, 6]])])); // prettier-ignore
  expect(predicted(net, tf.zeros([2, 2, 2]))).toEqual([[[1, 2], [3, 4]], [[1, 2], [3, 4]]]); // prettier-ignore
  expect(() => predicted(net, tf.zeros([1, 4, 2]))).toThrow(/expected at most 3 places, got 4/);
  net.dispose();
});

test('classToken goes in front, and firstToken takes it', () => {
  const input = layers.input({ shape: [2, 2] });
  const token = classToken({ embeddingsInitializer: layers.initializers.constant({ value: 7 }) });
  const joined = token.apply(input) as Flow;
  const net = layers.model({ inputs: input, outputs: [joined, firstToken().apply(joined) as Flow] });
  const [all, first] = tf.tidy(() => (net.predict(tf.tensor3d([[[1, 2], [3, 4]], [[5, 6], [8, 9]]])) as tf.Tensor[]).map(x => x.arraySync())); // prettier-ignore
  expect(all).toEqual([[[7, 7], [1, 2], [3, 4]], [[7, 7], [5, 6], [8, 9]]]); // prettier-ignore
  expect(first).toEqual([[7, 7], [7, 7]]); // prettier-ignore
  net.dispose();
});

test('leave nothing behind', async () => {
  await withoutLeak(() => {
    const input = layers.input({ shape: [3, 2] });
    const outputs = firstToken().apply(positionEmbedding({ maxLength: 4 }).apply(classToken().apply(input))) as Flow;
    const nets = [tied(layers.layers.dense({ units: 2 })), layers.model({ inputs: input, outputs })];
    tf.tidy(() => void nets[1].predict(tf.zeros([1, 3, 2])));
    tf.tidy(() => void nets[0].predict(tf.zeros([1, 3], 'int32')));
    nets[0].layers.forEach(layer => ((layer as unknown as { _refCount: number })._refCount = 1)); // tf.js counts calls
    for (const net of nets) net.dispose();
  });
});
