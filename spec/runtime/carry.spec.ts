/** What an optimizer knows goes on from one training to the next, through cuts. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as layers from '@tensorflow/tfjs-layers';
import { uniform } from '../../lib/budgets';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { FitOptions, Moments, OptimizerName } from '../../lib/core/context';
import { magnitude } from '../../lib/criteria';
import { prune } from '../../lib/methods';
import { capture } from '../../lib/runtime/capture';
import { createContext } from '../../lib/runtime/context';
import type { Splits } from '../../lib/runtime/data';
import { fit } from '../../lib/runtime/fit';
import { CPU_KERNELS, WASM_KERNELS } from '../backend';
import { batchNormalization, bits, dense, mlp, normals, onWasm, splits, withoutLeak } from './help';

onWasm();
afterEach(async () => void (await tf.setBackend(WASM_KERNELS)));

const optimizers: readonly OptimizerName[] = ['adam', 'momentum'];
const numbers = ({ slots, ...more }: Moments) => ({
  ...more,
  slots: slots.map(weights => bits({ topology: undefined as never, weights })),
});

/** Weights and moments after training. */
async function trained(model: Checkpoint, data: Splits, options: FitOptions, moments?: Moments) {
  let ended: Moments | undefined;
  const logs: string[] = [];
  const result = await withoutLeak(() =>
    fit(model, data, options, {
      seed: 1,
      moments,
      log: line => logs.push(line),
      onMoments: found => void (ended = found),
    }),
  );
  return { result, ended, logs };
}

/** One weight whose gradient is 1 wherever it stands. */
async function slope(): Promise<{ model: Checkpoint; data: Splits }> {
  const one = normals([4, 1], () => 1);
  const loss = (_: tf.Tensor, predictions: tf.Tensor): tf.Scalar => tf.mean(predictions);
  const model = layers.sequential({
    layers: [
      dense({ name: 'd', units: 1, inputShape: [1], useBias: false }),
      dense({ name: 'still', units: 1, useBias: false, kernelInitializer: 'ones', trainable: false }),
    ],
  });
  return { model: await capture(model), data: { train: { inputs: [one], targets: [one] }, loss: [loss] } };
}

describe.each([WASM_KERNELS, CPU_KERNELS])('%s', backend => {
  beforeEach(async () => void (await tf.setBackend(backend)));

  test.each(optimizers)('%s: two trainings end with the moments of one that goes on', async optimizer => {
    const { model, data } = await slope();
    const options = { batchSize: 2, optimizer, carry: true };
    const whole = await trained(model, data, { ...options, epochs: 6 });
    const first = await trained(model, data, { ...options, epochs: 3 });
    const second = await trained(first.result, data, { ...options, epochs: 3 }, first.ended);
    expect(second.logs).toEqual([]);
    expect(numbers(second.ended!)).toEqual(numbers(whole.ended!));
    expect(numbers(second.ended!)).not.toEqual(numbers(first.ended!));
    expect(whole.ended!.steps).toBe(12);
    const expected = optimizer === 'adam' ? [1 - 0.9 ** 12, 1 - 0.999 ** 12] : [10 * (1 - 0.9 ** 12)];
    whole.ended!.slots.forEach((slot, i) => expect(slot.get('d')![0].data[0]).toBeCloseTo(expected[i], 5));
    for (const slot of whole.ended!.slots) {
      expect(slot.get('still')!.map(({ data: [value] }) => value)).toEqual([0]);
    }
  });

  test.each(optimizers)('%s: the next step is that of one training, not of a fresh one', async optimizer => {
    const { model, data } = await slope();
    const options: FitOptions = { epochs: 1, batchSize: 4, learningRate: 0.1, optimizer, carry: true };
    const first = await trained(model, data, { ...options, epochs: 3 });
    const at = ({ weights }: Checkpoint): number => weights.get('d')![0].data[0];
    const step = at((await trained(first.result, data, options, first.ended)).result) - at(first.result);
    const momentum = -0.1 * (1 + 0.9 + 0.81 + 0.729);
    expect(step).toBeCloseTo(optimizer === 'adam' ? -0.1 : momentum, 5);
    const fresh = at((await trained(first.result, data, options)).result) - at(first.result);
    expect(fresh).toBeCloseTo(-0.1, 5);
  });
});

test('moments are those of the epoch whose weights are returned', async () => {
  const model = await capture(mlp());
  const data = splits(60);
  const options: FitOptions = { epochs: 8, learningRate: 0.5, carry: true };
  const { ended } = await trained(model, data, options);
  expect(ended!.steps % 2).toBe(0);
  expect(ended!.steps).toBeLessThan(16);
  expect((await trained(model, data, { ...options, restoreBest: false })).ended!.steps).toBe(16);
});

