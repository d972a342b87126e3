/**
 * What biases and activations take of a training step on WASM, forward and backward, in nets with them in their convolutions and in one with
 * BatchNormalization instead. `npx tsx bench/activations.ts`
 */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { useBackend, useFastNorms } from '../lib';
import { createOptimizer } from '../lib/runtime/optimizer';
import { printTable, writeResults } from './harness';
import { image, modelOf, parts } from './zoo/parts';
import { profiled, type Share } from './zoo/profile';
import { BATCH, trainedNet, trainingTask } from './zoo/trainingTask';
import { seeded } from './zoo/weights';

const RUNS = Number(process.env.ROUNDS ?? 9);
/** Sum is the gradient of a bias here, Add its addition; the product of four axes is with the step of ReLU. */
const counted = [tf.Relu, tf.Step, tf.Cast, `${tf.Multiply} 4-D`, tf.Add, tf.Sum, tf.Tile];

async function main(): Promise<void> {
  await useBackend('wasm');
  const nets = {
    'VGG with biases': biasedNet(),
    'MobileNet with biases': biasedDepthwise(),
    'ResNet-20': trainedNet(),
  };
  const profiles = Object.entries(nets).map(([name, net]) => ({ name, profile: profileOf(net) }));
  for (const { name, profile } of profiles) {
    const total = profile.reduce((sum, { ms }) => sum + ms, 0);
    console.log(`${name}, batch ${BATCH}, ${total.toFixed(0)} ms a step`);
    const rows = profile.filter(share => share.ms > total / 100 || isCounted(share));
    printTable(
      ['kernel', 'ms', 'calls', '%'],
      rows.map(share => [share.name, share.ms, String(share.calls), (100 * share.ms) / total]),
    );
    const of = profile.filter(isCounted).reduce((sum, { ms }) => sum + ms, 0);
    console.log(`${counted.join(', ')}: ${((100 * of) / total).toFixed(1)} %\n`);
  }
  writeResults('activations', { batch: BATCH, runs: RUNS, profiles });
}

/** Two convolutions with bias and ReLU in each of three stages. */
function biasedNet(): LayersModel {
  const p = parts();
  const input = image(32);
  let x = input;
  for (const channels of [32, 64, 128]) {
    for (let i = 0; i < 2; i++) x = p.conv(x, channels, { bias: true, activation: 'relu' });
    x = p.maxPool(x);
  }
  return seeded(modelOf('biased', input, p.dense(p.dense(p.flatten(x), 128, 'relu'), 10, 'softmax', 'head')));
}

/** Depthwise convolutions do little work for each value that is then biased and cut. */
function biasedDepthwise(): LayersModel {
  const p = parts();
  const input = image(32);
  let x = p.conv(input, 32, { bias: true, activation: 'relu' });
  for (const [channels, stride] of [
    [64, 1],
    [128, 2],
    [128, 1],
    [256, 2],
    [256, 1],
  ]) {
    x = p.conv(p.depthwise(x, { stride, bias: true, activation: 'relu' }), channels, {
      size: 1,
      bias: true,
      activation: 'relu',
    });
  }
  return seeded(modelOf('depthwise', input, p.dense(p.gap(x), 10, 'softmax', 'head')));
}

function profileOf(net: LayersModel): Share[] {
  const { variables, cost } = trainingTask(net);
  const optimizer = createOptimizer('momentum');
  useFastNorms(net);
  const step = (): void => optimizer.minimize(cost, variables, 1e-3);
  step();
  step();
  return profiled(step, RUNS);
}

function isCounted({ name }: Share): boolean {
  return counted.includes(name);
}

void main();
