/** The public call as a user makes it: what comes back, what stays untouched, and every way it refuses. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs-core';
import * as L from '@tensorflow/tfjs-layers';
import {
  capture,
  chain,
  compress,
  fineTune,
  gamma,
  global,
  magnitude,
  networkSlimming,
  prune,
  PruneError,
  random,
  recalibrate,
  repeat,
  stepRatio,
  uniform,
  useBackend,
  type Checkpoint,
  type Data,
  type Report,
} from 'tfjs-prune';
import { hashOf } from '../lib/core/hash';
import { random as stream } from '../lib/core/random';
import { WASM } from './backend';

const SIDE = 6;
const small = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }) });
const quiet = { latency: false } as const;

/** A residual net with BatchNormalization for three classes. */
function net(seed = 1): L.LayersModel {
  const kernelInitializer = L.initializers.heNormal({ seed });
  const image = L.input({ shape: [SIDE, SIDE, 1], name: 'image' });
  const conv = (name: string, x: L.SymbolicTensor): L.SymbolicTensor => {
    const options = { name, filters: 8, kernelSize: 3, padding: 'same', useBias: false, kernelInitializer } as const;
    const norm = L.layers.batchNormalization({ name: `${name}_bn` });
    return norm.apply(L.layers.conv2d(options).apply(x)) as L.SymbolicTensor;
  };
  const relu = (name: string, x: L.SymbolicTensor): L.SymbolicTensor =>
    L.layers.reLU({ name }).apply(x) as L.SymbolicTensor;
  const stem = relu('relu1', conv('stem', image));
  const branch = conv('second', relu('relu2', conv('first', stem)));
  const sum = relu('relu3', L.layers.add({ name: 'sum' }).apply([stem, branch]) as L.SymbolicTensor);
  const pooled = L.layers.globalAveragePooling2d({ name: 'pool' }).apply(sum);
  const head = L.layers.dense({ name: 'head', units: 3, activation: 'softmax', kernelInitializer });
  return L.model({ inputs: image, outputs: head.apply(pooled) as L.SymbolicTensor, name: 'net' });
}

/** Images whose class is the third of the rows that is bright. */
function examples(count: number, seed: number): Data['train'] {
  const { normal, integer } = stream(seed, 'examples');
  const labels = Int32Array.from({ length: count }, () => integer(3));
  const pixels = new Float32Array(count * SIDE * SIDE).map((_, i) => {
    const row = Math.floor((i % (SIDE * SIDE)) / SIDE);
    const label = labels[Math.floor(i / (SIDE * SIDE))];
    return (Math.floor(row / 2) === label ? 1 : 0) + 0.3 * normal();
  });
  return {
    inputs: { shape: [count, SIDE, SIDE, 1], dtype: 'float32', data: pixels },
    targets: { shape: [count], dtype: 'int32', data: labels },
  };
}

const data: Data = { train: examples(96, 1), validation: examples(48, 2), test: examples(96, 3) };
const slimming = networkSlimming({
  ratio: 0.5,
  slim: { epochs: 4, batchSize: 32, learningRate: 0.05, l1: 1e-3 },
  fineTune: { epochs: 4, batchSize: 32, learningRate: 0.01, fraction: 0.5 },
  steps: 2,
});

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

async function refusal(work: Promise<unknown> | (() => unknown)): Promise<PruneError> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    expect(error).toBeInstanceOf(PruneError);
    return error as PruneError;
  }
  throw new Error('it did not refuse');
}

beforeAll(() => useBackend(WASM));