test('BatchNormalization that is completed or penalised for training has the moments of its own weights', async () => {
  const model = layers.sequential({
    layers: [
      dense({ name: 'a', units: 6, inputShape: [4] }),
      batchNormalization({ name: 'b', center: false }),
      dense({ name: 'c', units: 3, activation: 'softmax' }),
    ],
  });
  const options: FitOptions = { epochs: 1, carry: true, l1: 0.1 };
  const first = await trained(await capture(model), splits(), options);
  expect(first.ended!.slots[0].get('b')!.length).toBe(3);
  const second = await trained(first.result, splits(), options, first.ended);
  expect(second.logs).toEqual([]);
  expect(second.ended!.steps).toBe(2 * first.ended!.steps);
});

test.each<[string, FitOptions, (moments: Moments) => Moments | undefined]>([
  ['there are none', { epochs: 1 }, () => undefined],
  ['they are of adam, not of momentum', { epochs: 1, optimizer: 'momentum' }, moments => moments],
  [
    'layer "c"',
    { epochs: 1 },
    moments => ({ ...moments, slots: moments.slots.map(slot => new Map([...slot].slice(0, -1))) }),
  ],
])('unfit moments (%s): a fresh optimizer, and a word about it', async (reason, options, change) => {
  const model = await capture(mlp());
  const { ended } = await trained(model, splits(), { epochs: 1, carry: true });
  const fresh = await trained(model, splits(), options);
  const { result, logs } = await trained(model, splits(), { ...options, carry: true }, change(ended!));
  expect(bits(result)).toEqual(bits(fresh.result));
  expect(logs.join()).toContain(reason);
});

test('a training that does not carry leaves moments alone and tells none', async () => {
  const { ended, logs } = await trained(await capture(mlp()), splits(), { epochs: 1 });
  expect([ended, logs]).toEqual([undefined, []]);
});

describe('in a run', () => {
  async function start() {
    const logs: string[] = [];
    const model = await capture(mlp());
    const options = { original: model, seed: 1, log: (line: string) => void logs.push(line), progress: () => {} };
    return { ...(await createContext(options, splits(), () => Promise.resolve())), logs, model };
  }
  const cut = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }) });
  const carry: FitOptions = { epochs: 2, carry: true };

  test('a cut takes the same positions from the moments as from the weights', async () => {
    const { context, journal, model } = await start();
    const fitted = await context.training.fit(model, carry);
    const before = journal.moments!;
    await cut.run(fitted, context);
    const { kept } = journal.notes.steps[0].sites.find(({ layer, weight }) => layer === 'a' && weight === 0)!;
    expect(kept).toHaveLength(3);
    expect(journal.moments!.steps).toBe(before.steps);
    journal.moments!.slots.forEach((slot, i) => {
      const values = (path: string, weight: number, from = slot) => [...from.get(path)![weight].data];
      const old = before.slots[i];
      expect(values('a', 0)).toEqual([0, 1, 2, 3].flatMap(row => kept.map(k => values('a', 0, old)[row * 6 + k])));
      expect(values('a', 1)).toEqual(kept.map(k => values('a', 1, old)[k]));
      for (const weight of [0, 1]) expect(values('b', weight)).toEqual(kept.map(k => values('b', weight, old)[k]));
      expect(values('c', 0)).toEqual(kept.flatMap(k => values('c', 0, old).slice(3 * k, 3 * k + 3)));
      expect(values('c', 1)).toEqual(values('c', 1, old));
    });
  });

  test('training goes on with them behind the cut', async () => {
    const { context, journal, model, logs } = await start();
    const small = await cut.run(await context.training.fit(model, carry), context);
    const { steps } = journal.moments!;
    const went = bits(await context.training.fit(small, carry));
    expect(logs.filter(line => line.includes('afresh'))).toHaveLength(1); // the first
    expect(journal.moments!.steps).toBe(2 * steps);
    journal.moments = undefined;
    expect(bits(await context.training.fit(small, carry))).not.toEqual(went);
  });

  test('a training that does not carry, or a cut of another model, ends them', async () => {
    const { context, journal, model } = await start();
    const fitted = await context.training.fit(model, carry);
    await context.training.fit(fitted, { epochs: 1 });
    expect(journal.moments).toBeUndefined();
    await context.training.fit(fitted, carry);
    await cut.run(await capture(mlp({ hidden: 8 })), context);
    expect(journal.moments).toBeUndefined();
  });
});
