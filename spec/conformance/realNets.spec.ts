/** Nets that people prune, with few channels on small images: what is frozen, what goes, and that the rest is exact. */
import * as tf from '@tensorflow/tfjs-core';
import { buildNet, frozenOf, ZOO } from '../../bench/zoo';
import { compress, magnitude, prune, uniform, useBackend } from '../../lib';
import { relativeError, sizeOf } from '../../lib/core/array';
import { groups } from '../../lib/graph/group';
import { capture } from '../../lib/runtime/capture';
import { predict } from '../../lib/runtime/predict';
import { probeInputs } from '../../lib/runtime/probes';
import { WASM } from '../backend';

beforeAll(() => useBackend(WASM));

describe.each(Object.keys(ZOO))('%s', name => {
  test('only what must stay is frozen', async () => {
    const net = buildNet(name, 'small');
    const frozen = groups(await capture(net)).filter(group => group.frozen !== undefined);
    expect(Object.fromEntries(frozen.map(group => [group.name, group.frozen]))).toEqual(frozenOf(ZOO[name]));
    net.dispose();
  });

  test.each([0.3, 0.5])('%d of every other group goes, and what stays computes the same', async ratio => {
    const net = buildNet(name, 'small');
    const tensors = tf.memory().numTensors;
    const original = await capture(net);
    const method = prune({ criterion: magnitude(), budget: uniform({ ratio, minimum: 1 }) });
    const { model, report, plan } = await compress(net, method, { latency: false });

    expect(report.certificates.map(({ error }) => error <= 1e-5)).toEqual([true]);
    for (const { units, removed, frozen } of plan.groups) {
      expect(removed.length).toBe(frozen === undefined ? Math.min(Math.round(ratio * units), units - 1) : 0);
    }
    const left = new Map<string, number[]>();
    for (const [layer, arrays] of original.weights) arrays.forEach(({ shape }, i) => left.set(`${layer}.${i}`, [...shape])); // prettier-ignore
    for (const { layer, weight, axis, kept } of plan.sites) left.get(`${layer}.${weight}`)![axis] = kept.length;
    expect(report.after.parameters).toBe([...left.values()].reduce((sum, shape) => sum + sizeOf(shape), 0));
    // Most weights lose on both of their axes; where a stream must stay whole, on one, and what only scales it on none.
    const share = Object.values(frozenOf(ZOO[name])).every(reason => reason.startsWith('model')) ? 1 : 0.75;
    expect(report.after.parameters / report.before.parameters).toBeLessThan(1 - share * ratio);
    expect(report.after.macs! / report.before.macs!).toBeLessThan(1 - share * ratio);
    // What went did matter: otherwise any cut would pass for exact.
    const inputs = probeInputs(net, 1, 2);
    const [got, dense] = [await predict(model, inputs), await predict(net, inputs)];
    expect(got.map(({ shape }) => shape)).toEqual(dense.map(({ shape }) => shape));
    got.forEach(({ data }, i) => expect(relativeError(data, dense[i].data)).toBeGreaterThan(1e-3));

    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    net.dispose();
  });
});
