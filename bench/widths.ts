/**
 * The time of one layer by its width: where it jumps, a backend computes that many channels at once, and narrower is no faster. One
 * backend per run. `npx tsx bench/widths.ts [wasm | node]`
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { useBackend } from '../lib';
import { compare, printTable, writeResults } from './harness';

const WIDTHS = [33, 36, 40, 41, 44, 48, 49, 52, 56, 57, 60, 64];
const ROUNDS = 15;
const native = `${process.cwd()}/.native/package.json`;

type Run = (x: tf.Tensor4D, width: number) => () => tf.Tensor;
const filterOf = (...shape: [number, number, number, number]): tf.Tensor4D =>
  tf.randomNormal(shape, 0, 1, 'float32', 0);
const square =
  (size: number): Run =>
  (x, width) => {
    const filter = filterOf(size, size, width, width);
    return () => tf.conv2d(x, filter, 1, 'same');
  };
const LAYERS: readonly (readonly [string, number, Run])[] = [
  ['1x1, 28 x 28', 28, square(1)],
  ['3x3, 28 x 28', 28, square(3)],
  ['depthwise 3x3, 56 x 56', 56, (x, width) => wise(x, filterOf(3, 3, width, 1))],
];
const wise = (x: tf.Tensor4D, filter: tf.Tensor4D) => () => tf.depthwiseConv2d(x, filter, 1, 'same');

async function main(): Promise<void> {
  const [backend = 'wasm'] = process.argv.slice(2);
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  if (backend === 'node' && existsSync(native)) createRequire(native)('@tensorflow/tfjs-node');
  const { description } = await useBackend(backend as 'wasm');
  const results = LAYERS.map(([name, side, make]) => {
    const contenders = WIDTHS.map(width => {
      const run = make(tf.randomNormal([1, side, side, width], 0, 1, 'float32', 0), width);
      return { name: String(width), run: () => repeated(run) };
    });
    return { name, timings: compare(contenders, { rounds: ROUNDS }) };
  });
  console.log(`Microseconds by width, input and output alike, ${description}`);
  printTable(
    ['', ...WIDTHS.map(String)],
    results.map(({ name, timings }) => [name, ...timings.map(({ median }) => (1000 * median) / REPEATS)]),
  );
  writeResults(`widths-${backend}`, { rounds: ROUNDS, results });
}

const REPEATS = 4;

function repeated(run: () => tf.Tensor): void {
  for (let i = 0; i < REPEATS; i++) {
    const result = run();
    result.dataSync();
    result.dispose();
  }
}

void main();
