/** Labelled examples out of the files that a user chose: rows of numbers, or images in folders named by their class. */
import { PruneError, type Data, type Examples } from 'tfjs-prune';
import seedrandom from 'seedrandom';
import { shuffle } from '../support/shuffle';

/** What the model wants: the size of one example, and how many classes it tells apart (1: yes or no). */
export interface Wanted {
  readonly shape: readonly number[];
  readonly classes: number;
}

/** All examples, in the order of the files. */
export interface Labelled {
  readonly values: Float32Array;
  readonly labels: Int32Array;
  /** Names of the classes, where they are not just numbers. */
  readonly names?: readonly string[];
}

const LEAST = 10;
/** Shares of the examples that are kept apart: accuracy is measured on the first, the best epoch chosen on the other. */
const [TEST, VALIDATION] = [0.2, 0.1];

/** Each line: the values of one example, then its class. One line of headings may stand above. */
export function parseCsv(name: string, text: string, wanted: Wanted): Labelled {
  const lines = text.split(/\r?\n/).filter(line => line.trim() !== '');
  if (lines.length > 0 && lines[0].split(',').every(cell => Number.isNaN(Number(cell)))) lines.shift();
  const width = wanted.shape.reduce((product, size) => product * size, 1);
  const values = new Float32Array(lines.length * width);
  const labels = new Int32Array(lines.length);
  lines.forEach((line, row) => {
    const cells = line.split(',');
    const place = `"${name}", row ${row + 1}`;
    if (cells.length !== width + 1) {
      const expected = `${width} values for the input [${wanted.shape.join(', ')}], then the class`;
      refuse(place, expected, `${cells.length} columns`, 'Write each example into one line, values first.');
    }
    for (let i = 0; i < width; i++) values[row * width + i] = numberIn(cells[i], `${place}, column ${i + 1}`);
    const label = numberIn(cells[width], `${place}, class`);
    if (!Number.isInteger(label))
      refuse(`${place}, class`, 'a whole number', `"${label}"`, 'Number the classes from 0.');
    labels[row] = label;
  });
  return { values, labels: checked(name, labels, wanted) };
}

/** Names of the classes in the order of their numbers: alphabetical, as Keras and PyTorch number folders. */
export function classNames(paths: readonly string[]): readonly string[] {
  return [...new Set(paths.map(folderOf))].sort();
}

/** The last folder of the path. */
export function folderOf(path: string): string {
  return path.split('/').slice(-2, -1)[0] ?? '';
}

/** `labels`, if the model can be asked about them. */
export function checked(name: string, labels: Int32Array, { classes }: Wanted): Int32Array {
  const most = Math.max(classes - 1, 1);
  const wrong = labels.findIndex(label => label < 0 || label > most);
  if (labels.length < LEAST) {
    refuse(`"${name}"`, `at least ${LEAST} examples`, String(labels.length), 'Give more examples.');
  }
  if (wrong >= 0) {
    const cure = 'Number the classes from 0, as the model does.';
    refuse(`"${name}", row ${wrong + 1}`, `a class 0 to ${most}`, String(labels[wrong]), cure);
  }
  return labels;
}

/** Drawn by a fixed seed, so that the same files are always split alike. */
export function split({ values, labels }: Labelled, { shape, classes }: Wanted): Data & { readonly test: Examples } {
  const order = shuffle([...labels.keys()], seedrandom('split'));
  const width = values.length / labels.length;
  const take = (from: number, to?: number): Examples => {
    const rows = order.slice(from, to);
    const data = new Float32Array(rows.length * width);
    rows.forEach((row, i) => data.set(values.subarray(row * width, (row + 1) * width), i * width));
    const own = Int32Array.from(rows, row => labels[row]);
    const targets = { shape: [rows.length], dtype: 'int32', data: own } as const;
    return {
      inputs: { shape: [rows.length, ...shape], dtype: 'float32', data },
      targets: classes === 1 ? { ...targets, dtype: 'float32', data: Float32Array.from(own) } : targets,
    };
  };
  const test = Math.max(1, Math.round(TEST * labels.length));
  const validation = test + Math.max(1, Math.round(VALIDATION * labels.length));
  return {
    train: take(validation),
    validation: take(test, validation),
    test: take(0, test),
    // Logits have no activation to tell that they are classes.
    ...(classes > 1 && { loss: 'sparseCategoricalCrossentropy' as const }),
  };
}

function numberIn(cell: string, place: string): number {
  const value = cell.trim() === '' ? NaN : Number(cell);
  if (Number.isFinite(value)) return value;
  return refuse(place, 'a number', `"${cell.trim()}"`, 'Fill in what is missing, or leave the row out.');
}

export function refuse(place: string, expected: string, got: string, cure: string): never {
  throw new PruneError('bad-data', { place, expected, got, cure });
}
