import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { ndarray, type NdArray } from '../../lib/core/array';
import { capture } from '../../lib/runtime/capture';
import { readData, type Data } from '../../lib/runtime/data';
import { classesOf } from '../../lib/runtime/targets';
import { rejection } from '../zoo/refusal';
import { dense, examples, mlp, normals, onWasm, withoutLeak } from './help';

onWasm();

type Flow = layers.SymbolicTensor;
const floats = (values: number[], shape: number[]): NdArray => ndarray(Float32Array.from(values), shape);
const inputs = normals([3, 4], () => 0.5);

async function read(data: { readonly [key in keyof Data]: unknown }, model: layers.LayersModel = mlp()) {
  return readData(data as Data, await capture(model));
}

test('tensors become plain arrays and stay alive; arrays are taken as they are', async () => {
  const {
    inputs: [x],
    targets: [y],
  } = examples(5);
  const tensors = [x, y].map(({ data, shape }) => tf.tensor(data, [...shape]));
  const model = mlp();
  const splits = await withoutLeak(() =>
    read({ train: { inputs: tensors[0], targets: [tensors[1]] }, test: { inputs: [x], targets: y } }, model),
  );
  expect(tensors.map(tensor => tensor.isDisposed)).toEqual([false, false]);
  expect(splits).toEqual({
    train: { inputs: [x], targets: [y] },
    test: { inputs: [x], targets: [y] },
    loss: ['categoricalCrossentropy'],
  });
  expect(splits.test!.inputs[0].data).toBe(x.data);
  tf.dispose(tensors);
});

describe('the loss without a word', () => {
  const labels = ndarray(Int32Array.of(0, 1, 2), [3]);
  test.each([
    ['softmax', floats([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]), 'categoricalCrossentropy'],
    ['softmax', labels, 'sparseCategoricalCrossentropy'],
    ['softmax', floats([0, 1, 2], [3, 1]), 'sparseCategoricalCrossentropy'],
    ['sigmoid', floats(Array(9).fill(1) as number[], [3, 3]), 'binaryCrossentropy'],
    ['linear', normals([3, 3], () => 2), 'meanSquaredError'],
  ] as const)('%s and targets %j mean %s', async (head, targets, loss) => {
    expect((await read({ train: { inputs, targets } }, mlp({ head }))).loss).toEqual([loss]);
  });

  test('one per output', async () => {
    const x = layers.input({ shape: [4], name: 'x' });
    const heads = (['softmax', 'sigmoid'] as const).map(activation => dense({ units: 2, activation }).apply(x) as Flow);
    const model = layers.model({ inputs: x, outputs: heads });
    const targets = [labels, floats([0, 1, 0, 1, 0, 1], [3, 2])];
    const wrong = await rejection(read({ train: { inputs, targets } }, model));
    expect(wrong.message).toMatch(/integer labels 0 to 1, got 2 at example 2/);
    const { loss } = await read(
      { train: { inputs, targets: [ndarray(Int32Array.of(0, 1, 1), [3]), targets[1]] } },
      model,
    );
    expect(loss).toEqual(['sparseCategoricalCrossentropy', 'binaryCrossentropy']);
  });

  test('a word or a function of the caller goes first', async () => {
    const targets = floats([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]);
    expect((await read({ train: { inputs, targets }, loss: 'meanSquaredError' })).loss).toEqual(['meanSquaredError']);
    const own = (): tf.Scalar => tf.scalar(1);
    expect((await read({ train: { inputs, targets: normals([3, 7], () => 1) }, loss: own })).loss).toEqual([own]);
    const error = await rejection(read({ train: { inputs, targets }, loss: 'hinge' }));
    expect([error.code, error.message]).toEqual([
      'bad-option',
      expect.stringContaining('sparseCategoricalCrossentropy'),
    ]);
  });
});

test('open sizes of the model take any size; sequences of labels are fine', async () => {
  const model = layers.sequential({
    layers: [dense({ units: 5, activation: 'softmax', inputShape: [null, 4] })],
  });
  const data = (time: number, width = 4) => ({
    train: { inputs: normals([2, time, width], () => 1), targets: ndarray(new Int32Array(2 * time), [2, time]) },
  });
  expect((await read(data(7), model)).loss).toEqual(['sparseCategoricalCrossentropy']);
  await expect(read(data(3), model)).resolves.toBeDefined();
  expect((await rejection(read(data(3, 5), model))).message).toMatch('shape [any, any, 4], got [2, 3, 5]');
});

