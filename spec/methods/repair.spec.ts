import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { uniform } from '../../lib/budgets';
import { compress } from '../../lib/compress';
import { gather, ndarray, relativeError, sizeOf, type NdArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { hashOf } from '../../lib/core/hash';
import { random as stream } from '../../lib/core/random';
import { scoreEach, random, type Criterion } from '../../lib/criteria';
import { chain, prune, repair, repeat, type Method, type RepairOptions } from '../../lib/methods';
import { capture } from '../../lib/runtime/capture';
import { materialize } from '../../lib/runtime/materialize';
import { predict } from '../../lib/runtime/predict';
import { WASM_KERNELS } from '../backend';
import { apply, bn, conv, dense, gap, head, model, relu, rgb, type Flow } from '../zoo/parts';
import { refusal, rejection } from '../zoo/refusal';
import { randomize } from '../zoo/weights';

beforeAll(async () => void (await tf.setBackend(WASM_KERNELS)));

const { layers: L } = layers;

/** The units with the largest index go first. */
const last: Criterion = {
  name: 'last',
  needs: [],
  score: scoreEach(({ units }) => Float64Array.from(units.keys(), i => -i)),
};
const images = (count: number, shape: readonly number[] = [6, 5, 3]): NdArray => {
  const { normal } = stream(9, 'images');
  const sizes = [count, ...shape];
  return ndarray(
    Float32Array.from({ length: sizeOf(sizes) }, () => normal()),
    sizes,
  );
};

interface Run {
  readonly net: layers.LayersModel;
  readonly ratio?: number;
  readonly group?: string;
  readonly inputs?: NdArray;
  readonly change?: (model: Checkpoint) => Checkpoint;
  readonly criterion?: Criterion;
}

/** Prunes with and without repair; errors are those of the outputs on data that repair has not seen. */
async function run(
  { net, ratio = 0.5, group, inputs = images(48), change = of => of, criterion = last }: Run,
  ...repairs: (RepairOptions | undefined)[]
) {
  const original = change(await capture(randomize(net)));
  net.dispose();
  const dense = materialize(original);
  const targets = await predict(original, [inputs]);
  const fresh = gather(inputs, 0, [...Array(inputs.shape[0]).keys()].slice(-16));
  const train = gather(inputs, 0, [...Array(inputs.shape[0] - 16).keys()]);
  const data = {
    train: { inputs: train, targets: targets.map(each => gather(each, 0, [...Array(train.shape[0]).keys()])) },
  };
  const wanted = await predict(original, [fresh]);
  const cut = prune({
    criterion,
    budget: uniform({ ratio }),
    groups: group === undefined ? undefined : ({ name }) => name === group,
    fold: 'exact',
  });
  const results = [];
  for (const options of repairs) {
    const method: Method<'data'> = options ? repair(cut, options) : cut;
    const {
      model: small,
      report,
      plan,
    } = await compress(dense, method, { data: { ...data, loss: 'meanSquaredError' }, latency: false, seed: 4 });
    const checkpoint = await capture(small);
    small.dispose();
    const got = await predict(checkpoint, [fresh]);
    results.push({
      checkpoint,
      report,
      plan,
      error: Math.max(...got.map((y, i) => relativeError(y.data, wanted[i].data))),
    });
  }
  dense.dispose();
  return results;
}

const exact = { kind: 'leastSquares', ridge: 0 } as const;

/** A convolution `a` whose last `copies` filters are mixtures of the others. */
function mixtures(copies: number): (model: Checkpoint) => Checkpoint {
  const { normal } = stream(5, 'mixtures');
  return of => {
    const [kernel, bias] = of.weights.get('a')!;
    const filters = kernel.shape[3];
    const shares = Array.from({ length: copies * (filters - copies) }, () => normal());
    const mix = ({ data, shape }: NdArray): NdArray => {
      const mixed = data.slice();
      for (let i = 0; i < data.length; i += filters) {
        for (let copy = 0; copy < copies; copy++) {
          let sum = 0;
          for (let f = 0; f < filters - copies; f++) sum += shares[copy * (filters - copies) + f] * data[i + f];
          mixed[i + filters - copies + copy] = sum;
        }
      }
      return ndarray(mixed, shape);
    };
    return { ...of, weights: new Map(of.weights).set('a', [mix(kernel), mix(bias)]) };
  };
}

describe('least squares recovers the outputs where removed channels are mixtures of kept ones', () => {
  const inputs = images(48);
  const cases: Readonly<Record<string, () => layers.LayersModel>> = {
    'read by a convolution': () => {
      const x = rgb();
      return model(x, head(apply(x, conv('a', 6), conv('b', 4, { strides: 2 }), relu('r'))));
    },
    'read by a dense layer after flattening': () => {
      const x = rgb();
      const flat = L.flatten({ name: 'flatten' });
      return model(x, apply(x, conv('a', 6, { strides: 3, padding: 'valid' }), flat, dense('out', 3, 'sigmoid')));
    },
    'read by a dense layer on images': () => {
      const x = rgb();
      return model(x, head(apply(x, conv('a', 6), dense('b', 4, 'relu'))));
    },
    'read by two layers': () => {
      const x = rgb();
      const a = apply(x, conv('a', 6));
      const both = [apply(a, conv('b', 4)), apply(a, conv('c', 4, { kernelSize: 1 }))];
      return model(x, head(apply(both, L.add({ name: 'add' }))));
    },
    'read by a shared layer in two calls': () => {
      const x = rgb();
      const [a, shared] = [apply(x, conv('a', 6)), conv('shared', 4)];
      const both = [apply(a, shared), apply(apply(a, L.dropout({ name: 'drop', rate: 0.5 })), shared)];
      return model(x, head(apply(both, L.concatenate({ name: 'cat' }))));
    },
    'read in a nested model': () => {
      const y = layers.input({ shape: [6, 5, 6], name: 'y' });
      const inner = model(y, apply(y, conv('b', 4), relu('r')), 'inner');
      const x = rgb();
      return model(x, head(apply(x, conv('a', 6), inner)));
    },
    'read by a convolution without a bias that bends': () => {
      const x = rgb();
      return model(
        x,
        head(apply(x, conv('a', 6, { useBias: false }), conv('b', 4, { useBias: false, activation: 'tanh' }))),
      );
    },
    'read by a separable convolution of one pixel': () => {
      const x = rgb();
      return model(x, head(apply(x, conv('a', 6), L.separableConv2d({ name: 'b', filters: 4, kernelSize: 1 }))));
    },
  };

  test.each(Object.entries(cases))('%s', async (name, build) => {
    const bare = name.includes('without a bias');
    const change = (of: Checkpoint): Checkpoint => {
      const [kernel, bias = ndarray(new Float32Array(6), [6])] = of.weights.get('a')!;
      const both = mixtures(3)({ ...of, weights: new Map(of.weights).set('a', [kernel, bias]) });
      return bare ? { ...of, weights: new Map(of.weights).set('a', both.weights.get('a')!.slice(0, 1)) } : both;
    };
    const [plain, repaired] = await run({ net: build(), group: 'a', inputs, change }, undefined, exact);
    expect(plain.error).toBeGreaterThan(0.02);
    expect(repaired.error).toBeLessThan(1e-4);
    expect(repaired.plan).toEqual({ ...plain.plan, method: repaired.plan.method });
    expect(repaired.report.certificates).toHaveLength(1);
  });
});

describe('mean', () => {
  /** Norm `n` kills the last three of six channels; their constant is large. */
  const dead = (of: Checkpoint): Checkpoint => {
    const weights = new Map(of.weights);
    const [gamma, beta, ...rest] = weights.get('n')!;
    const set = (array: NdArray, value: number) =>
      ndarray(Float32Array.from(array.data, (old, i) => (i < 3 ? old : value)), array.shape); // prettier-ignore
    return { ...of, weights: weights.set('n', [set(gamma, 0), set(beta, 3), ...rest]) };
  };
  const net = (padding: 'valid' | 'same', useBias = true) => {
    const x = rgb();
    const reader = conv('b', 4, { padding, useBias });
    return model(x, head(apply(x, conv('a', 6), bn('n'), relu('r'), reader, bn('m'), relu('s'))));
  };
  const options = { kind: 'mean' } as const;

  test.each([true, false])('is exact for constant channels, as folding is (reader with a bias: %p)', async useBias => {
    const unfolded: RepairOptions = options;
    const [folded, repaired] = await run({ net: net('valid', useBias), group: 'a', change: dead }, undefined, unfolded);
    expect(folded.error).toBeLessThan(1e-5); // by folding alone
    expect(repaired.error).toBeLessThan(1e-5);
    const place = useBias ? (['b', 1] as const) : (['m', 2] as const);
    const [one, other] = [folded, repaired].map(({ checkpoint }) => checkpoint.weights.get(place[0])![place[1]].data);
    expect(relativeError(other, one)).toBeLessThan(1e-5);
  });

  test('does what folding would have done where nothing was folded', async () => {
    const original = dead(await capture(randomize(net('valid'))));
    const built = materialize(original);
    const inputs = images(32);
    const [targets] = await predict(original, [inputs]);
    const data = { train: { inputs, targets }, loss: 'meanSquaredError' } as const;
    const groups = ({ name }: { name: string }) => name === 'a';
    const results = [];
    for (const method of [
      repair(prune({ criterion: last, budget: uniform({ ratio: 0.5 }), groups, fold: false }), options),
      prune({ criterion: last, budget: uniform({ ratio: 0.5 }), groups, fold: 'exact' }) as Method<'data'>,
    ]) {
      const { model: small } = await compress(built, method, { data, latency: false });
      results.push((await capture(small)).weights.get('b')![1].data);
      small.dispose();
    }
    built.dispose();
    expect(relativeError(results[0], results[1])).toBeLessThan(1e-5);
    expect(relativeError(results[0], original.weights.get('b')![1].data)).toBeGreaterThan(0.1);
  });

  test('only moves what is added, and brings the mean of the outputs back', async () => {
    const x = rgb();
    const small = model(x, apply(x, conv('a', 6), relu('r'), gap(), dense('out', 3)));
    const [plain, repaired] = await run({ net: small, group: 'a' }, undefined, options);
    expect(repaired.checkpoint.weights.get('out')![0]).toEqual(plain.checkpoint.weights.get('out')![0]);
    expect(repaired.checkpoint.weights.get('out')![1]).not.toEqual(plain.checkpoint.weights.get('out')![1]);
    expect(repaired.error).toBeLessThan(plain.error);
  });

  test('tells where nothing can take it, and leaves the layer as it was', async () => {
    const x = rgb();
    const net = model(x, head(apply(x, conv('a', 6), relu('r'), conv('b', 4, { useBias: false, activation: 'relu' }))));
    const original = randomize(net);
    const logs: string[] = [];
    const cut = prune({ criterion: last, budget: uniform({ ratio: 0.5 }), groups: ({ name }) => name === 'a' });
    const targets = (await predict(original, [images(20)]))[0];
    const { model: result } = await compress(original, repair(cut, options), {
      data: { train: { inputs: images(20), targets }, loss: 'meanSquaredError' },
      latency: false,
      log: message => void logs.push(message),
    });
    expect(logs).toContain('b was not repaired: "b" has no bias, and "b" bends what it gives');
    const kernel = (await capture(result)).weights.get('b')![0];
    expect(kernel).toEqual(gather((await capture(net)).weights.get('b')![0], 2, [0, 1, 2]));
    result.dispose();
    net.dispose();
  });
});

/** Layers that are really trained cannot be had here; random ones must at least come closer on data not seen. */
describe('on a residual net', () => {
  const net = () => {
    const x = rgb();
    const stem = apply(x, conv('stem', 8), bn('n0'), relu('r0'));
    const branch = apply(stem, conv('a', 8), bn('n1'), relu('r1'), conv('b', 8, { useBias: false }), bn('n2'));
    const sum: Flow = apply([stem, branch], L.add({ name: 'add' }));
    return model(x, head(apply(sum, relu('r2'), conv('c', 6), relu('r3'))));
  };

  test('least squares comes closer than means, and means closer than nothing; all with one certificate', async () => {
    const inputs = images(144);
    const results = await run({ net: net(), ratio: 0.4, inputs }, undefined, { kind: 'mean' }, {});
    const [plain, mean, fitted] = results.map(({ error }) => error);
    expect(mean).toBeLessThan(plain);
    expect(fitted).toBeLessThan(0.8 * mean);
    expect(results.map(({ report }) => report.certificates.length)).toEqual([1, 1, 1]);
    expect(results[2].report.stages.map(({ name }) => name)).toEqual(['dense', 'pruned', 'repaired']);
    expect(results[2].report.method).toBe('prune(last) -> repair(leastSquares)');
  });

  test('each layer is fitted to what the ones before it give now', async () => {
    const inputs = images(144);
    const [sequential] = await run({ net: net(), ratio: 0.4, inputs }, {});
    // Only the layer read last, from inputs that nobody repaired.
    const [partly] = await run({ net: net(), ratio: 0.4, inputs, group: 'c' }, {});
    expect(sequential.checkpoint.weights.get('head')).not.toEqual(partly.checkpoint.weights.get('head'));
    expect(sequential.checkpoint.weights.get('head')![0].shape).toEqual(
      partly.checkpoint.weights.get('head')![0].shape,
    );
  });

  test('a harder ridge holds the weights closer to what they were', async () => {
    const runs = await run({ net: net(), ratio: 0.4, group: 'a' }, undefined, { ridge: 10 }, { ridge: 1e-4 });
    const [plain, hard, soft] = runs.map(({ checkpoint }) => checkpoint.weights.get('b')![0].data);
    const distance = (a: ArrayLike<number>) => Math.hypot(...Array.from(a, (value, i) => value - plain[i]));
    expect(distance(hard)).toBeLessThan(distance(soft) / 2);
    expect(distance(hard)).toBeGreaterThan(0);
  });

  test('several cuts in one method are repaired as one', async () => {
    const original = randomize(net());
    const inputs = images(96);
    const [targets] = await predict(original, [inputs]);
    const step = prune({ criterion: random(), budget: uniform({ ratio: 0.25 }) });
    const twice = repair(repeat(2, () => step));
    const settings = { data: { train: { inputs, targets }, loss: 'meanSquaredError' }, latency: false } as const;
    const { model: small, report } = await compress(original, twice, settings);
    expect(report.stages.map(({ name }) => name)).toEqual(['dense', 'pruned 1/2', 'pruned 2/2', 'repaired']);
    const losses = report.stages.map(({ loss }) => loss!);
    expect(losses[3]).toBeLessThan(losses[2]);
    small.dispose();
    original.dispose();
  });

  test('same seed, same bytes, and nothing is left behind', async () => {
    const hashes: string[] = [];
    for (let i = 0; i < 2; i++) {
      const before = tf.memory().numTensors;
      const [{ checkpoint }] = await run({ net: net(), ratio: 0.4 }, { places: 3, batches: 1, batchSize: 7 });
      expect(tf.memory().numTensors).toBe(before);
      hashes.push(await hashOf(checkpoint));
    }
    expect(hashes[0]).toBe(hashes[1]);
  });
});

test('it stops where a signal says so, and leaves nothing behind', async () => {
  const x = rgb();
  const net = randomize(model(x, head(apply(x, conv('a', 6), relu('r'), conv('b', 4)))));
  const inputs = images(20);
  const [targets] = await predict(net, [inputs]);
  const before = tf.memory().numTensors;
  const controller = new AbortController();
  const cut = prune({ criterion: last, budget: uniform({ ratio: 0.5 }) });
  const stopping: Method = {
    name: 'stop',
    needs: [],
    run: of => Promise.resolve(of).finally(() => controller.abort()),
  };
  const error = await rejection(
    compress(net, repair(chain(cut, stopping)), {
      data: { train: { inputs, targets }, loss: 'meanSquaredError' },
      signal: controller.signal,
      latency: false,
    }),
  );
  expect(error.code).toBe('aborted');
  expect(tf.memory().numTensors).toBe(before);
  net.dispose();
});

test('bad options are refused before anything runs', () => {
  const cut = prune({ criterion: last, budget: uniform({ ratio: 0.5 }) });
  for (const options of [
    { kind: 'median' as never },
    { ridge: -1 },
    { places: 0 },
    { batches: 0 },
    { batchSize: 2.5 },
  ]) {
    expect(refusal(() => repair(cut, options)).code).toBe('bad-option');
  }
  expect(repair(cut).needs).toEqual(['data']);
});
