/**
 * One training step of a ResNet-20 (CIFAR size) on WASM: images a second with the gradient kernels alone and with all of ours, and which
 * kernels the time goes to. `npx tsx bench/resnet20.ts`
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import * as tfl from '@tensorflow/tfjs-layers';
import { installTrainingKernels } from '../lib/kernels';
import { useFastNorms } from '../lib/runtime/fastNorms';
import { createOptimizer } from '../lib/runtime/optimizer';
import { compare, printTable, timed, writeResults } from './harness';

const batch = 32;
/** Kernels that the backend has, but slowly. */
const improved = [tf.Tile, tf.Sum, tf.Mean, tf.BatchMatMul, tf.FusedBatchNorm];

async function main(): Promise<void> {
  await tf.setBackend('wasm');
  const stock = improved.map(name => tf.getKernel(name, 'wasm'));
  installTrainingKernels();
  const ours = improved.map(name => tf.getKernel(name, 'wasm'));
  const model = resnet20();
  const images = tf.randomNormal([batch, 32, 32, 3], 0, 1, 'float32', 1);
  const labels = tf.oneHot(tf.randomUniform([batch], 0, 10, 'int32', 2), 10);
  const variables = model.trainableWeights.map(weight => weight.read() as tf.Variable);
  const cost = (): tf.Scalar =>
    tf.losses.softmaxCrossEntropy<tf.Tensor, tf.Scalar>(labels, model.apply(images, { training: true }) as tf.Tensor);
  const stockOptimizer = tf.train.momentum(0.1, 0.9);
  const stockStep = (): void => tf.tidy(() => void stockOptimizer.minimize(cost, false, variables));
  const optimizer = createOptimizer('momentum');
  const step = (): void => {
    const restore = useFastNorms(model);
    optimizer.minimize(cost, variables, 0.1);
    restore();
  };
  const timings = compare([
    { name: 'gradient kernels alone', run: () => (stock.forEach(replace), stockStep(), ours.forEach(replace)) },
    { name: 'and fast kernels', run: stockStep },
    { name: 'and batch normalization, optimizer', run: step },
  ]);
  const results = timings.map(timing => ({ ...timing, imagesPerSecond: (1000 * batch) / timing.median }));
  console.log(`ResNet-20, batch ${batch}`);
  printTable(
    ['', 'ms a step', 'spread', 'images/s'],
    results.map(({ name, median, spread, imagesPerSecond }) => [name, median, spread, imagesPerSecond]),
  );
  const profile = profiled(step);
  const total = profile.reduce((sum, { ms }) => sum + ms, 0);
  printTable(
    ['kernel', 'ms', 'calls', '%'],
    profile
      .filter(({ ms }) => ms > total / 200)
      .map(({ name, ms, calls }) => [name, ms, String(calls), (100 * ms) / total]),
  );
  writeResults('resnet20', { batch, steps: results, profile });
}

/** He et al. 2016, section 4.2, n = 3, with 1x1 convolutions as the shortcuts that change shape. */
function resnet20(): tfl.LayersModel {
  const input = tfl.input({ shape: [32, 32, 3] });
  let x = normalised(input, 16, 3, 1, true);
  for (const filters of [16, 32, 64]) {
    for (let block = 0; block < 3; block++) {
      const strides = filters > 16 && block === 0 ? 2 : 1;
      const shortcut = strides === 1 ? x : normalised(x, filters, 1, 2, false);
      const y = normalised(normalised(x, filters, 3, strides, true), filters, 3, 1, false);
      const sum = tfl.layers.add().apply([y, shortcut]);
      x = tfl.layers.reLU().apply(sum) as tfl.SymbolicTensor;
    }
  }
  const pooled = tfl.layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }).apply(x);
  return tfl.model({ inputs: input, outputs: tfl.layers.dense({ units: 10 }).apply(pooled) as tfl.SymbolicTensor });
}

/** Convolution, batch normalisation and perhaps ReLU. */
function normalised(
  x: tfl.SymbolicTensor,
  filters: number,
  kernelSize: number,
  strides: number,
  relu: boolean,
): tfl.SymbolicTensor {
  const convolution = tfl.layers.conv2d({
    filters,
    kernelSize,
    strides,
    padding: 'same',
    useBias: false,
    kernelInitializer: 'heNormal',
  });
  const out = tfl.layers.batchNormalization().apply(convolution.apply(x));
  return (relu ? tfl.layers.reLU().apply(out) : out) as tfl.SymbolicTensor;
}

interface Share {
  readonly name: string;
  readonly ms: number;
  readonly calls: number;
}

/** Time by kernel in one run, without what it spends in the kernels it calls; they are listed as `caller > kernel`. */
function profiled(run: () => void): Share[] {
  const shares = new Map<string, { ms: number; calls: number }>();
  const stack: { name: string; inside: number }[] = [];
  const stock = tf.getKernelsForBackend('wasm');
  for (const config of stock) {
    const kernelFunc: tf.KernelFunc = call => {
      const parent = stack[stack.length - 1];
      const frame = { name: parent ? `${parent.name} > ${config.kernelName}` : config.kernelName, inside: 0 };
      stack.push(frame);
      const start = performance.now();
      const out = config.kernelFunc(call);
      const ms = performance.now() - start;
      stack.pop();
      if (parent) parent.inside += ms;
      const share = shares.get(frame.name) ?? { ms: 0, calls: 0 };
      shares.set(frame.name, { ms: share.ms + ms - frame.inside, calls: share.calls + 1 });
      return out;
    };
    replace({ ...config, kernelFunc });
  }
  const whole = timed(run);
  stock.forEach(replace);
  const list = [...shares].map(([name, share]) => ({ name, ...share }));
  const outside = whole - list.reduce((sum, { ms }) => sum + ms, 0);
  return [...list, { name: 'outside of kernels', ms: outside, calls: 1 }].sort((a, b) => b.ms - a.ms);
}

function replace(config: tf.KernelConfig): void {
  tf.unregisterKernel(config.kernelName, 'wasm');
  tf.registerKernel(config);
}

void main();