describe('networkSlimming, end to end', () => {
  test('gives a smaller model that has learnt the task, with its account', async () => {
    const model = net();
    const { model: slim, report, plan } = await compress(model, slimming, { data, seed: 3 });
    expect(report.after.units).toBe(8); // 16 units, half of them gone in two steps of 29 %
    expect(report.after.macs!).toBeLessThan(0.4 * report.before.macs!);
    expect(report.stages.map(({ name }) => name)).toEqual([
      'dense',
      ...['slimmed', 'pruned', 'recalibrated', 'fine-tuned'].map(name => `${name} 1/2`),
      ...['slimmed', 'pruned', 'recalibrated', 'fine-tuned'].map(name => `${name} 2/2`),
    ]);
    expect(report.stages[8].accuracy!).toBeGreaterThan(0.9);
    expect(report.certificates).toHaveLength(2);
    for (const { error } of report.certificates) expect(error).toBeLessThanOrEqual(1e-5);
    expect(report.latency!.speedup).toBeGreaterThan(0);
    for (const stage of report.stages) expect(stage.latency).toBeGreaterThan(0);
    const [first, second] = report.gammas!.map(({ counts }) => counts.map(bins => bins.reduce((a, b) => a + b)));
    const norms = model.layers.filter(layer => layer.getClassName() === 'BatchNormalization');
    const channels = norms.reduce((sum, { outputShape }) => sum + (outputShape as number[])[3], 0);
    expect(new Set(first)).toEqual(new Set([channels]));
    expect(new Set(second).size).toBe(1);
    expect(second[0]).toBeLessThan(first[0]);
    expect(report.split).toBe('test');
    expect(slim.layers.map(layer => layer.getClassName())).toEqual(model.layers.map(layer => layer.getClassName()));
    for (const { units, removed } of plan.groups) {
      for (const unit of removed) expect(unit).toBeLessThan(units);
      expect(new Set(removed).size).toBe(removed.length);
    }
    slim.dispose();
    model.dispose();
  });

  test('leaves the input model and the data as they were', async () => {
    const model = net();
    const before = await hashOf(await capture(model));
    const tensors = { inputs: tf.zeros([8, SIDE, SIDE, 1]), targets: tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], 'int32') };
    const { model: slim } = await compress(model, slimming, { data: { train: tensors }, ...quiet });
    expect(await hashOf(await capture(model))).toBe(before);
    expect(tensors.inputs.isDisposed).toBe(false);
    expect(Array.from(tensors.targets.dataSync())).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
    tf.dispose(tensors);
    slim.dispose();
    model.dispose();
  });

  test('same seed, same bytes; another seed, others', async () => {
    const hash = async (seed: number): Promise<string> => {
      const model = net();
      const { model: slim, plan } = await compress(model, slimming, { data, seed, ...quiet });
      const result = (await hashOf(await capture(slim))) + JSON.stringify(plan.sites);
      slim.dispose();
      model.dispose();
      return result;
    };
    const first = await hash(5);
    expect(await hash(5)).toBe(first);
    expect(await hash(6)).not.toBe(first);
  });
});

test('where the model leaves sizes open, MACs are those of an example of the training data', async () => {
  const build = (length: number | null): L.LayersModel =>
    L.sequential({
      layers: [
        L.layers.conv1d({ name: 'conv', filters: 8, kernelSize: 3, inputShape: [length, 2] }),
        L.layers.globalAveragePooling1d({ name: 'pool' }),
        L.layers.dense({ name: 'head', units: 3, activation: 'softmax' }),
      ],
    });
  const [open, closed] = [build(null), build(6)];
  const inputs = { shape: [4, 6, 2], dtype: 'float32', data: new Float32Array(48).fill(1) } as const;
  const train = { inputs, targets: { shape: [4], dtype: 'int32', data: Int32Array.of(0, 1, 2, 0) } as const };
  const method = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }) });
  const reportOf = async (model: L.LayersModel): Promise<Report> => {
    const { model: small, report } = await compress(model, method, { data: { train }, latency: false });
    [small, model].forEach(each => each.dispose());
    return report;
  };
  const [ofOpen, ofClosed] = [await reportOf(open), await reportOf(closed)];
  expect([ofOpen.example, ofClosed.example]).toEqual([[[6, 2]], undefined]);
  expect([ofOpen.before.macs, ofOpen.after.macs]).toEqual([4 * 3 * 2 * 8 + 8 * 3, 4 * 3 * 2 * 4 + 4 * 3]);
  const macs = ({ before, after, stages }: Report): unknown => [before, after, ...stages].map(cost => cost.macs);
  expect(macs(ofOpen)).toEqual(macs(ofClosed));
});

