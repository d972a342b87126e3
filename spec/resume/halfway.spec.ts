/** A training that is stopped goes on behind its last whole epoch, and ends with the same bytes. */
import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential, type LayersModel } from '@tensorflow/tfjs-layers';
import {
  capture,
  chain,
  compress,
  distill,
  fineTune,
  groupLasso,
  growingReg,
  magnitude,
  prune,
  slim,
  uniform,
  useBackend,
  type Data,
  type Method,
  type Progress,
} from 'tfjs-prune';
import { hashOf } from '../../lib/core/hash';
import { WASM } from '../backend';
import { exampleSplit, mlp, randomize } from '../runtime/help';
import { memoryStore } from '../zoo/store';

beforeAll(() => useBackend(WASM));

const data: Data = { train: exampleSplit(48, 1), validation: exampleSplit(24, 2), test: exampleSplit(24, 3) };

/** Each draws masks and noise of its own. */
function noisy(): LayersModel {
  const model = sequential({
    name: 'noisy',
    layers: [
      layers.dense({ name: 'a', units: 6, inputShape: [4] }),
      layers.batchNormalization({ name: 'b', scale: false }),
      layers.dropout({ name: 'drop', rate: 0.5 }),
      layers.gaussianNoise({ name: 'noise', stddev: 0.3 }),
      layers.dense({ name: 'c', units: 3, activation: 'softmax' }),
    ],
  });
  randomize(model, 1);
  return model;
}

interface Watching {
  readonly store?: ReturnType<typeof memoryStore>['store'];
  /** Stops after so many epochs. */
  readonly after?: number;
}

/** What came of it, and the epochs that were trained. */
async function run(method: Method<'data' | 'training'>, make: () => LayersModel, { store, after }: Watching = {}) {
  const [controller, epochs] = [new AbortController(), [] as number[]];
  const progress = ({ detail = '', done }: Progress): void => {
    if (!detail.startsWith('loss')) return;
    epochs.push(done);
    if (epochs.length === after) controller.abort();
  };
  const model = make();
  const settings = { data, seed: 3, latency: false, resume: store, signal: controller.signal, progress } as const;
  try {
    const { model: trained, report } = await compress(model, method, settings);
    const hash = await hashOf(await capture(trained));
    trained.dispose();
    return { outcome: { hash, report: JSON.stringify(report) }, epochs };
  } catch (error) {
    expect(error).toMatchObject({ code: 'aborted' });
    return { epochs };
  } finally {
    model.dispose();
  }
}

const four = { epochs: 4, batchSize: 16 };
const cut = { criterion: magnitude(), budget: uniform({ ratio: 0.5 }) };
const trainings: readonly (readonly [string, Method<'data' | 'training'>, () => LayersModel])[] = [
  ['adam, the best epoch', fineTune({ ...four, learningRate: 0.3 }), mlp],
  ['momentum, the last epoch', fineTune({ ...four, optimizer: 'momentum', restoreBest: false }), mlp],
  ['Dropout and noise', fineTune({ ...four, restoreBest: false }), noisy],
  ['L1 on gamma, with its history', slim({ ...four, l1: 0.01 }), mlp],
  ['group lasso', groupLasso({ ...four, strength: 0.01 }), mlp],
  ['a penalty that grows', growingReg({ ...four, ...cut, every: 2, delta: 0.05 }), mlp],
  ['a teacher', distill({ ...four, features: [{ student: 'c', weight: 1 }] }), mlp],
  ['moments that are carried over a cut', chain(fineTune({ ...four, carry: true }), prune(cut), fineTune({ ...four, carry: true })), mlp], // prettier-ignore
];

describe.each(trainings)('%s', (_, method, make) => {
  test('goes on behind its last epoch, and ends the same', async () => {
    const whole = await run(method, make);
    const tensors = tf.memory().numTensors;
    for (let after = 1; after < whole.epochs.length; after++) {
      if (whole.epochs[after - 1] === four.epochs) continue; // the last epoch of a training is kept with its step
      const { store } = memoryStore();
      const first = await run(method, make, { store, after });
      expect(first.outcome).toBeUndefined();
      const second = await run(method, make, { store });
      expect(second.outcome).toEqual(whole.outcome);
      expect([...first.epochs, ...second.epochs]).toEqual(whole.epochs);
    }
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

test.each([
  ['damaged', (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 9 ? byte ^ 1 : byte))],
  ['cut short', (bytes: Uint8Array) => bytes.slice(0, 40)],
])('what is kept of a training is %s: it starts from its beginning', async (_, damage) => {
  const [, method, make] = trainings[0];
  const whole = await run(method, make);
  const { store, files } = memoryStore();
  await run(method, make, { store, after: 2 });
  files.set('training.bin', damage(files.get('training.bin')!));
  expect(await run(method, make, { store })).toEqual(whole);
});

test('a training after another of the same model does not take its epochs', async () => {
  const tune = (learningRate: number) => fineTune({ ...four, learningRate, restoreBest: false });
  const back: Method<'data' | 'training'> = {
    name: 'tries two rates',
    needs: ['training'],
    async run(model, context) {
      await tune(0.1).run(model, context);
      return tune(0.01).run(model, context);
    },
  };
  const whole = await run(back, mlp);
  const { store } = memoryStore();
  await run(back, mlp, { store, after: 3 });
  expect((await run(back, mlp, { store })).outcome).toEqual(whole.outcome);
});

test('a step that fails takes its count of trainings with it', async () => {
  const tune = fineTune({ ...four, restoreBest: false });
  const again: Method<'data' | 'training'> = {
    name: 'tries, then trains',
    needs: ['training'],
    async run(model, context) {
      const failing = context.step('fails', model, () => Promise.reject(new Error('no')));
      await failing.catch(() => undefined);
      return tune.run(model, context);
    },
  };
  const whole = await run(again, mlp);
  const { store, files } = memoryStore();
  await run(again, mlp, { store, after: 2 });
  expect(new TextDecoder().decode(files.get('training.bin'))).toContain('training 0 of step-0000.bin');
  expect((await run(again, mlp, { store })).outcome).toEqual(whole.outcome);
});
