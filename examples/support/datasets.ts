/** Reads the data sets of the examples into plain arrays, split by class into train, validation and test. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import seedrandom from 'seedrandom';
import type { NdArray } from 'tfjs-prune';
import { shuffle } from './shuffle';

/** Images `[examples, height, width, channels]` in [0, 1] and one integer label each. */
export interface Images {
  readonly inputs: NdArray;
  readonly targets: NdArray;
}

export interface ImageSplits {
  readonly train: Images;
  readonly validation: Images;
  readonly test: Images;
}

/** UCI digits, 8x8: 70 % train, 10 % validation, 20 % test of every class. */
export function readDigits(seed: number): ImageSplits {
  const text = gunzipSync(readFileSync(join(__dirname, '../data/digits.csv.gz'))).toString();
  const rows = text.trim().split('\n').map(line => line.split(',').map(Number)); // prettier-ignore
  const pixels = Float32Array.from(rows.flatMap(row => row.slice(0, 64).map(value => value / 16)));
  const labels = Int32Array.from(rows, row => row[64]);
  return stratify(images(pixels, 8, labels), { validation: 0.1, test: 0.2 }, seed);
}

/** MNIST from its four IDX files: 10 % of the 60,000 for validation, the 10,000 for test. */
export function readMnist(directory: string, seed: number): ImageSplits {
  const read = (name: string): Buffer => {
    const path = [join(directory, name), join(directory, `${name}.gz`)].find(existsSync);
    if (!path) throw new Error(`${directory} has no ${name}(.gz): put the four MNIST files there and pass --data DIR`);
    const bytes = readFileSync(path);
    return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  };
  const load = (prefix: string): Images => {
    const labels = Int32Array.from(read(`${prefix}-labels-idx1-ubyte`).subarray(8));
    const pixels = Float32Array.from(read(`${prefix}-images-idx3-ubyte`).subarray(16), value => value / 255);
    return images(pixels, 28, labels);
  };
  const { train, validation } = stratify(load('train'), { validation: 0.1, test: 0 }, seed);
  return { train, validation, test: load('t10k') };
}

/**
 * CIFAR-10 from its binary files (data_batch_1.bin to data_batch_5.bin, test_batch.bin): 10 % of the 50,000 for validation, the 10,000 for
 * test; every colour normalised by the mean and deviation of the training set.
 */
export function readCifar10(directory: string, seed: number): ImageSplits {
  const load = (names: readonly string[]): Images => {
    const bytes = Buffer.concat(names.map(name => readFileSync(join(directory, name))));
    const count = bytes.length / 3073;
    const pixels = new Float32Array(count * 3072);
    for (let i = 0; i < count; i++) {
      for (let at = 0; at < 3072; at++) {
        const channel = Math.floor(at / 1024);
        const value = bytes[i * 3073 + 1 + at] / 255;
        pixels[i * 3072 + (at % 1024) * 3 + channel] = (value - MEAN[channel]) / DEVIATION[channel];
      }
    }
    return images(
      pixels,
      32,
      Int32Array.from({ length: count }, (_, i) => bytes[i * 3073]),
    );
  };
  const all = load([1, 2, 3, 4, 5].map(part => `data_batch_${part}.bin`));
  const { train, validation } = stratify(all, { validation: 0.1, test: 0 }, seed);
  return { train, validation, test: load(['test_batch.bin']) };
}

const MEAN = [0.4914, 0.4822, 0.4465];
const DEVIATION = [0.247, 0.2435, 0.2616];

/** The first `count` examples; they are in random order after the split. */
export function take({ inputs, targets }: Images, count: number): Images {
  const pick = (array: NdArray): NdArray => {
    const size = array.data.length / array.shape[0];
    const length = Math.min(count, array.shape[0]);
    return { ...array, shape: [length, ...array.shape.slice(1)], data: array.data.slice(0, length * size) };
  };
  return { inputs: pick(inputs), targets: pick(targets) };
}

function images(pixels: Float32Array, side: number, labels: Int32Array): Images {
  return {
    inputs: {
      data: pixels,
      shape: [labels.length, side, side, pixels.length / (labels.length * side * side)],
      dtype: 'float32',
    },
    targets: { data: labels, shape: [labels.length], dtype: 'int32' },
  };
}

function stratify(all: Images, shares: { validation: number; test: number }, seed: number): ImageSplits {
  const random = seedrandom(`split ${seed}`);
  const parts: Record<keyof ImageSplits, number[]> = { train: [], validation: [], test: [] };
  for (let label = 0; label < 10; label++) {
    const members = shuffle([...all.targets.data.keys()].filter(i => all.targets.data[i] === label), random); // prettier-ignore
    const test = Math.round(members.length * shares.test);
    const validation = Math.round(members.length * shares.validation);
    parts.test.push(...members.slice(0, test));
    parts.validation.push(...members.slice(test, test + validation));
    parts.train.push(...members.slice(test + validation));
  }
  const part = (indices: number[]): Images => select(all, shuffle(indices, random));
  return { train: part(parts.train), validation: part(parts.validation), test: part(parts.test) };
}

function select({ inputs, targets }: Images, indices: readonly number[]): Images {
  const [count, side] = inputs.shape;
  const size = inputs.data.length / count;
  const pixels = new Float32Array(indices.length * size);
  indices.forEach((from, to) => pixels.set(inputs.data.subarray(from * size, (from + 1) * size), to * size));
  return images(
    pixels,
    side,
    Int32Array.from(indices, i => targets.data[i]),
  );
}
