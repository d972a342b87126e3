import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import * as layers from '@tensorflow/tfjs-layers';
import { ndarray, type NdArray } from '../../lib/core/array';
import { random } from '../../lib/core/random';
import { uniform } from '../../lib/budgets';
import { readLabelled } from '../../lib/cli/labelled';
import { compress } from '../../lib/compress';
import { fisher, taylor } from '../../lib/criteria';
import type { Plan } from '../../lib/edit/plan';
import { prune } from '../../lib/methods';
import type { Report } from '../../lib/report/report';
import { useBackend } from '../../lib/runtime/backend';
import { loadLayersModel } from '../../lib/runtime/files';
import { predict } from '../../lib/runtime/predict';
import { WASM } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { NETS } from '../zoo/nets';
import { rejection } from '../zoo/refusal';
import { refusalOf, run, savedNet } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
beforeEach(() => void tf.engine().startScope());
afterEach(() => {
  tf.engine().endScope();
  removeFolders();
});

const ROWS = 60;

/** Random inputs for the perceptron (5 values to 2 classes), and the class that it gives each of them. */
async function examples(): Promise<{ inputs: NdArray; classes: number[] }> {
  const { normal } = random(0, 'examples');
  const inputs = ndarray(Float32Array.from({ length: ROWS * 5 }, normal), [ROWS, 5]);
  const [{ data }] = await predict(NETS.perceptron(), [inputs]);
  const classes = Array.from({ length: ROWS }, (_, row) => {
    return data[2 * row] < data[2 * row + 1] ? 1 : 0;
  });
  return { inputs, classes };
}

function csv({ data }: NdArray, labels: readonly number[], columns = data.length / labels.length): string {
  const line = (label: number, row: number): string =>
    [...data.slice(row * columns, (row + 1) * columns), label].join(',');
  return `${labels.map(line).join('\n')}\n`;
}

function written(content: string | Buffer, name = 'data.csv'): string {
  const file = join(newFolder(), name);
  writeFileSync(file, content);
  return file;
}

async function accuracies(file: string, ...args: string[]): Promise<(number | undefined)[]> {
  const { out, error } = await run('prune', await savedNet('perceptron'), '--out', newFolder(), '--data', file, '--json', ...args); // prettier-ignore
  expect(error).toEqual([]);
  const { report, data } = JSON.parse(out[0]) as { report: Report; data: object };
  expect(data).toEqual({ file, rows: ROWS, tested: 12 });
  expect(report.split).toBe('test');
  return report.stages.map(({ accuracy }) => accuracy);
}

test('accuracy is that of the model on the values as they stand', async () => {
  const { inputs, classes } = await examples();
  expect(new Set(classes).size).toBeGreaterThan(1);
  const [before, after] = await accuracies(written(csv(inputs, classes)), '--ratio', '0.6');
  expect(before).toBe(1);
  expect(after).toBeLessThan(1);
  const wrong = classes.map(label => 1 - label);
  expect(await accuracies(written(csv(inputs, wrong)), '--ratio', '0')).toEqual([0, 0]);
});

test('gzip, line ends of Windows and spaces make no difference', async () => {
  const { inputs, classes } = await examples();
  const text = csv(inputs, classes);
  const plain = await accuracies(written(text));
  expect(await accuracies(written(gzipSync(text), 'data.csv.gz'))).toEqual(plain);
  expect(await accuracies(written(text.replace(/\n/g, '\r\n').replace(/,/g, ', ')))).toEqual(plain);
});

test('the text says what accuracy is measured on', async () => {
  const { inputs, classes } = await examples();
  const file = written(csv(inputs, classes));
  const { out } = await run('prune', await savedNet('perceptron'), '--out', newFolder(), '--data', file, '--seed', '3');
  expect(out[0]).toMatch(/accuracy +100\.00 %.*\(test split\)/);
  expect(out[0]).toContain(`accuracy: on 12 of the 60 rows of ${file}, drawn by seed 3`);
});

test('a fifth of the rows is drawn by the seed; no row is in both parts or in none', async () => {
  const model = classifier(2, 3);
  const file = written(
    csv(
      ndarray(
        Float32Array.from({ length: 40 }, (_, i) => i),
        [20, 2],
      ),
      labels(20, 3),
    ),
  );
  const rowsOf = async (seed: number) => {
    const { data, rows, tested } = await readLabelled(file, model, seed);
    expect([rows, tested]).toEqual([20, 4]);
    const [train, test] = [data.train, data.test!].map(({ inputs, targets }) => {
      const { data: values } = inputs as NdArray;
      const { data: classes } = targets as NdArray;
      return Array.from(classes, (label, row) => {
        const index = values[2 * row] / 2;
        expect([values[2 * row + 1], label]).toEqual([2 * index + 1, index % 3]);
        return index;
      });
    });
    expect([...train, ...test].sort((a, b) => a - b)).toEqual([...Array(20).keys()]);
    expect(test.length).toBe(4);
    return test;
  };
  expect(await rowsOf(0)).toEqual(await rowsOf(0));
  expect(await rowsOf(0)).not.toEqual(await rowsOf(1));
});

test('a yes or no, and classes without an activation', async () => {
  const yesOrNo = layers.sequential({
    layers: [layers.layers.dense({ units: 1, inputShape: [2], activation: 'sigmoid' })],
  });
  const numbers = ndarray(Float32Array.of(1, 2, 3, 4), [2, 2]);
  const { data } = await readLabelled(written(csv(numbers, [0, 1])), yesOrNo, 0);
  expect([(data.train.targets as NdArray).dtype, data.loss]).toEqual(['float32', undefined]);
  expect((await rejection(readLabelled(written(csv(numbers, [0, 2])), yesOrNo, 0))).message).toContain(
    'a class 0 to 1',
  );
  const logits = await readLabelled(written(csv(numbers, [0, 2])), classifier(2, 3, 'linear'), 0);
  expect(logits.data.loss).toBe('sparseCategoricalCrossentropy');
});

