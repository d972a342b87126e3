import * as layers from '@tensorflow/tfjs-layers';
import { zeroAt } from '../../lib/core/array';
import { mapLeaves, type Checkpoint } from '../../lib/core/checkpoint';
import { capture } from '../../lib/runtime/capture';
import { certify, probesFor } from '../../lib/runtime/certify';
import { withModel } from '../../lib/runtime/materialize';
import { predict } from '../../lib/runtime/predict';
import { probeInputs } from '../../lib/runtime/probes';
import { rejection } from '../zoo/refusal';
import { activation, dense, mlp, onWasm, randomize, withoutLeak } from './help';

onWasm();

const L = layers.layers;
type Flow = layers.SymbolicTensor;

/** `model` with the value at `index` of one weight moved by `by`. */
function nudged(model: Checkpoint, path: string, weight: number, by: number, index = 0): Checkpoint {
  const weights = new Map(model.weights);
  const arrays = weights.get(path)!.map((array, i) => {
    const data = array.data.slice();
    if (i === weight) data[index] += by;
    return { ...array, data };
  });
  return { ...model, weights: weights.set(path, arrays) };
}

test('a model equals itself, and the same seed gives the same certificate', async () => {
  const model = await capture(mlp());
  const certificate = await withoutLeak(() => certify('here', model, model, { seed: 1 }));
  expect(certificate).toEqual({ error: 0, tolerance: 1e-5, probes: 8 });
  const moved = nudged(model, 'c', 0, 1e-6);
  const [once, twice, other] = await Promise.all(
    [1, 1, 2].map(seed => certify('here', model, moved, { seed, probes: 3 })),
  );
  expect(once).toEqual(twice);
  expect(once.error).toBeGreaterThan(0);
  expect(other.error).not.toBe(once.error);
});

test('a large model is proven on fewer inputs', async () => {
  const probesOf = async (filters: number) => {
    const conv = layers.layers.conv2d({ batchInputShape: [null, 64, 64, 64], filters, kernelSize: 3, useBias: false });
    const net = layers.sequential({ layers: [conv] });
    const model = await capture(net);
    net.dispose();
    return probesFor(model);
  };
  const sevenOf = 62 * 62 * 9 * 64 * 128;
  expect(2e9 / sevenOf).toBeCloseTo(7.1, 1);
  expect([await probesOf(1), await probesOf(128), await probesOf(1024)]).toEqual([8, 7, 1]);
});

test('a model with a unit removed equals the one in which nobody reads it', async () => {
  const wide = await capture(mlp({ hidden: 3 }));
  const masked = { ...wide, weights: new Map(wide.weights) };
  masked.weights.set('c', [zeroAt(wide.weights.get('c')![0], 0, [2]), wide.weights.get('c')![1]]);
  const narrow = mapLeaves(wide.topology, (spec, path) =>
    path === 'a' ? { ...spec, config: { ...spec.config, units: 2 } } : spec,
  );
  const keep = (path: string, weight: number, size: number, shape: number[]) => {
    const { data } = wide.weights.get(path)![weight];
    const kept =
      shape.length === 2 && size === 3
        ? data.filter((_, i) => i % 3 !== 2)
        : data.slice(
            0,
            shape.reduce((a, b) => a * b),
          );
    return { shape, dtype: 'float32' as const, data: kept };
  };
  const weights = new Map([
    ['a', [keep('a', 0, 3, [4, 2]), keep('a', 1, 1, [2])]],
    ['b', [0, 1, 2, 3].map(i => keep('b', i, 1, [2]))],
    ['c', [keep('c', 0, 1, [2, 3]), wide.weights.get('c')![1]]],
  ]);
  const { error } = await certify('here', masked, { topology: narrow, weights }, { seed: 4 });
  expect(error).toBeLessThan(1e-6);
  expect((await rejection(certify('here', wide, { topology: narrow, weights }, { seed: 4 }))).code).toBe('not-exact');
});

test('refuses what differs, saying by how much and where', async () => {
  const model = await capture(mlp());
  const error = await withoutLeak(() =>
    rejection(certify('group "a"', model, nudged(model, 'c', 1, 0.1), { seed: 1 })),
  );
  expect(error.code).toBe('not-exact');
  expect(error.message).toMatch(/^group "a": expected .* within 0.00001, got a relative difference of \d\.\de-\d\. /);
  await expect(certify('here', model, nudged(model, 'c', 1, 0.1), { seed: 1, tolerance: 1 })).resolves.toBeDefined();
});

