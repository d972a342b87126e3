/** FEATURES.md and docs/methods.md say what there is, and the rules cover what tf.js has. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ruleOf } from '../lib/rules';
import { features } from '../scripts/features';
import { methods } from '../scripts/methods';
import { ROOT } from './house/sources';

/** Parts of layers, models, and our wrapper that is taken off before anything is traced. */
const NOT_LAYERS = ['SimpleRNNCell', 'GRUCell', 'LSTMCell', 'StackedRNNCells', 'ConvLSTM2DCell', 'Model', 'Functional', 'Sequential', 'Slimmable']; // prettier-ignore

test.each([
  ['FEATURES.md', features],
  ['docs/methods.md', methods],
] as const)('%s is up to date: npm run features', (file, make) => {
  const cells = (text: string): string[] =>
    text.split('\n').map(line => line.replace(/\s*\|\s*/g, '|').replace(/-+/g, '-'));
  expect(cells(readFileSync(join(ROOT, file), 'utf8'))).toEqual(cells(make()));
});

test('each method, criterion and budget of the page says what it does', () => {
  const rows = methods()
    .split('\n')
    .filter(line => line.startsWith('| `'));
  expect(rows.length).toBeGreaterThan(50);
  for (const row of rows) expect(row.split(' | ')[1].length).toBeGreaterThan(15);
});

test('every layer class of tf.js has a rule', () => {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  const classes = Object.entries(classNameMap)
    .filter(([, [type]]) => type.prototype instanceof layers.layers.Layer)
    .map(([name]) => name)
    .filter(name => !NOT_LAYERS.includes(name) && !name.includes('>'));
  expect(classes.length).toBeGreaterThan(60);
  expect(classes.filter(name => !ruleOf(name))).toEqual([]);
});