describe('refusals name the line:', () => {
  test.each([
    ['1,2,0\n1,2,3,0\n', 'line 2: expected 2 values (input [2]) and a class, got 4 columns'],
    ['1,0\n', 'line 1: expected 2 values (input [2]) and a class, got 2 columns'],
    ['a,b,label\n1,2,0\n', 'line 1: expected a class 0 to 2 in the last column, got "label"'],
    ['a,b,0\n1,2,0\n', 'line 1: expected a number in column 1, got "a"'],
    ['1,2,0\n1,,0\n', 'line 2: expected a number in column 2, got ""'],
    ['1,2,0\n1,NaN,0\n', 'got "NaN"'],
    ['1,2,0\n1,2,\n', 'line 2: expected a class 0 to 2 in the last column, got ""'],
    ['1,2,3\n1,2,0\n', 'line 1: expected a class 0 to 2 in the last column, got "3"'],
    ['1,2,0.5\n1,2,0\n', 'got "0.5"'],
    ['1,2,-1\n1,2,0\n', 'got "-1"'],
    ['1,2,0\n\n1,2,0\n', 'line 2: expected 2 values (input [2]) and a class, got 1 columns'],
    ['1,2,0\n', 'expected at least 2 lines, got 1'],
    ['', 'expected at least 2 lines, got 0'],
  ])('%j', async (text, message) => {
    const error = await rejection(readLabelled(written(text), classifier(2, 3), 0));
    expect(error.code).toBe('bad-data');
    expect(error.message).toContain(message);
  });

  test('a file that is not there or no gzip after all', async () => {
    const missing = await rejection(readLabelled(join(newFolder(), 'none.csv'), classifier(2, 3), 0));
    expect([missing.code, missing.message]).toEqual(['bad-file', expect.stringContaining('got no such file')]);
    const broken = written(Buffer.of(0x1f, 0x8b, 1, 2, 3));
    expect((await rejection(readLabelled(broken, classifier(2, 3), 0))).code).toBe('bad-file');
  });

  test('models that are no classifiers of one input', async () => {
    const x = layers.input({ shape: [2] });
    const y = layers.layers.dense({ units: 3 }).apply(x) as layers.SymbolicTensor;
    const other = layers.input({ shape: [2] });
    const sum = layers.layers.add().apply([x, other]) as layers.SymbolicTensor;
    const open = layers.input({ shape: [null, 2] });
    const each = layers.layers.dense({ units: 3 }).apply(open) as layers.SymbolicTensor;
    const image = layers.input({ shape: [4, 2] });
    const pixels = layers.layers.dense({ units: 3 }).apply(image) as layers.SymbolicTensor;
    for (const [model, message] of [
      [layers.model({ inputs: x, outputs: [y, x] }), 'got 2 outputs'],
      [layers.model({ inputs: [x, other], outputs: sum }), 'got 2 inputs'],
      [layers.model({ inputs: open, outputs: each }), 'got [any, 2]'],
      [layers.model({ inputs: image, outputs: pixels }), 'got [any, 4, 3]'],
    ] as const) {
      const error = await rejection(readLabelled(written('1,2,0\n'), model, 0));
      expect(error.code).toBe('bad-model');
      expect(error.message).toContain(message);
    }
  });

  test('through the command in one line, before anything is written', async () => {
    const folder = newFolder();
    const file = written('1,2,0\n');
    const message = await refusalOf('prune', await savedNet('residual'), '--out', folder, '--data', file);
    expect(message).toBe(
      `tfjs-prune: --data "${file}", line 1: expected 90 values (input [6, 5, 3]) and a class, got 3 columns. ` +
        'Flatten each input of the model into one line.',
    );
    expect(() => readFileSync(join(folder, 'model.json'))).toThrow();
  });
});

test.each([
  ['taylor', taylor()],
  ['fisher', fisher()],
])('%s looks at the rows that are not tested', async (name, criterion) => {
  const { inputs, classes } = await examples();
  const [file, folder, small] = [written(csv(inputs, classes)), await savedNet('perceptron'), newFolder()];
  const { error } = await run('prune', folder, '--out', small, '--data', file, '--criterion', name, '--seed', '2');
  expect(error).toEqual([]);
  const model = await loadLayersModel(folder);
  const { data } = await readLabelled(file, model, 2);
  const { plan } = await compress(model, prune({ criterion, budget: uniform({ ratio: 0.5 }) }), { data, seed: 2, latency: false }); // prettier-ignore
  const { groups } = JSON.parse(readFileSync(join(small, 'plan.json'), 'utf8')) as Plan;
  expect(groups.map(({ removed }) => removed)).toEqual(plan.groups.map(({ removed }) => removed));
  expect(groups.some(({ removed }) => removed.length > 0)).toBe(true);
});

test('nothing is left behind', async () => {
  const { inputs, classes } = await examples();
  const [net, file] = [await savedNet('perceptron'), written(csv(inputs, classes))];
  const before = tf.memory().numTensors;
  await run('prune', net, '--out', newFolder(), '--data', file);
  expect(tf.memory().numTensors).toBe(before);
});

function classifier(width: number, classes: number, activation: 'softmax' | 'linear' = 'softmax'): LayersModel {
  return layers.sequential({ layers: [layers.layers.dense({ units: classes, inputShape: [width], activation })] });
}

function labels(count: number, classes: number): number[] {
  return Array.from({ length: count }, (_, row) => row % classes);
}