test.each(['softmax', 'sigmoid', 'tanh', 'relu'] as const)('an output saturated by %s hides nothing', async name => {
  const net = dense({ name: 'c', units: 3, activation: name, inputShape: [4] });
  const model = nudged(await capture(layers.sequential({ layers: [net] })), 'c', 1, name === 'relu' ? -1e4 : 1e4);
  const other = nudged(model, 'c', 1, name === 'relu' ? -100 : 100);
  const [probe] = await withModel(model, built => Promise.resolve(probeInputs(built, 1, 8)));
  const outputs = await Promise.all([model, other].map(checkpoint => predict(checkpoint, [probe])));
  const firsts = outputs.map(([{ data }]) => Array.from(data).filter((_, i) => i % 3 === 0));
  expect(firsts[0]).toEqual(firsts[1]); // as they come out, nothing can be seen
  expect((await rejection(certify('here', model, other, { seed: 1 }))).code).toBe('not-exact');
});

test('nor does a final Softmax or Activation layer, or one before a Reshape', async () => {
  const heads = [
    [L.softmax({ name: 's' })],
    [activation({ name: 's', activation: 'softmax' }), L.reshape({ targetShape: [3, 1] })],
  ];
  for (const head of heads) {
    const net = layers.sequential({ layers: [dense({ name: 'c', units: 3, inputShape: [4] }), ...head] });
    const model = nudged(await capture(net), 'c', 1, 1e5);
    // Without its activation the first output differs by 1 in 1e5; with it both are exactly 1.
    expect((await rejection(certify('here', model, nudged(model, 'c', 1, 100), { seed: 1 }))).code).toBe('not-exact');
  }
});

test('refuses outputs that are not finite, also when both are so', async () => {
  const model = nudged(await capture(mlp({ head: 'linear' })), 'c', 1, Infinity);
  const error = await rejection(certify('here', model, model, { seed: 1 }));
  expect([error.code, error.message]).toEqual(['not-exact', expect.stringContaining('not finite')]);
});

test('refuses outputs of another shape', async () => {
  const [two, three] = await Promise.all([2, 3].map(outputs => capture(mlp({ outputs }))));
  expect((await rejection(certify('here', two, three, { seed: 1 }))).code).toBe('not-exact');
});

test('compares every output', async () => {
  const x = layers.input({ shape: [4], name: 'x' });
  const outputs = ['p', 'q'].map(name => dense({ name, units: 2 }).apply(x) as Flow);
  const model = await capture(layers.model({ inputs: x, outputs }));
  for (const path of ['p', 'q']) {
    expect((await rejection(certify('here', model, nudged(model, path, 1, 0.5), { seed: 1 }))).code).toBe('not-exact');
  }
});

describe('probes', () => {
  test('are normal numbers, and fill in open sizes', () => {
    const [probe] = probeInputs(
      layers.sequential({ layers: [L.conv1d({ filters: 1, kernelSize: 2, inputShape: [null, 3] })] }),
      1,
      5,
    );
    expect(probe.shape).toEqual([5, 32, 3]);
    const data = Array.from(probe.data);
    const mean = data.reduce((a, b) => a + b) / data.length;
    const variance = data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length;
    expect(Math.abs(mean)).toBeLessThan(0.2);
    expect(Math.abs(variance - 1)).toBeLessThan(0.25);
  });

  test('are integers an Embedding knows, through nested models and reshapes; each input by itself', () => {
    const [ids, more, real] = ['ids', 'more', 'real'].map(name => layers.input({ shape: [6], name }));
    const inner = layers.sequential({
      name: 'inner',
      layers: [L.embedding({ inputDim: 5, outputDim: 2, inputLength: 6 }), L.flatten()],
    });
    const embedded = [
      inner.apply(L.reshape({ targetShape: [6] }).apply(ids)),
      L.flatten().apply(L.embedding({ inputDim: 300, outputDim: 2 }).apply(more)),
      real,
    ] as Flow[];
    const model = layers.model({ inputs: [ids, more, real], outputs: L.concatenate().apply(embedded) as Flow });
    const probes = probeInputs(model, 1, 40);
    expect(probes.map(({ dtype }) => dtype)).toEqual(['int32', 'int32', 'float32']);
    expect([...new Set(probes[0].data)].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(Math.max(...probes[1].data)).toBeGreaterThan(200);
    expect(Math.max(...probes[1].data)).toBeLessThan(300);
  });

  test('are 0 or 1 for an int32 input that nothing looks up', () => {
    const x = layers.input({ shape: [6], name: 'x', dtype: 'int32' });
    const model = layers.model({ inputs: x, outputs: dense({ units: 2 }).apply(x) as Flow });
    const [probe] = probeInputs(model, 1, 10);
    expect([probe.dtype, [...new Set(probe.data)].sort()]).toEqual(['int32', [0, 1]]);
  });
});

test('an embedding model can be certified', async () => {
  const net = layers.sequential({
    layers: [
      L.embedding({ name: 'e', inputDim: 7, outputDim: 4, inputLength: 5 }),
      L.flatten({ name: 'f' }),
      dense({ name: 'd', units: 2 }),
    ],
  });
  randomize(net, 1);
  const model = await capture(net);
  expect((await certify('here', model, model, { seed: 1 })).error).toBe(0);
  expect((await rejection(certify('here', model, nudged(model, 'e', 0, 1, 9), { seed: 1 }))).code).toBe('not-exact');
});
