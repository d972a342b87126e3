/** Whether targets are what the loss of their output can be asked about, and which class each example is of. */
import type { NdArray } from '../core/array';
import type { Split } from '../core/context';
import { PruneError } from '../core/errors';
import { fits, showShape, type Shape } from '../core/shapes';
import type { Loss } from './loss';

/** Shapes with the batch first; null where the model leaves a size open. */
export interface Signature {
  readonly inputs: readonly { readonly name: string; readonly shape: Shape }[];
  readonly outputs: readonly { readonly name: string; readonly shape: Shape }[];
}

/** @throws PruneError `bad-data` for targets that do not match the head. A loss function may take any. */
export function checkTargets(name: string, { targets }: Split, loss: Loss, { outputs }: Signature): void {
  targets.forEach((array, i) => {
    const place = `data: ${name} targets, output "${outputs[i].name}"`;
    const { shape } = outputs[i];
    switch (loss[i]) {
      case 'categoricalCrossentropy':
        return checkOneHot(place, array, shape);
      case 'sparseCategoricalCrossentropy':
        return checkLabels(place, array, shape);
      case 'binaryCrossentropy':
        checkShape(place, array, shape);
        return checkProbabilities(place, array);
      case 'meanSquaredError':
        return checkShape(place, array, shape);
    }
  });
}

/** The class of each example, where the first classifying output has one label per example. */
export function classesOf({ targets }: Split, loss: Loss): Int32Array | undefined {
  const output = loss.findIndex(name => name !== 'meanSquaredError' && typeof name !== 'function');
  if (output < 0) return undefined;
  const { shape, data } = targets[output];
  if (data.length === shape[0]) return Int32Array.from(data);
  if (loss[output] !== 'categoricalCrossentropy' || shape.length !== 2) return undefined;
  return Int32Array.from({ length: shape[0] }, (_, row) => argMax(data.subarray(row * shape[1], (row + 1) * shape[1])));
}

function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

function checkOneHot(place: string, array: NdArray, shape: Shape): void {
  if (fits(array.shape, shape)) return;
  const classes = shape[shape.length - 1];
  const width = array.shape[array.shape.length - 1];
  if (array.shape.length === shape.length && width !== classes) {
    const cure = `Encode the labels with tf.oneHot(labels, ${classes}), or give the output ${width} units.`;
    throw bad(place, `one-hot labels of width ${classes}`, `width ${width}`, cure);
  }
  throw wrongShape(place, array, shape, 'For integer labels use the loss sparseCategoricalCrossentropy.');
}

function checkLabels(place: string, array: NdArray, shape: Shape): void {
  const classes = shape[shape.length - 1]!;
  const labels = shape.slice(0, -1);
  if (!fits(array.shape, labels) && !fits(array.shape, [...labels, 1])) {
    const { shape: got } = array;
    const oneHot = got.length === shape.length && got[got.length - 1] !== 1;
    const cure = oneHot
      ? `Encode the labels with tf.oneHot(labels, ${classes}), or give the output ${got[got.length - 1]} units.`
      : 'Pass one integer label per example.';
    throw wrongShape(place, array, labels, cure, ` or one-hot labels ${showShape(shape)}`);
  }
  const wrong = array.data.findIndex((label: number) => !Number.isInteger(label) || label < 0 || label >= classes);
  if (wrong < 0) return;
  const cure = 'Number the classes from 0, or give the output layer more units.';
  throw bad(place, `integer labels 0 to ${classes - 1}`, `${array.data[wrong]} at example ${wrong}`, cure);
}

function checkProbabilities(place: string, { data }: NdArray): void {
  const wrong = data.findIndex((value: number) => value < 0 || value > 1);
  if (wrong >= 0) throw bad(place, 'labels 0 or 1', String(data[wrong]), 'Scale the labels to [0, 1].');
}

/** A last axis of size 1 may be left out. */
function checkShape(place: string, array: NdArray, shape: Shape): void {
  const squeezed = shape[shape.length - 1] === 1 && fits(array.shape, shape.slice(0, -1));
  if (!fits(array.shape, shape) && !squeezed) throw wrongShape(place, array, shape, 'Reshape the targets.');
}

function wrongShape(place: string, { shape }: NdArray, wanted: Shape, cure: string, more = ''): PruneError {
  return bad(place, `shape ${showShape(wanted)}${more}`, showShape(shape), cure);
}

function bad(place: string, expected: string, got: string, cure: string): PruneError {
  return new PruneError('bad-data', { place, expected, got, cure });
}
