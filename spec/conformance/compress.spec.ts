/** The whole way, from a tf.js model to a smaller one, on the zoo. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { compress } from '../../lib/compress';
import { gather, relativeError } from '../../lib/core/array';
import { hashOf } from '../../lib/core/hash';
import { magnitude, random } from '../../lib/criteria';
import { uniform } from '../../lib/budgets';
import { chain, prune, repeat } from '../../lib/methods';
import { capture } from '../../lib/runtime/capture';
import { CPU_KERNELS, NATIVE } from '../backend';
import { NETS, NET_NAMES } from '../zoo/nets';
import { rejection } from '../zoo/refusal';
import { randomize } from '../zoo/weights';

/** Without folding, which moves biases that no plan speaks of. */
const method = prune({ criterion: random(), budget: uniform({ ratio: 0.4, minimum: 1 }), fold: false });
const quiet = { latency: false } as const;

beforeAll(() => tf.setBackend(CPU_KERNELS));

describe.each(NET_NAMES)('%s', name => {
  test('comes out smaller, certified, as the plan says, and alone', async () => {
    const net = NETS[name]();
    const tensors = tf.memory().numTensors;
    const before = await capture(net);
    const { model, report, plan } = await compress(net, method, { seed: 3, ...quiet });
    const after = await capture(model);

    expect(await capture(net)).toEqual(before);
    expect(report.certificates.map(({ error, tolerance }) => error <= tolerance)).toEqual([true]);
    expect(report.after.parameters).toBeLessThan(report.before.parameters);
    expect(report.after.units).toBe(report.before.units - plan.groups.flatMap(({ removed }) => removed).length);
    expect(plan.source.sha256).toBe(await hashOf(before));

    const weights = new Map(before.weights);
    for (const { layer, weight, axis, kept } of plan.sites) {
      weights.set(
        layer,
        weights.get(layer)!.map((array, i) => (i === weight ? gather(array, axis, kept) : array)),
      );
    }
    expect(after.weights).toEqual(weights);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);

    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    net.dispose();
  });
});

test('same seed, same bytes; another seed, others', async () => {
  const net = NETS.denseBlock();
  const hashes: string[] = [];
  for (const seed of [1, 1, 2]) {
    const { model } = await compress(net, method, { seed, ...quiet });
    hashes.push(await hashOf(await capture(model)));
    model.dispose();
  }
  net.dispose();
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[0]).not.toBe(hashes[2]);
});

test('two cuts in one run are told as one plan', async () => {
  const net = NETS.residual();
  const { model, plan, report } = await compress(
    net,
    repeat(2, () => method),
    { seed: 4, ...quiet },
  );
  const original = await capture(net);
  const kept = plan.sites.find(({ layer, weight, axis }) => layer === 'a' && weight === 0 && axis === 3)!.kept;
  const { removed, units } = plan.groups.find(({ name }) => name === 'a')!;
  expect([...kept, ...removed].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  expect(units).toBe(4);
  expect((await capture(model)).weights.get('a')![1]).toEqual(gather(original.weights.get('a')![1], 0, kept));
  expect(report.stages.map(({ name }) => name)).toEqual(['dense', 'pruned 1/2', 'pruned 2/2']);
  model.dispose();
  net.dispose();
});

test('the smaller model computes what the larger one does where only dead units went', async () => {
  const net = NETS.sequential();
  const conv = net.getLayer('conv');
  const [kernel, bias] = conv.getWeights();
  const dead = [1, 4, 6];
  const alive = tf.tensor1d(Array.from({ length: 8 }, (_, i) => (dead.includes(i) ? 0 : 1)));
  const norm = net.getLayer('bn');
  const [scale, shift, mean, variance] = norm.getWeights();
  tf.tidy(() => {
    conv.setWeights([tf.mul(kernel, alive), tf.mul(bias, alive)]);
    norm.setWeights([scale, tf.mul(shift, alive), tf.mul(mean, alive), variance]);
  });
  const budget = uniform({ ratio: 3 / 8 });
  const cut = prune({ criterion: magnitude(), budget, groups: ({ name }) => name === 'conv' });
  const { model, plan } = await compress(net, cut, quiet);
  expect(plan.groups.find(({ name }) => name === 'conv')!.removed).toEqual(dead);
  const x = tf.randomNormal([4, 6, 5, 3], 0, 1, 'float32', 1);
  const [small, large] = [model, net].map(each => (each.predict(x) as tf.Tensor).dataSync());
  expect(relativeError(small, large)).toBeLessThanOrEqual(1e-6);
  tf.dispose([x, alive]);
  model.dispose();
  net.dispose();
});

test('an abort stops the run and leaves nothing behind', async () => {
  const net = NETS.residual();
  const tensors = tf.memory().numTensors;
  const controller = new AbortController();
  const stopping = {
    ...method,
    name: 'stop',
    run: (given: never) => Promise.resolve(given).finally(() => controller.abort()),
  };
  const error = await rejection(
    compress(net, chain(method, stopping as never, method), { signal: controller.signal, ...quiet }),
  );
  expect(error.code).toBe('aborted');
  expect(tf.memory().numTensors).toBe(tensors);
  net.dispose();
});

/** tf.js's cpu and wasm kernels run through the parameters in memory order, whatever the axis; TensorFlow's do not. */
test('a BatchNormalization off the last axis is passed as exact only by a backend that computes it rightly', async () => {
  const x = layers.input({ shape: [3, 6, 5], name: 'x' });
  const first = { dataFormat: 'channelsFirst', padding: 'same', kernelSize: 3 } as const;
  const chained = [
    layers.layers.conv2d({ name: 'a', filters: 6, ...first }),
    layers.layers.batchNormalization({ name: 'bn', axis: 1 }),
    layers.layers.conv2d({ name: 'b', filters: 4, ...first }),
    layers.layers.flatten({ name: 'flatten', dataFormat: 'channelsFirst' }),
    layers.layers.dense({ name: 'head', units: 2 }),
  ].reduce<layers.SymbolicTensor>((flow, layer) => layer.apply(flow) as layers.SymbolicTensor, x);
  const net = randomize(layers.model({ inputs: x, outputs: chained }));
  const tensors = tf.memory().numTensors;
  const cut = prune({
    criterion: random(),
    budget: uniform({ ratio: 0.5 }),
    groups: ({ sites }) => sites.some(({ layer }) => layer === 'bn'),
  });
  if (NATIVE) (await compress(net, cut, quiet)).model.dispose();
  else expect(['not-exact', 'no-groups']).toContain((await rejection(compress(net, cut, quiet))).code);
  expect(tf.memory().numTensors).toBe(tensors);
  net.dispose();
});