describe('refuses, naming the split,', () => {
  const good = examples(3);
  const oneHot = good.targets[0];
  const nan = normals([3, 4], () => 1);
  nan.data[9] = NaN;
  const cases: [string, unknown, RegExp, ('linear' | 'sigmoid')?][] = [
    ['nothing', undefined, /inputs: expected a tensor or array, got undefined/],
    ['inputs alone', { inputs }, /targets: expected a tensor/],
    [
      'too many inputs',
      { inputs: [inputs, inputs], targets: oneHot },
      /inputs: expected 1 array, got 2. Pass one array per model input/,
    ],
    ['nested lists', { inputs: [[1, 2]], targets: oneHot }, /inputs: expected a tf.Tensor.* got a list inside a list/],
    ['a number', { inputs: 3, targets: oneHot }, /got number/],
    [
      'a length that is not its shape',
      { inputs: { ...inputs, shape: [4, 4] }, targets: oneHot },
      /got 12 values for the shape \[4, 4\]/,
    ],
    [
      'another width',
      { inputs: normals([3, 5], () => 1), targets: oneHot },
      /input "a_input": expected shape \[any, 4\], got \[3, 5\]/,
    ],
    ['no batch dimension', { inputs: normals([4], () => 1), targets: oneHot }, /Is the batch dimension missing\?/],
    ['a scalar', { inputs: normals([], () => 1), targets: oneHot }, /got a scalar/],
    [
      'no examples',
      { inputs: normals([0, 4], () => 1), targets: normals([0, 3], () => 1) },
      /at least one example, got shape \[0, 4\]/,
    ],
    ['unequal counts', { inputs, targets: normals([2, 3], () => 1) }, /3 examples in every array.*got 2/],
    ['NaN inputs', { inputs: nan, targets: oneHot }, /inputs: expected finite values, got NaN in example 2/],
    [
      'NaN targets',
      { inputs, targets: floats([1, 0, 0, 0, Infinity, 0, 0, 0, 1], [3, 3]) },
      /targets: expected finite values, got Infinity in example 1/,
    ],
    [
      'one-hot labels of another width',
      { inputs, targets: normals([3, 5], () => 1) },
      /expected shape \[any\] or one-hot labels \[any, 3\], got \[3, 5\]/,
    ],
    ['a label too high', { inputs, targets: floats([0, 1, 3], [3]) }, /integer labels 0 to 2, got 3 at example 2/],
    ['a negative label', { inputs, targets: ndarray(Int32Array.of(0, -1, 1), [3]) }, /got -1 at example 1/],
    ['half a label', { inputs, targets: floats([0, 0.5, 1], [3, 1]) }, /got 0.5 at example 1/],
    [
      'values of another shape',
      { inputs, targets: normals([3, 2], () => 1) },
      /output "c": expected shape \[any, 3\], got \[3, 2\]/,
      'linear',
    ],
    ['0 / 1 labels out of range', { inputs, targets: normals([3, 3], () => 2) }, /labels 0 or 1, got 2/, 'sigmoid'],
    [
      '0 / 1 labels of another shape',
      { inputs, targets: normals([3], () => 1) },
      /expected shape \[any, 3\], got \[3\]/,
      'sigmoid',
    ],
  ];

  test.each(cases.map(row => [row[0], row] as const))('%s', async (_, [, split, message, head]) => {
    const model = mlp({ head: head ?? 'softmax' });
    const error = await withoutLeak(() => rejection(read({ train: split }, model)));
    expect(error.code).toBe('bad-data');
    expect(error.message).toMatch(/^data: train/);
    expect(error.message).toMatch(message);
  });

  test('validation and test', async () => {
    for (const name of ['validation', 'test']) {
      const bad = { inputs, targets: normals([3, 2], () => 1) };
      const error = await rejection(read({ train: good, [name]: bad }));
      expect([error.code, error.message]).toEqual(['bad-data', expect.stringMatching(`^data: ${name} targets`)]);
    }
  });

  test('one-hot labels where the word asks for them', async () => {
    const error = await rejection(
      read({ train: { inputs, targets: normals([3, 5], () => 1) }, loss: 'categoricalCrossentropy' }),
    );
    expect(error.message).toMatch(/one-hot labels of width 3, got width 5.*tf.oneHot\(labels, 3\)/);
    const labels = await rejection(
      read({ train: { inputs, targets: ndarray(new Int32Array(3), [3]) }, loss: 'categoricalCrossentropy' }),
    );
    expect(labels.message).toMatch(/use the loss sparseCategoricalCrossentropy/);
  });

  test('a disposed tensor, and one of strings', async () => {
    const gone = tf.ones([3, 4]);
    gone.dispose();
    expect((await rejection(read({ train: { inputs: gone, targets: oneHot } }))).message).toMatch(
      /got a disposed tensor/,
    );
    const words = tf.tensor(['a', 'b', 'c']);
    expect((await rejection(read({ train: { inputs: words, targets: oneHot } }))).message).toMatch(
      /got a tensor of string/,
    );
    words.dispose();
  });
});

test('classes of examples', () => {
  const { targets } = examples(4);
  const labels = [0, 1, 2, 3].map(row => [0, 1, 2].find(c => targets[0].data[row * 3 + c] === 1));
  expect(Array.from(classesOf({ inputs: [], targets }, ['categoricalCrossentropy'])!)).toEqual(labels);
  const numbers = { inputs: [], targets: [floats([2, 0, 1], [3, 1])] };
  expect(Array.from(classesOf(numbers, ['sparseCategoricalCrossentropy'])!)).toEqual([2, 0, 1]);
  expect(classesOf(numbers, ['meanSquaredError'])).toBeUndefined();
  expect(classesOf({ inputs: [], targets: [normals([2, 3], () => 1)] }, ['binaryCrossentropy'])).toBeUndefined();
  expect(
    classesOf({ inputs: [], targets: [normals([2, 3, 4], () => 1)] }, ['categoricalCrossentropy']),
  ).toBeUndefined();
});
