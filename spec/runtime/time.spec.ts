import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { compress, formatPlan, magnitude, pruneToLatency, uniform } from '../../lib';
import { capture } from '../../lib/runtime/capture';
import { time } from '../../lib/runtime/time';
import { WASM_KERNELS } from '../backend';
import { rejection } from '../zoo/refusal';
import { dense, mlp, onWasm, withoutLeak } from './help';

onWasm();

/** Large enough that what it computes is most of its time. */
function wide(): layers.LayersModel {
  const hidden = [1, 2, 3].map(i => dense({ units: 500, name: `hidden${i}`, activation: 'relu' }));
  const first = dense({ units: 500, inputShape: [64], name: 'first', activation: 'relu' });
  return layers.sequential({ layers: [first, ...hidden, dense({ units: 4, name: 'head' })] });
}

test('every model of every round is timed, and nothing is left behind', async () => {
  const models = [mlp(), mlp({ hidden: 9, name: 'other' }), mlp({ outputs: 2, name: 'third' })];
  const checkpoints = await Promise.all(models.map(model => capture(model)));
  models.forEach(model => model.dispose());
  const { backend, rounds } = await withoutLeak(() => time('here', checkpoints, { batch: 2, runs: 5, atLeast: 1 }));
  expect(backend).toBe(WASM_KERNELS);
  expect(rounds.map(({ length }) => length)).toEqual([5, 5, 5]);
  expect(rounds.flat().every(ms => ms > 0)).toBe(true);
});

test('an abort, a bad option and a model that cannot be built leave nothing behind', async () => {
  const net = mlp();
  const good = await capture(net);
  net.dispose();
  const before = tf.memory().numTensors;
  const controller = new AbortController();
  const running = time('here', [good, good], { runs: 1_000_000, signal: controller.signal });
  setTimeout(() => controller.abort(), 20);
  expect((await rejection(running)).code).toBe('aborted');
  expect((await rejection(time('here', [good], { runs: 0 }))).message).toContain('here: expected runs');
  const broken = { ...good, weights: new Map(good.weights).set('a', []) };
  expect((await rejection(time('here', [good, broken], {}))).code).toBe('bad-weights');
  expect(tf.memory().numTensors).toBe(before);
});

test('a net is pruned until this machine runs it faster, and the plan says what was timed', async () => {
  const model = wide();
  const method = pruneToLatency({ criterion: magnitude(), speedup: 1.5, batch: 64, scope: uniform, runs: 7 });
  const { model: small, plan } = await compress(model, method, { latency: false });
  const [measured] = plan.measured!;
  expect(measured.result.speedup).toBeGreaterThanOrEqual(1.5);
  expect(measured.result.milliseconds).toBeLessThanOrEqual(measured.target * (1 + 1e-9));
  expect(measured).toMatchObject({ backend: WASM_KERNELS, batch: 64, runs: 7 });
  expect(measured.trials.length).toBeLessThanOrEqual(8);
  const left = small.layers.map(({ outputShape }) => (outputShape as number[])[1]);
  expect(left.slice(0, 4).every(width => width < 500 && width > 40)).toBe(true);
  expect(formatPlan(plan)).toContain(`Timed on ${WASM_KERNELS}: `);
  [model, small].forEach(each => each.dispose());
}, 120_000);

test('a run that is stopped while it times leaves nothing behind', async () => {
  const model = wide();
  const before = tf.memory().numTensors;
  const controller = new AbortController();
  const method = pruneToLatency({ criterion: magnitude(), speedup: 1.5, runs: 100_000, scope: uniform });
  const running = compress(model, method, { signal: controller.signal });
  setTimeout(() => controller.abort(), 300);
  expect((await rejection(running)).code).toBe('aborted');
  expect(tf.memory().numTensors).toBe(before);
  model.dispose();
});