describe('the plan', () => {
  test('zeroing the reads of the removed positions in the original gives the predictions of the small model', async () => {
    const model = net();
    const halves = repeat(2, () =>
      prune({ criterion: gamma(), budget: global({ ratio: stepRatio(0.5, 2), minimum: 1 }) }),
    );
    const { model: slim, plan } = await compress(model, halves, quiet);
    const masked = net();
    for (const layer of masked.layers) layer.setWeights(model.getLayer(layer.name).getWeights());
    for (const { layer, weight, axis, role, kept } of plan.sites) {
      if (role !== 'reads') continue;
      const weights = masked.getLayer(layer).getWeights();
      const mask = new Float32Array(weights[weight].shape[axis]);
      for (const position of kept) mask[position] = 1;
      const shape = weights[weight].shape.map((_, a) => (a === axis ? mask.length : 1));
      weights[weight] = tf.mul(weights[weight], tf.tensor(mask, shape));
      masked.getLayer(layer).setWeights(weights);
    }
    const x = tf.randomNormal([4, SIDE, SIDE, 1], 0, 1, 'float32', 7);
    const [a, b, c] = [slim, masked, model].map(m => Array.from((m.predict(x) as tf.Tensor).dataSync()));
    a.forEach((value, i) => expect(value).toBeCloseTo(b[i], 5));
    expect(Math.max(...c.map((value, i) => Math.abs(value - a[i])))).toBeGreaterThan(1e-3);
    tf.dispose([x]);
    [slim, masked, model].forEach(m => m.dispose());
  });
});

describe('resources', () => {
  test('50 calls leave no tensor behind', async () => {
    const model = net();
    const method = chain(small, recalibrate({ batches: 1 }), fineTune({ epochs: 1, batchSize: 48, fraction: 0.5 }));
    const run = async (): Promise<void> => {
      const { model: slim } = await compress(model, method, { data, latency: { runs: 1 } });
      slim.dispose();
    };
    await run();
    const { numTensors, numDataBuffers } = tf.memory();
    for (let i = 0; i < 50; i++) await run();
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(tf.memory().numDataBuffers).toBe(numDataBuffers);
    model.dispose();
  });

  test('no weights are held as plain data any more when the timing begins', async () => {
    const held: WeakRef<Checkpoint>[] = [];
    const watched: typeof small = {
      ...small,
      async run(model, context) {
        const result = await small.run(model, context);
        held.push(new WeakRef(model), new WeakRef(result));
        return result;
      },
    };
    const model = net();
    const predict = model.predict.bind(model);
    const alive: boolean[] = [];
    model.predict = (...given) => {
      collectGarbage();
      alive.push(held.some(each => each.deref() !== undefined));
      return predict(...given);
    };
    const { model: slim } = await compress(model, watched, { latency: { runs: 1 } });
    expect(held).toHaveLength(2);
    expect(alive).toEqual(alive.map(() => false));
    expect(alive.length).toBeGreaterThan(0);
    slim.dispose();
    model.dispose();
  });

  test('an abort stops it with one error and leaves nothing behind', async () => {
    const model = net();
    const { numTensors } = tf.memory();
    const controller = new AbortController();
    const progress = (): void => controller.abort();
    const error = await refusal(compress(model, slimming, { data, signal: controller.signal, progress, ...quiet }));
    expect(error.code).toBe('aborted');
    expect(tf.memory().numTensors).toBe(numTensors);
    model.dispose();
  });
});

