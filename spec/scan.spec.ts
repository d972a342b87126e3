/** Scans as a user makes them: what comes back, and every way they stop. */
import * as tf from '@tensorflow/tfjs-core';
import * as L from '@tensorflow/tfjs-layers';
import {
  bySensitivity,
  capture,
  compress,
  gamma,
  importance,
  magnitude,
  measureWidths,
  perGroup,
  plateaus,
  prune,
  sensitivity,
  taylor,
  useBackend,
  type Data,
  type Progress,
  type Scored,
} from 'tfjs-prune';
import { hashOf } from '../lib/core/hash';
import { random as stream } from '../lib/core/random';
import { WASM } from './backend';
import { rejection } from './zoo/refusal';

beforeAll(async () => void (await useBackend(WASM)));

/** Two hidden layers with BatchNormalization for three classes; the second does not matter: its head is nearly zero. */
function net(): L.LayersModel {
  const kernel = (seed: number) => ({ kernelInitializer: L.initializers.heNormal({ seed }) });
  const x = L.input({ shape: [6], name: 'x' });
  const layer = (name: string, units: number, from: L.SymbolicTensor, seed: number) => {
    const made = L.layers.dense({ name, units, activation: 'relu', ...kernel(seed) }).apply(from);
    return L.layers.batchNormalization({ name: `${name}_bn` }).apply(made) as L.SymbolicTensor;
  };
  const [wide, idle] = [layer('wide', 10, x, 1), layer('idle', 5, x, 2)];
  const head = L.layers.dense({ name: 'head', units: 3, ...kernel(3) }).apply(wide) as L.SymbolicTensor;
  const nothing = L.layers.dense({ name: 'nothing', units: 3, kernelInitializer: 'zeros' }).apply(idle);
  const sum = L.layers.add({ name: 'sum' }).apply([head, nothing as L.SymbolicTensor]);
  return L.model({ inputs: x, outputs: L.layers.softmax({ name: 'out' }).apply(sum) as L.SymbolicTensor });
}

/** Inputs with the labels that `model` itself gives them, so that it is right about all. */
async function dataFor(model: L.LayersModel, count = 120): Promise<Data> {
  const split = async (seed: number): Promise<Data['train']> => {
    const { normal } = stream(seed, 'scan');
    const data = Float32Array.from({ length: count * 6 }, () => normal());
    const labels = tf.tidy(() => tf.argMax(model.predict(tf.tensor2d(data, [count, 6])) as tf.Tensor, 1));
    const targets = { shape: [count], dtype: 'int32' as const, data: (await labels.data()) as Int32Array };
    labels.dispose();
    return { inputs: { shape: [count, 6], dtype: 'float32', data }, targets };
  };
  return { train: await split(1), validation: await split(2) };
}

describe('importance', () => {
  test('is what the budget of prune is given; the model stays, nothing is left behind', async () => {
    const model = net();
    const before = [tf.memory().numTensors, await hashOf(await capture(model))];
    const options = { criterion: magnitude(), protect: ['idle'] };
    const scored = await importance(model, options);
    expect([tf.memory().numTensors, await hashOf(await capture(model))]).toEqual(before);
    let given: readonly Scored[] = [];
    const budget = (all: readonly Scored[]) => new Map((given = all).map(({ group }) => [group.name, [0, 1]]));
    const { model: small } = await compress(model, prune({ ...options, budget }), { latency: false });
    const bare = (all: readonly Scored[]) => all.map(({ group, scores }) => [group.name, [...scores]]);
    expect(bare(scored)).toEqual(bare(given));
    expect(scored.map(({ group, scores }) => [group.name, scores.length])).toEqual([['wide', 10]]);
    [model, small].forEach(each => each.dispose());
  });

  test('a criterion that looks at data gets it, and the seed', async () => {
    const model = net();
    const data = await dataFor(model);
    const of = async (seed: number) => (await importance(model, { criterion: taylor(), data, seed })).map(({ scores }) => [...scores]); // prettier-ignore
    expect(await of(1)).toEqual(await of(1));
    expect((await of(1)).flat().every(score => score >= 0)).toBe(true);
    const none = importance(model, { criterion: magnitude(), protect: ['wide', 'idle'] });
    expect((await rejection(none)).code).toBe('no-groups');
    model.dispose();
  });
});

