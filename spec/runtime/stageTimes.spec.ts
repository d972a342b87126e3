import * as tf from '@tensorflow/tfjs-core';
import { chain, compress, magnitude, prune, uniform, type Method } from 'tfjs-prune';
import { capture } from '../../lib/runtime/capture';
import { constructZeros } from '../../lib/runtime/materialize';
import { NET_NAMES, NETS } from '../zoo/nets';
import { memoryStore } from '../zoo/store';
import { onWasm, withoutLeak } from './help';

onWasm();

const cut = (): Method => prune({ criterion: magnitude(), budget: uniform({ ratio: 0.4 }) });
/** A stage of another name and the same model is none. */
const named = (name: string): Method => ({
  name,
  needs: [],
  async run(model, context) {
    const same = { ...model };
    await context.stage(name, same);
    return same;
  },
});
const method = chain(named('same'), cut(), named('between'), cut(), named('end'));
const latency = { runs: 2 };

test('every stage has a time: the ends what the report says, those between their own, which a size has once', async () => {
  const model = NETS.residual();
  const { report } = await withoutLeak(async () => {
    const { model: small, ...account } = await compress(model, method, { latency });
    small.dispose();
    return account;
  });
  model.dispose();
  const { stages, latency: timed } = report;
  const [before, after] = [timed!.before.median, timed!.after.median];
  expect(stages.map(({ name }) => name)).toEqual(['dense', 'same', 'pruned', 'between', 'pruned', 'end']);
  const times = stages.map(stage => stage.latency);
  expect([times[0], times[1], times[4], times[5]]).toEqual([before, before, after, after]);
  expect(times[2]).toBeGreaterThan(0);
  expect(times[3]).toBe(times[2]);
});

test('without timing there are none, and those of an earlier run that is resumed are unknown between the ends', async () => {
  const model = NETS.residual();
  const { store } = memoryStore();
  const run = async (options: { latency: typeof latency | false }) => {
    const { model: small, report } = await compress(model, method, { ...options, resume: store });
    small.dispose();
    return report.stages.map(stage => stage.latency === undefined);
  };
  expect(await run({ latency: false })).toEqual([true, true, true, true, true, true]);
  const again = await run({ latency });
  expect([again[0], again[5], again[2]]).toEqual([false, false, true]);
  model.dispose();
});

test.each(NET_NAMES)('%s can be built with zeros, and runs', async name => {
  const model = NETS[name]();
  const { topology } = await capture(model);
  await withoutLeak(() => {
    const zeros = constructZeros(topology);
    const inputs = zeros.inputs.map(({ shape, dtype }) =>
      tf.zeros([1, ...shape.slice(1).map(size => size ?? 8)], dtype),
    );
    const outputs = [zeros.predict(inputs)].flat();
    for (const output of outputs) expect(output.dataSync().every(Number.isFinite)).toBe(true);
    expect(outputs.map(({ shape }) => shape.slice(1))).toEqual(model.outputs.map(({ shape }, i) => shape.slice(1).map((size, axis) => size ?? outputs[i].shape[axis + 1]))); // prettier-ignore
    tf.dispose([inputs, outputs]);
    zeros.dispose();
  });
  model.dispose();
});
