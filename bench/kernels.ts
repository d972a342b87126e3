/** The training kernels against the stock ones, in GFLOP/s and as ratios. `npx tsx bench/kernels.ts` */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { installTrainingKernels } from '../lib/kernels';
import type { Timing } from './harness';
import { compare, printTable, writeResults } from './harness';

type Quad = [number, number, number, number];
type Kernel = () => tf.TensorInfo;

/** x, filter, stride; padding same. */
const convolutions: readonly (readonly [Quad, Quad, number])[] = [
  [[32, 32, 32, 16], [3, 3, 16, 16], 1],
  [[32, 16, 16, 64], [3, 3, 64, 64], 1],
  [[32, 8, 8, 128], [3, 3, 128, 128], 1],
  [[32, 16, 16, 64], [3, 3, 64, 64], 2],
  [[8, 56, 56, 64], [3, 3, 64, 64], 1],
  [[32, 16, 16, 256], [1, 1, 256, 256], 1],
  [[32, 32, 32, 3], [3, 3, 3, 16], 1],
  [[32, 32, 32, 16], [3, 3, 16, 32], 2],
  [[32, 32, 32, 16], [1, 1, 16, 32], 2],
  [[32, 16, 16, 32], [5, 5, 32, 32], 1],
  [[1, 28, 28, 64], [3, 3, 64, 64], 1],
];

/** x, filter with the multiplier last, stride. */
const depthwise: readonly (readonly [Quad, Quad, number])[] = [
  [[32, 32, 32, 32], [3, 3, 32, 1], 1],
  [[32, 16, 16, 128], [3, 3, 128, 1], 1],
  [[32, 16, 16, 128], [3, 3, 128, 1], 2],
  [[32, 16, 16, 64], [5, 5, 64, 1], 1],
  [[32, 16, 16, 64], [3, 3, 64, 2], 1],
];

/** Batch, m, k, n, and which side is transposed. */
const products: readonly (readonly [number, number, number, number, '' | 'A' | 'B'])[] = [
  [1, 128, 512, 512, 'B'],
  [1, 512, 128, 512, 'A'],
  [1, 32, 1024, 1000, 'B'],
  [64, 64, 64, 64, ''],
  [64, 64, 64, 64, 'B'],
  [64, 128, 32, 128, 'A'],
];

const statistics: readonly (readonly [string, number[], object])[] = [
  [tf.Tile, [1, 1, 1, 16], { reps: [32, 32, 32, 1] }],
  [tf.Tile, [32, 128, 1], { reps: [1, 1, 64] }],
  [tf.Sum, [32, 32, 32, 16], { axis: [0, 1, 2] }],
  [tf.Sum, [32, 8, 8, 64], { axis: [0, 1, 2] }],
  [tf.Mean, [8, 56, 56, 64], { axis: [0, 1, 2] }],
  [tf.Sum, [32, 1000], { axis: [0] }],
];

async function main(): Promise<void> {
  await tf.setBackend('wasm');
  const replaced = [tf.Conv2DBackpropInput, tf.BatchMatMul, tf.Sum, tf.Mean, tf.Tile];
  const stock = Object.fromEntries(replaced.map(name => [name, tf.getKernel(name, 'wasm').kernelFunc]));
  installTrainingKernels();
  const results = {
    convolutions: benchConvolutions(stock[tf.Conv2DBackpropInput]),
    depthwise: benchDepthwise(),
    products: benchProducts(stock[tf.BatchMatMul]),
    statistics: benchStatistics(stock),
    segmentSum: benchSegmentSum(),
  };
  writeResults('kernels', results);
}

function benchConvolutions(stock: tf.KernelFunc): unknown {
  const ratios: number[] = [];
  const rows = convolutions.map(([xShape, filterShape, strides]) => {
    const attrs = { strides, pad: 'same', dataFormat: 'NHWC', dilations: 1 };
    const { x, filter, dy, macs } = tensorsFor(xShape, filterShape, strides, false);
    const inputAttrs = { ...attrs, inputShape: xShape };
    const timings = compareKernels({
      forward: call('Conv2D', { x, filter }, attrs),
      'dx stock': call(stock, { dy, filter }, inputAttrs),
      dx: call('Conv2DBackpropInput', { dy, filter }, inputAttrs),
      dW: call('Conv2DBackpropFilter', { x, dy }, { ...attrs, filterShape }),
    });
    tf.dispose([x, filter, dy]);
    const [, slow, fast] = timings;
    ratios.push(slow.median / fast.median);
    return {
      shape: label(xShape, filterShape, strides),
      timings,
      gflops: timings.map(rate(macs)),
      ratio: slow.median / fast.median,
    };
  });
  console.log('Convolution, GFLOP/s (dx/stock: how many times the stock kernel)');
  const headers = ['x, filter, stride', 'forward', 'dx stock', 'dx', 'dW', 'dx/stock', 'dW ms'];
  printTable(
    headers,
    rows.map(({ shape, gflops, ratio, timings }) => [shape, ...gflops, ratio, timings[3].median]),
  );
  const sorted = [...ratios].sort((a, b) => a - b);
  console.log(`dx over stock: median ${sorted[sorted.length >> 1].toFixed(1)}, least ${sorted[0].toFixed(1)}\n`);
  return rows;
}