describe('bad input', () => {
  const refuses = async (work: () => unknown, code: string, ...words: string[]): Promise<void> => {
    const { numTensors } = tf.memory();
    const error = await refusal(async () => work());
    expect(error.code).toBe(code);
    for (const word of words) expect(error.message).toContain(word);
    expect(error.message).toMatch(/^.+: expected .+, got .+\. .+\.$/);
    expect(tf.memory().numTensors).toBe(numTensors);
  };
  const model = (): L.LayersModel => net();

  test.each([1.5, 1, -0.1, NaN])('ratio %p', ratio =>
    refuses(() => global({ ratio }), 'bad-ratio', 'global', String(ratio)),
  );

  test('NaN weights', async () => {
    const broken = model();
    const [kernel] = broken.getLayer('first').getWeights();
    broken.getLayer('first').setWeights([tf.mul(kernel, NaN)]);
    await refuses(() => compress(broken, small, quiet), 'bad-weights', 'first', 'NaN');
    broken.dispose();
  });

  test('a model without prunable groups', async () => {
    const linear = L.sequential({ layers: [L.layers.dense({ units: 2, inputShape: [3] })] });
    await refuses(() => compress(linear, small, quiet), 'no-groups', 'model output');
    linear.dispose();
    const plain = L.sequential({
      layers: [L.layers.dense({ units: 4, inputShape: [3] }), L.layers.dense({ units: 2 })],
    });
    const byGamma = prune({ criterion: gamma(), budget: uniform({ ratio: 0.5 }) });
    await refuses(() => compress(plain, byGamma, quiet), 'no-groups', 'slimmable');
    plain.dispose();
  });

  test('a budget that would empty a layer', async () => {
    const whole = model();
    const uniformly = prune({ criterion: random(), budget: uniform({ ratio: 0.95 }) });
    await refuses(() => compress(whole, uniformly, quiet), 'empty-group', '"stem"', 'keeps 0', 'minimum: 1');
    const globally = prune({ criterion: random(), budget: global({ ratio: 0.95, minimum: 1 }) });
    await refuses(() => compress(whole, globally, quiet), 'empty-group');
    whole.dispose();
  });

  test('data of the wrong shape, no examples, labels that the head does not have', async () => {
    const whole = model();
    const tune = fineTune({ epochs: 1 });
    const good = data.train as {
      inputs: { shape: number[]; dtype: 'float32'; data: Float32Array };
      targets: { shape: number[]; dtype: 'int32'; data: Int32Array };
    };
    const wrong = (change: object): Data => ({ train: { ...good, ...change } });
    const run = (train: Data) => () => compress(whole, tune, { data: train, ...quiet });
    await refuses(run(wrong({ inputs: { ...good.inputs, shape: [96, SIDE * SIDE] } })), 'bad-data', 'train');
    const none = {
      inputs: { shape: [0, SIDE, SIDE, 1], dtype: 'float32', data: new Float32Array() },
      targets: { shape: [0], dtype: 'int32', data: new Int32Array() },
    };
    await refuses(run(wrong(none)), 'bad-data', 'train');
    const labels = Int32Array.from(good.targets.data, (label, i) => (i === 5 ? 3 : label));
    await refuses(run(wrong({ targets: { ...good.targets, data: labels } })), 'bad-data', '3');
    const oneHot = {
      shape: [96, 4],
      dtype: 'float32',
      data: new Float32Array(96 * 4).map((_, i) => (i % 4 === 0 ? 1 : 0)),
    };
    await refuses(run(wrong({ targets: oneHot })), 'bad-data', '4');
    await refuses(run({} as Data), 'bad-data', 'train');
    whole.dispose();
  });

  test('a layer class without a rule', async () => {
    class Unheard extends L.layers.Layer {
      static className = 'Unheard';
      override call(inputs: tf.Tensor[]): tf.Tensor {
        return tf.clone(inputs[0]);
      }
    }
    tf.serialization.registerClass(Unheard);
    const odd = L.sequential({ layers: [L.layers.dense({ units: 4, inputShape: [3] }), new Unheard({ name: 'odd' })] });
    await refuses(() => compress(odd, small, quiet), 'no-rule', 'Unheard', 'odd');
    odd.dispose();
  });

  test('something that is no LayersModel', () =>
    refuses(() => compress({ execute() {}, modelUrl: 'x' } as never, small, quiet), 'bad-model', 'GraphModel'));

  test('a layer to protect that does not exist', async () => {
    const whole = model();
    const method = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }), protect: ['stemm'] });
    await refuses(() => compress(whole, method, quiet), 'bad-option', 'stemm');
    whole.dispose();
  });
});
