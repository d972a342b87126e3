import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { formatInspection, inspect, type Inspection } from '../../lib/cli/inspect';
import { useBackend } from '../../lib/runtime/backend';
import { capture } from '../../lib/runtime/capture';
import { saveLayersModel } from '../../lib/runtime/files';
import { WASM } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { NET_NAMES, NETS } from '../zoo/nets';
import { refusalOf, run, savedNet } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
afterEach(removeFolders);

async function inspectNet(name: string): Promise<Inspection> {
  const model = NETS[name]();
  const inspection = inspect(await capture(model));
  model.dispose();
  return inspection;
}

test('inspect shows layers, groups and cost', async () => {
  const { code, out, error } = await run('inspect', await savedNet('residual'));
  expect([code, error]).toEqual([0, []]);
  expect(out).toEqual([
    `
net: 13 layers, 702 parameters, 17.8 k MACs, 2.81 kB

layer   class                    output      parameters
x       InputLayer               6 x 5 x 3
stem    Conv2D                   6 x 5 x 6          168
bn0     BatchNormalization       6 x 5 x 6           24
r0      ReLU                     6 x 5 x 6
a       Conv2D                   6 x 5 x 4          220
bn1     BatchNormalization       6 x 5 x 4           16
r1      ReLU                     6 x 5 x 4
b       Conv2D                   6 x 5 x 6          222
bn2     BatchNormalization       6 x 5 x 6           24
add     Add                      6 x 5 x 6
r2      ReLU                     6 x 5 x 6
gap     GlobalAveragePooling2D   6
head    Dense                    4                   28

group   kind       units   made by -> read by
x       features       3   frozen: model input
stem    channels       6   stem, b -> a, head
a       channels       4   a -> b
head    neurons        4   frozen: model output

10 units in 2 of 4 groups can be pruned`.trim(),
  ]);
});

test('inspect --json prints one JSON document, which agrees with the model', async () => {
  const { code, out } = await run('inspect', join(await savedNet('residual'), 'model.json'), '--json');
  expect(code).toBe(0);
  expect(out.length).toBe(1);
  const inspection = JSON.parse(out[0]) as Inspection;
  const model = NETS.residual();
  expect(inspection.cost.parameters).toBe(model.countParams());
  expect(inspection.layers.map(({ layer }) => layer)).toEqual(model.layers.map(({ name }) => name));
  expect(inspection.layers.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(model.countParams());
  model.dispose();
  const stem = inspection.groups.find(({ name }) => name === 'stem');
  expect(stem).toMatchObject({ kind: 'channels', units: 6 });
  expect(stem).not.toHaveProperty('frozen');
  expect(stem?.sites).toContainEqual({ layer: 'bn2', parameter: 'gamma', axis: 0, role: 'scales' });
  expect(stem?.sites).toContainEqual({ layer: 'head', parameter: 'kernel', axis: 0, role: 'reads' });
});

test.each(NET_NAMES)('the text on %s names every layer and keeps within 100 columns', async name => {
  const inspection = await inspectNet(name);
  const text = formatInspection(inspection);
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  for (const { layer } of inspection.layers) expect(text).toContain(layer);
  for (const word of ['undefined', 'NaN', '[object']) expect(text).not.toContain(word);
});

test('long names and many readers are shortened, not wrapped', () => {
  const layer = 'a_long_name/of_a_layer/'.repeat(5);
  const sites = Array.from({ length: 30 }, (_, i) => ({
    layer: `${layer}${i}`,
    parameter: 'kernel',
    axis: 1,
    role: i < 3 ? 'makes' : 'reads',
  }));
  const cost = { units: 1, parameters: 1, macs: undefined, bytes: 4 };
  const layers = [{ layer, className: 'Conv2D', output: [null, null, 8], parameters: 3 }];
  const groups = [
    { name: layer, kind: 'channels', units: 8, sites },
    { name: layer, kind: 'channels', units: 8, frozen: layer, sites },
  ];
  const text = formatInspection({ name: 'net', cost, layers, groups });
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  expect(text).toContain('? x ? x 8');
  expect(text).toContain('+2 -> ');
});

test('a layer class without a rule is named', async () => {
  const folder = newFolder();
  await saveLayersModel(oracle(), folder);
  expect(await refusalOf('inspect', folder)).toContain('Oracle ("oracle")');
});

/** A model with a layer class of its own. */
function oracle(): layers.LayersModel {
  class Oracle extends layers.layers.Layer {
    static className = 'Oracle';
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      return tf.neg(Array.isArray(inputs) ? inputs[0] : inputs);
    }
  }
  tf.serialization.registerClass(Oracle);
  const model = layers.sequential({ name: 'net' });
  model.add(new Oracle({ inputShape: [3], name: 'oracle' }));
  return model;
}

test('nothing is left behind', async () => {
  const folder = await savedNet('perceptron');
  const before = tf.memory().numTensors;
  await run('inspect', folder);
  expect(tf.memory().numTensors).toBe(before);
});
