/** FEATURES.md says what the rules are, and the rules cover what tf.js has. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ruleOf } from '../lib/rules';
import { features } from '../scripts/features';
import { ROOT } from './house/sources';

/** Parts of layers, and models, which are not layers by themselves. */
const NOT_LAYERS = ['SimpleRNNCell', 'GRUCell', 'LSTMCell', 'StackedRNNCells', 'ConvLSTM2DCell', 'Model', 'Functional', 'Sequential']; // prettier-ignore

test('FEATURES.md is up to date: npm run features', () => {
  const cells = (text: string): string[] => text.split('\n').map(line => line.replace(/\s*\|\s*/g, '|').replace(/-+/g, '-')); // prettier-ignore
  expect(cells(readFileSync(join(ROOT, 'FEATURES.md'), 'utf8'))).toEqual(cells(features()));
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
