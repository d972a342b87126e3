/**
 * What slimming adds to a training step: a ResNet-20 (CIFAR size) on WASM with and without the L1 penalty on every gamma.
 * `npx tsx bench/slimming.ts`
 */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { slimModel, useBackend, useFastNorms } from '../lib';
import { layersOf } from '../lib/runtime/leaves';
import { createOptimizer } from '../lib/runtime/optimizer';
import { compare, printTable, writeResults } from './harness';
import { resnet20 } from './zoo/resnet';

const batch = 32;

async function main(): Promise<void> {
  await useBackend('wasm');
  const plain = resnet20();
  const timings = compare(
    [
      { name: 'plain', run: trainingStep(plain) },
      { name: 'slimming', run: trainingStep(await slimModel(plain, { l1: 1e-3 })) },
    ],
    { rounds: Number(process.env.ROUNDS ?? 31) },
  );
  const [without, with_] = timings.map(({ median }) => median);
  printTable(['', 'ms a step', 'spread'], timings.map(({ name, median, spread }) => [name, median, spread])); // prettier-ignore
  console.log(`Slimming adds ${((100 * (with_ - without)) / without).toFixed(1)} %`);
  writeResults('slimming', { batch, steps: timings, share: (with_ - without) / without });
}

function trainingStep(model: LayersModel): () => void {
  const images = tf.randomNormal([batch, 32, 32, 3], 0, 1, 'float32', 1);
  const labels = tf.oneHot(tf.randomUniform([batch], 0, 10, 'int32', 2), 10);
  const variables = model.trainableWeights.map(weight => weight.read() as tf.Variable);
  const penalties = layersOf(model).flatMap(({ layer }) => layer.losses) as (() => tf.Scalar)[];
  const optimizer = createOptimizer('momentum');
  useFastNorms(model);
  const cost = (): tf.Scalar => {
    const logits = model.apply(images, { training: true }) as tf.Tensor;
    const loss = tf.losses.softmaxCrossEntropy<tf.Tensor, tf.Scalar>(labels, logits);
    return tf.addN([loss, ...penalties.map(penalty => penalty())]);
  };
  return () => optimizer.minimize(cost, variables, 0.1);
}

void main();