describe('sensitivity', () => {
  test('is what the model is worth when that group alone is cut', async () => {
    const model = net();
    const data = await dataFor(model);
    const before = [tf.memory().numTensors, await hashOf(await capture(model))];
    const events: Progress[] = [];
    const options = { data, criterion: magnitude(), ratios: [0.6, 0.1, 0.3], progress: (event: Progress) => void events.push(event) }; // prettier-ignore
    const scan = await sensitivity(model, options);
    expect([tf.memory().numTensors, await hashOf(await capture(model))]).toEqual(before);
    expect(scan).toEqual(JSON.parse(JSON.stringify(scan)));
    expect(scan.dense.accuracy).toBe(1);
    expect(scan.groups.map(({ name }) => name)).toEqual(['wide', 'idle']);
    const [wide, idle] = scan.groups;
    expect(wide.points.map(({ ratio, removed }) => [ratio, removed])).toEqual([[0.1, 1], [0.3, 3], [0.6, 6]]); // prettier-ignore
    expect(idle.points.map(({ removed }) => removed)).toEqual([1, 2, 3]);
    expect(idle.points.every(({ accuracy }) => accuracy === 1)).toBe(true);
    expect(wide.points[2].accuracy).toBeLessThan(0.95);
    const cut = prune({ criterion: magnitude(), budget: perGroup({ ratios: { wide: 0.6 } }) });
    const { model: small, report } = await compress(model, cut, { data, latency: false });
    expect(report.after.units).toBe(report.before.units - 6);
    const pruned = report.stages.find(({ name }) => name === 'pruned')!;
    expect(wide.points[2]).toMatchObject({ loss: pruned.loss, accuracy: pruned.accuracy });
    const told = events.filter(({ stage }) => stage === 'sensitivity');
    expect(told.map(({ done }) => done)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(told.every(({ total }) => total === 6)).toBe(true);
    expect(await sensitivity(model, options)).toEqual(scan);
    [model, small].forEach(each => each.dispose());
  });

  test('leads a budget to the group that does not matter', async () => {
    const model = net();
    const data = await dataFor(model);
    const scan = await sensitivity(model, { data, criterion: magnitude(), ratios: [0.2, 0.4, 0.6, 0.8] });
    const method = prune({ criterion: magnitude(), budget: bySensitivity({ scan, drop: 0 }) });
    const { model: small, report } = await compress(model, method, { data, latency: false });
    expect(report.layers.find(({ layer }) => layer === 'idle')!.after).toBe(1);
    expect(report.stages.at(-1)!.accuracy).toBeGreaterThan(0.95);
    [model, small].forEach(each => each.dispose());
  });

  test('with statistics measured anew it is that of the mended model', async () => {
    const model = net();
    const data = await dataFor(model);
    const options = {
      data,
      criterion: gamma(),
      ratios: [0.5],
      groups: ({ name }: { name: string }) => name === 'wide',
    };
    const [plain, mended] = [await sensitivity(model, options), await sensitivity(model, { ...options, recalibrate: true })]; // prettier-ignore
    expect([plain.recalibrated, mended.recalibrated]).toEqual([false, true]);
    expect(mended.groups[0].points[0].loss).not.toBe(plain.groups[0].points[0].loss);
    expect(mended.groups).toHaveLength(1);
    model.dispose();
  });

  test('stops, and refuses what makes no sense, and leaves nothing behind', async () => {
    const model = net();
    const data = await dataFor(model);
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const progress = ({ stage, done }: Progress): void =>
      void (stage === 'sensitivity' && done === 2 && controller.abort());
    const shared = { data, criterion: magnitude() };
    expect((await rejection(sensitivity(model, { ...shared, signal: controller.signal, progress }))).code).toBe(
      'aborted',
    );
    for (const ratios of [[], [0], [0.5, 1], [50]]) {
      expect((await rejection(sensitivity(model, { ...shared, ratios }))).message).toContain('sensitivity: expected ');
    }
    expect((await rejection(sensitivity(model, { ...shared, groups: () => false }))).code).toBe('no-groups');
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});

describe('measureWidths', () => {
  test('times every group at every width, and nothing is left behind', async () => {
    const model = net();
    const before = tf.memory().numTensors;
    const events: Progress[] = [];
    const options = { batch: 2, runs: 2, progress: (event: Progress) => void events.push(event) };
    for (const of of ['layers', 'model'] as const) {
      const table = await measureWidths(model, { ...options, of, widths: units => [units, 1, 2, 2] });
      expect(table).toMatchObject({ batch: 2, runs: 2, of, backend: tf.getBackend() });
      expect(table.groups.map(({ name, units }) => [name, units])).toEqual([['wide', 10], ['idle', 5]]); // prettier-ignore
      expect(table.groups.map(({ points }) => points.map(({ width }) => width))).toEqual([[1, 2, 10], [1, 2, 5]]); // prettier-ignore
      expect(table.groups.flatMap(({ points }) => points).every(({ milliseconds }) => milliseconds > 0)).toBe(true);
      expect(JSON.parse(JSON.stringify(table))).toEqual(table);
      expect([1, 2, 4, 8, 16]).toContain(plateaus(table).multipleOf);
    }
    expect(events.map(({ stage, done, total }) => [stage, done, total])).toEqual([['widths', 1, 2], ['widths', 2, 2], ['widths', 1, 2], ['widths', 2, 2]]); // prettier-ignore
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  test('stops, and refuses what makes no sense', async () => {
    const model = net();
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const running = measureWidths(model, { runs: 1_000_000, signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    expect((await rejection(running)).code).toBe('aborted');
    for (const options of [
      { batch: 0 },
      { runs: 0 },
      { of: 'all' as never },
      { groups: () => false },
      { widths: () => [] },
      { widths: () => [99] },
    ]) {
      // prettier-ignore
      const error = await rejection(measureWidths(model, options));
      expect(error.code).toBe('bad-option');
      expect(error.message).toContain('measureWidths: expected ');
    }
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
