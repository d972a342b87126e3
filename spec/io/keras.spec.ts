/** Files that tensorflowjs_converter made of Keras 3 models; `fixtures/keras3.py` writes them with the outputs of Keras. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type * as layers from '@tensorflow/tfjs-layers';
import { loadLayersModel, saveLayersModel } from '../../lib/runtime/files';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { CPU_KERNELS } from '../backend';
import { rejection } from '../zoo/refusal';
import { editModelJson, newFolder, plainLoad, removeFolders } from './folder';

const FIXTURES = join(__dirname, 'fixtures');
const QUANTIZED = ['vision-h5-float16', 'vision-h5-uint8', 'vision-h5-uint16'];

beforeAll(async () => {
  await tf.setBackend(CPU_KERNELS);
});
afterEach(removeFolders);

function copyOf(fixture: string): string {
  const folder = newFolder();
  cpSync(join(FIXTURES, fixture), folder, { recursive: true });
  return folder;
}

/** The largest difference from the outputs of Keras. */
function errorOf(model: layers.LayersModel, fixture: string): number {
  const { shape, input, outputs } = JSON.parse(readFileSync(join(FIXTURES, fixture, 'probe.json'), 'utf8'));
  return tf.tidy(() => {
    const got = [model.predict(tf.tensor(input, shape))].flat();
    expect(got.map(({ size }) => size)).toEqual(outputs.map((values: number[]) => values.length));
    const errors = got.map((tensor, i) => tf.max(tf.abs(tf.sub(tf.reshape(tensor, [-1]), outputs[i]))).arraySync());
    return Math.max(...(errors as number[]));
  });
}

test.each(['vision-h5', 'vision-keras', 'sequence-h5', 'sequence-keras', ...QUANTIZED])(
  '%s gives the outputs of Keras, and stock tf.js reads what is saved of it',
  async fixture => {
    const before = tf.memory().numTensors;
    const model = await loadLayersModel(join(FIXTURES, fixture));
    expect(errorOf(model, fixture)).toBeLessThan(1e-5);
    const folder = newFolder();
    await saveLayersModel(model, folder);
    const plain = await plainLoad(folder);
    expect(errorOf(plain, fixture)).toBeLessThan(1e-5);
    model.dispose();
    expect(tf.memory().numTensors - before).toBe(plain.weights.length);
  },
);

test.each(['vision-h5', 'vision-keras'])('%s can be pruned', async fixture => {
  const model = await loadLayersModel(join(FIXTURES, fixture));
  expect(trace(await capture(model)).calls.map(({ layer }) => layer)).toContain('block/twice');
  model.dispose();
});

test('stock tf.js reads none of them, which is why we do', async () => {
  for (const fixture of ['vision-h5', 'vision-keras']) {
    await expect(plainLoad(join(FIXTURES, fixture))).rejects.toThrow();
  }
});

describe('what tf.js would get wrong is refused', () => {
  type Config = Record<string, unknown>;
  type Layer = { name: string; class_name: string; config: Config; inbound_nodes: Config[] };
  const layerIn = (json: unknown, name: string): Layer =>
    (
      json as { modelTopology: { model_config: { config: { layers: Layer[] } } } }
    ).modelTopology.model_config.config.layers.find(layer => layer.name === name)!;

  const cases: [string, (layer: (name: string) => Layer) => unknown, RegExp][] = [
    [
      'ReLU with a slope',
      layer => Object.assign(layer('leaky'), { class_name: 'ReLU' }),
      /ReLU with negativeSlope 0, got 0.1/,
    ],
    ['grouped convolution', layer => (layer('conv').config.groups = 2), /Conv2D with groups 1, got 2/],
    ['pooling that keeps dimensions', layer => (layer('pool').config.keepdims = true), /keepdims false, got true/],
    ['hard_sigmoid of Keras 3', layer => (layer('shared').config.activation = 'hard_sigmoid'), /another curve/],
    ['a layer as activation', layer => (layer('shared').config.activation = layer('leaky')), /activation to be a word/],
    [
      'a second input by keyword',
      layer => (layer('norm').inbound_nodes[0].kwargs = { mask: layer('norm').inbound_nodes[0].args }),
      /its inputs alone/,
    ],
    [
      'a second positional argument',
      layer => (layer('norm').inbound_nodes[0].args as unknown[]).push(1),
      /its inputs alone, got 1/,
    ],
  ];

  test.each(cases)('%s', async (_, change, message) => {
    const folder = copyOf('vision-h5');
    editModelJson(folder, json => void change(name => layerIn(json, name)));
    const error = await rejection(loadLayersModel(folder));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(message);
  });
});