function benchDepthwise(): unknown {
  const rows = depthwise.map(([xShape, filterShape, strides]) => {
    const attrs = { strides, pad: 'same', dilations: 1 };
    const { x, filter, dy, macs } = tensorsFor(xShape, filterShape, strides, true);
    const timings = compareKernels({
      forward: call('DepthwiseConv2dNative', { x, filter }, attrs),
      dx: call('DepthwiseConv2dNativeBackpropInput', { dy, filter }, { ...attrs, inputShape: xShape }),
      dW: call('DepthwiseConv2dNativeBackpropFilter', { x, dy }, { ...attrs, filterShape }),
    });
    tf.dispose([x, filter, dy]);
    return { shape: label(xShape, filterShape, strides), timings, gflops: timings.map(rate(macs)) };
  });
  console.log('Depthwise convolution, ms');
  const headers = ['x, filter, stride', 'forward', 'dx', 'dW'];
  printTable(
    headers,
    rows.map(({ shape, timings }) => [shape, ...timings.map(({ median }) => median)]),
  );
  return rows;
}

function benchProducts(stock: tf.KernelFunc): unknown {
  const rows = products.map(([batch, m, k, n, transposed]) => {
    const a = tf.randomNormal(transposed === 'A' ? [batch, k, m] : [batch, m, k]);
    const b = tf.randomNormal(transposed === 'B' ? [batch, n, k] : [batch, k, n]);
    const attrs = { transposeA: transposed === 'A', transposeB: transposed === 'B' };
    const timings = compareKernels({
      stock: call(stock, { a, b }, attrs),
      ours: call('BatchMatMul', { a, b }, attrs),
    });
    tf.dispose([a, b]);
    const gflops = timings.map(rate(batch * m * k * n));
    const shape = `${batch} x [${m} ${k}] [${k} ${n}]${transposed && ` transpose${transposed}`}`;
    return { shape, timings, gflops, ratio: timings[0].median / timings[1].median };
  });
  console.log('Matrix product, GFLOP/s');
  printTable(
    ['shape', 'stock', 'ours', 'ratio'],
    rows.map(({ shape, gflops, ratio }) => [shape, ...gflops, ratio]),
  );
  return rows;
}

/** What batch and layer normalisation do besides arithmetic: reduce activations to channels, and spread channels to activations. */
function benchStatistics(stock: Readonly<Record<string, tf.KernelFunc>>): unknown {
  const rows = statistics.map(([name, shape, attrs]) => {
    const x = tf.randomNormal(shape);
    const timings = compareKernels({ stock: call(stock[name], { x }, attrs), ours: call(name, { x }, attrs) });
    tf.dispose(x);
    const label = `${name} ${shape.join('x')} ${JSON.stringify(attrs)}`;
    return { shape: label, timings, ratio: timings[0].median / timings[1].median };
  });
  console.log('Statistics, ms');
  printTable(
    ['kernel', 'stock', 'ours', 'ratio'],
    rows.map(({ shape, timings, ratio }) => [shape, ...timings.map(({ median }) => median), ratio]),
  );
  return rows;
}

/** The gradient of an embedding of 10,000 words. */
function benchSegmentSum(): unknown {
  const numSegments = 10000;
  const rows = [64, 512].map(width => {
    const x = tf.randomNormal([32 * 128, width]);
    const segmentIds = tf.tensor1d(
      Array.from({ length: 32 * 128 }, (_, i) => (i * 7919) % numSegments),
      'int32',
    );
    const timings = compareKernels({ ours: call('UnsortedSegmentSum', { x, segmentIds }, { numSegments }) });
    tf.dispose([x, segmentIds]);
    return { shape: `4096 rows of ${width} into 10000`, timings };
  });
  console.log('UnsortedSegmentSum, ms');
  printTable(
    ['shape', 'ours'],
    rows.map(({ shape, timings }) => [shape, timings[0].median]),
  );
  return rows;
}

function tensorsFor(
  xShape: Quad,
  filterShape: Quad,
  strides: number,
  isDepthwise: boolean,
): { x: tf.Tensor; filter: tf.Tensor; dy: tf.Tensor; macs: number } {
  const info = tf.backend_util.computeConv2DInfo(xShape, filterShape, strides, 1, 'same', undefined, isDepthwise);
  const dy = tf.randomNormal(info.outShape);
  const perOutput = filterShape[0] * filterShape[1] * (isDepthwise ? 1 : filterShape[2]);
  return { x: tf.randomNormal(xShape), filter: tf.randomNormal(filterShape), dy, macs: dy.size * perOutput };
}

/** A kernel of the registry, or a stock one kept from before, as something to call. */
function call(kernel: string | tf.KernelFunc, inputs: Record<string, tf.TensorInfo>, attrs: object): Kernel {
  const kernelFunc = typeof kernel === 'string' ? tf.getKernel(kernel, 'wasm').kernelFunc : kernel;
  return () => kernelFunc({ inputs, backend: tf.backend(), attrs: attrs as tf.NamedAttrMap }) as tf.TensorInfo;
}

function compareKernels(kernels: Readonly<Record<string, Kernel>>): Timing[] {
  const contenders = Object.entries(kernels).map(([name, kernel]) => ({
    name,
    run: () => void tf.backend().disposeData(kernel().dataId),
  }));
  return compare(contenders);
}

function rate(macs: number): (timing: Timing) => number {
  return ({ median }) => (2 * macs) / 1e6 / median;
}

function label(x: Quad, filter: Quad, stride: number): string {
  return `${x.join('x')}, ${filter.join('x')}, ${stride}`;
}

void main();
