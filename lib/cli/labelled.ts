/** Labelled examples from a CSV file: every line the flattened input, then the class. */
import { gunzipSync } from 'node:zlib';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { gather, ndarray, type NdArray } from '../core/array';
import { PruneError } from '../core/errors';
import { random } from '../core/random';
import { showShape } from '../core/shapes';
import type { Data, Examples } from '../runtime/data';
import type { Given } from './command';
import { readGivenFile } from './readFile';

export interface Labelled {
  readonly data: Data;
  readonly rows: number;
  /** Of them, how many accuracy is measured on; the others are for whatever looks at data. */
  readonly tested: number;
}

/** Share of the rows that is kept apart. */
const TESTED = 1 / 5;

/**
 * Reads `file` (gzip or not) for `model`, values as they stand, and keeps a fifth of the rows, drawn by `seed`, for the test.
 * @throws PruneError `bad-file`, `bad-data` naming the line, `bad-model` for a model that is no classifier of one input.
 */
export async function readLabelled(file: string, model: LayersModel, seed: number): Promise<Labelled> {
  const shape = inputShapeOf(model);
  const classes = classesOf(model);
  const lines = linesOf(await contentOf(file));
  const width = shape.reduce((product, size) => product * size, 1);
  const pixels = new Float32Array(lines.length * width);
  const labels = new Int32Array(lines.length);
  lines.forEach((line, row) => {
    const cells = line.split(',');
    const place = `--data "${file}", line ${row + 1}`;
    if (cells.length !== width + 1) {
      const values = `${width} values (input [${shape.join(', ')}]) and a class`;
      throw bad(place, values, `${cells.length} columns`, 'Flatten each input of the model into one line.');
    }
    labels[row] = labelFrom(cells[width], classes, place);
    for (let i = 0; i < width; i++) pixels[row * width + i] = numberFrom(cells[i], i, place);
  });
  if (lines.length < 2) throw bad(`--data "${file}"`, 'at least 2 lines', String(lines.length), 'Give more examples.');
  const inputs = ndarray(pixels, [lines.length, ...shape]);
  const targets = ndarray(classes === 1 ? Float32Array.from(labels) : labels, [lines.length]);
  return { rows: lines.length, ...split(inputs, targets, classes, seed) };
}

/** What --data names; undefined where it names nothing. Throws as {@link readLabelled}. */
export async function labelledFrom(given: Given, model: LayersModel, seed: number): Promise<Labelled | undefined> {
  const file = given.word('data');
  return file === undefined ? undefined : readLabelled(file, model, seed);
}

function split(inputs: NdArray, targets: NdArray, classes: number, seed: number): Omit<Labelled, 'rows'> {
  const [count] = inputs.shape;
  const order = random(seed, 'cli', 'split').permutation(count);
  const tested = Math.max(1, Math.round(TESTED * count));
  const take = (from: number, to?: number): Examples => {
    const indices = order.slice(from, to).sort();
    return { inputs: gather(inputs, 0, indices), targets: gather(targets, 0, indices) };
  };
  // Logits have no activation to tell that they are classes.
  const loss = classes > 1 ? ({ loss: 'sparseCategoricalCrossentropy' } as const) : {};
  return { tested, data: { train: take(tested), test: take(0, tested), ...loss } };
}

function inputShapeOf({ inputs }: LayersModel): readonly number[] {
  const [{ shape }] = inputs;
  const sizes = shape.slice(1);
  if (inputs.length === 1 && sizes.every(size => size !== null)) return sizes;
  const got = inputs.length > 1 ? `${inputs.length} inputs` : showShape(sizes);
  throw noClassifier('one input of a fixed size', got);
}

/** Number of classes that the output tells apart; 1 for a yes or no. */
function classesOf({ outputs }: LayersModel): number {
  const [{ shape }] = outputs;
  const [, size] = shape;
  if (outputs.length === 1 && shape.length === 2 && size !== null) return size;
  const got = outputs.length > 1 ? `${outputs.length} outputs` : showShape(shape);
  throw noClassifier('one output [any, classes]', got);
}

async function contentOf(file: string): Promise<string> {
  const place = `--data "${file}"`;
  const bytes = await readGivenFile(place, 'a CSV file', file);
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!isGzip) return bytes.toString('utf8');
  try {
    return gunzipSync(bytes).toString('utf8');
  } catch (cause) {
    const got = (cause as Error).message;
    throw new PruneError('bad-file', { place, expected: 'a CSV file', got, cure: 'Compress it again.' }, { cause });
  }
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines[lines.length - 1] === '') lines.pop();
  return lines;
}

function labelFrom(cell: string, classes: number, place: string): number {
  const label = cell.trim() === '' ? NaN : Number(cell);
  const most = Math.max(classes - 1, 1);
  if (Number.isInteger(label) && label >= 0 && label <= most) return label;
  throw bad(place, `a class 0 to ${most} in the last column`, `"${cell.trim()}"`, 'Number the classes from 0.');
}

function numberFrom(cell: string, column: number, place: string): number {
  const value = cell.trim() === '' ? NaN : Number(cell);
  if (Number.isFinite(value)) return value;
  const cure = 'Take out headers, and fill in or leave out what is missing.';
  throw bad(place, `a number in column ${column + 1}`, `"${cell.trim()}"`, cure);
}

function bad(place: string, expected: string, got: string, cure: string): PruneError {
  return new PruneError('bad-data', { place, expected, got, cure });
}

function noClassifier(expected: string, got: string): PruneError {
  const cure = 'Leave out --data; cuts do not need it.';
  return new PruneError('bad-model', { place: '--data', expected: `a model with ${expected}`, got, cure });
}
