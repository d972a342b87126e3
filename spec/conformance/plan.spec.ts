/**
 * What a plan promises, on the whole zoo. The law is checked as anyone can: with plain tf.js and the JSON of the plan,
 * nothing of this library.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { capture, compress, magnitude, prune, random, repeat, uniform, type Plan } from 'tfjs-prune';
import { hashOf } from '../../lib/core/hash';
import { applyPlan, plan, restore } from '../../lib/plan';
import { CPU_KERNELS } from '../backend';
import { NETS, NET_NAMES } from '../zoo/nets';
import { probesOf } from '../zoo/weights';

const quiet = { latency: false } as const;
const options = { criterion: random(), budget: uniform({ ratio: 0.5, minimum: 1 }) };

beforeAll(() => tf.setBackend(CPU_KERNELS));

describe('the law, in plain tf.js', () => {
  /** Layer at a path through nested models. */
  const layerAt = (net: LayersModel, path: string): LayersModel =>
    path.split('/').reduce((model, name) => model.getLayer(name) as unknown as LayersModel, net);

  /** Zeroes in `net` what the plan's reading sites lose. */
  function zeroReads(net: LayersModel, { sites }: Plan): number {
    let zeroed = 0;
    for (const { layer, weight, axis, role, kept } of sites) {
      if (role !== 'reads') continue;
      const weights = layerAt(net, layer).getWeights();
      const length = weights[weight].shape[axis];
      const stays = Array.from({ length }, (_, position) => (kept.includes(position) ? 1 : 0));
      const mask = tf.tensor(stays, weights[weight].shape.map((_, a) => (a === axis ? length : 1))); // prettier-ignore
      const masked = tf.mul(weights[weight], mask);
      layerAt(net, layer).setWeights(weights.map((array, i) => (i === weight ? masked : array)));
      tf.dispose([mask, masked]);
      zeroed += length - kept.length;
    }
    return zeroed;
  }

  function predictions(net: LayersModel): Float32Array[] {
    const probes = probesOf(net, 3, 9);
    const outputs = [net.predict(probes)].flat();
    const values = outputs.map(output => output.dataSync() as Float32Array);
    tf.dispose([...probes, ...outputs]);
    return values;
  }

  /** Largest difference over the largest value, of all outputs. */
  function errorOf(got: Float32Array[], expected: Float32Array[]): number {
    const errors = expected.map((values, output) => {
      expect(got[output]).toHaveLength(values.length);
      const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
      return values.reduce((most, value, i) => Math.max(most, Math.abs(got[output][i] - value) / scale), 0);
    });
    return Math.max(...errors);
  }

  test.each(NET_NAMES)('%s: one cut and two', async name => {
    for (const rounds of [1, 2]) {
      const net = NETS[name]();
      const cut = prune({ ...options, budget: uniform({ ratio: 1 - 0.5 ** (1 / rounds), minimum: 1 }) });
      const { model, plan: told } = await compress(net, repeat(rounds, () => cut), { ...quiet, seed: 2 }); // prettier-ignore
      const original = predictions(net);
      expect(zeroReads(net, JSON.parse(JSON.stringify(told)))).toBeGreaterThan(0);
      const [masked, small] = [net, model].map(predictions);
      expect(errorOf(small, masked)).toBeLessThanOrEqual(1e-5);
      expect(errorOf(masked, original)).toBeGreaterThan(1e-3);
      model.dispose();
      net.dispose();
    }
  });
});

describe.each(NET_NAMES)('%s', name => {
  test('planned is pruned; applied is planned; restored is the original', async () => {
    const net = NETS[name]();
    const tensors = tf.memory().numTensors;
    const made = await plan(net, { ...options, seed: 3 });
    expect(tf.memory().numTensors).toBe(tensors);

    const pruned = await compress(net, prune(options), { ...quiet, seed: 3 });
    expect(made).toEqual(pruned.plan);
    const { report } = pruned;
    const cost = ({ parameters, macs, bytes }: typeof report.after) => ({ parameters, macs, bytes });
    expect(made.cost).toEqual({ before: cost(report.before), after: cost(report.after) });

    const stored: Plan = JSON.parse(JSON.stringify(made));
    const applied = await applyPlan(net, stored, { ...quiet, keepRemoved: true });
    expect(applied.plan).toEqual(made);
    expect(applied.report).toEqual({ ...report, certificates: applied.report.certificates });
    expect(applied.report.certificates.map(({ error, tolerance }) => error <= tolerance)).toEqual([true]);
    const small = await capture(applied.model);
    expect(await hashOf(small)).toBe(await hashOf(await capture(pruned.model)));

    for (const from of [small, applied.model]) {
      expect(await hashOf(await restore(from, stored, applied.removed))).toBe(made.source.sha256);
    }
    expect(await hashOf(await capture(net))).toBe(made.source.sha256);
    for (const model of [pruned.model, applied.model]) model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    net.dispose();
  });

  test('two cuts told as one plan are one cut, and come back at once', async () => {
    const net = NETS[name]();
    const cut = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.3, minimum: 1 }) });
    const settings = { ...quiet, keepRemoved: true } as const;
    const twice = await compress(net, repeat(2, () => cut), settings); // prettier-ignore
    const once = await applyPlan(net, twice.plan, settings);
    expect(once.plan).toEqual(twice.plan);
    const [a, b] = await Promise.all([twice, once].map(({ model }) => capture(model)));
    expect(await hashOf(b)).toBe(await hashOf(a));
    expect(once.removed).toEqual(twice.removed);
    expect(await hashOf(await restore(twice.model, twice.plan, twice.removed))).toBe(twice.plan.source.sha256);
    for (const model of [twice.model, once.model, net]) model.dispose();
  });
});
