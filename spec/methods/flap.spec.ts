/** FLAP: what varies least goes, and its mean stays in a bias. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  applyPlan,
  attentionUnits,
  capture,
  chain,
  compress,
  ffnPruning,
  flap,
  fluctuation,
  headPruning,
  isFeedForward,
  isHeads,
  loadBert,
  loadLlama,
  loadVit,
  materialize,
  perGroup,
  prune,
  random,
  repair,
  restore,
  scoreEach,
  uniform,
  type Checkpoint,
  type Criterion,
  type Data,
  type Method,
} from 'tfjs-prune';
import { ndarray, sizeOf, type NdArray } from '../../lib/core/array';
import { leaves, weightsOf } from '../../lib/core/checkpoint';
import { hashOf } from '../../lib/core/hash';
import { random as stream } from '../../lib/core/random';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { costOf } from '../../lib/report/cost';
import { predict } from '../../lib/runtime/predict';
import { CPU_KERNELS } from '../backend';
import { expectClose } from '../criteria/gradientNet';
import { blockNet, fixture as reads, givenContext, WIDTH } from '../criteria/readsNet';
import { difference, fixture, integers } from '../models/fixtures';
import { withoutLeak } from '../runtime/help';
import { refusal, rejection } from '../zoo/refusal';
import { memoryStore } from '../zoo/store';
import { functional, input, layer, noise } from '../zoo/topology';

beforeAll(() => tf.setBackend(CPU_KERNELS));

/** The removal of named units, by group. */
function without(units: Readonly<Record<string, readonly number[]>>): Method {
  const criterion: Criterion = {
    name: 'named',
    needs: [],
    score: scoreEach(({ name, units: all }) => Float64Array.from(all, (_, i) => (units[name]?.includes(i) ? 0 : 1))),
  };
  const ratios = ({ name, units: all }: { name: string; units: readonly number[] }): number => (units[name]?.length ?? 0) / all.length; // prettier-ignore
  return prune({ criterion, budget: perGroup({ ratios }) });
}

describe('what is removed is replaced by its mean', () => {
  const lost = { o: [0, 1, 2, 3, 4, 5], down: [1, 4, 6] };

  test.each([false, true])(
    'W x of the means, as NumPy says, in the bias of the reader (which has one: %p)',
    async useBias => {
      const model = blockNet(useBias);
      const { context } = givenContext(lost);
      const method = repair(without({ q: [0], up: [1, 4, 6] }), { kind: 'mean', addBias: true });
      const small = await method.run(model, context);
      for (const name of ['o', 'down'] as const) {
        const [kernel, bias] = weightsOf(small, name);
        const before = useBias ? weightsOf(model, name)[1].data : new Float32Array(WIDTH);
        expectClose(bias.data, reads.compensation[name].map((value, i) => value + before[i]), 1e-5); // prettier-ignore
        const rows = [...Array(reads.weights[name].shape[0]).keys()].filter(row => !lost[name].includes(row));
        expect(Array.from(kernel.data)).toEqual(rows.flatMap(row => reads.weights[name].data.slice(row * WIDTH, (row + 1) * WIDTH))); // prettier-ignore
      }
      const biased = leaves(small.topology).flatMap(({ path, spec: { config } }) => (config.useBias ? [path] : []));
      expect(biased).toEqual(['o', 'down']);
    },
  );

  test('a reader that lost nothing gains no bias, and none gains one unasked', async () => {
    const { context } = givenContext(lost);
    const options = { kind: 'mean', addBias: true } as const;
    const some = await repair(without({ up: [1, 4, 6] }), options).run(blockNet(), context);
    expect(['o', 'down'].map(name => weightsOf(some, name).length)).toEqual([1, 2]);
    const { context: told, noted } = givenContext(lost);
    const none = await repair(without({ up: [1, 4, 6] }), { kind: 'mean' }).run(blockNet(), told);
    expect(['o', 'down'].map(name => weightsOf(none, name).length)).toEqual([1, 1]);
    expect(noted.logs).toContain('down was not repaired: "down" has no bias, and it leaves the model');
  });
});

/** x -> attention -> + -> feed-forward -> +, with biases everywhere but in what reads heads and neurons. */
function still(): Checkpoint {
  const dense = (name: string, units: number, from: string, config = {}) => layer('Dense', name, { units, useBias: true, activation: 'linear', ...config }, [from]); // prettier-ignore
  const heads = { heads: 4, kvHeads: 4, causal: false, units: 'heads', scale: 0.5 };
  const topology = functional(
    [
      input('x', [4, WIDTH]),
      ...['q', 'k', 'v'].map(name => dense(name, 12, 'x')),
      layer('PruneAttention', 'attention', heads, ['q', 'k', 'v']),
      dense('o', WIDTH, 'attention', { useBias: false }),
      layer('Add', 'add1', {}, ['x', 'o']),
      dense('up', 8, 'add1', { activation: 'relu' }),
      dense('down', WIDTH, 'up', { useBias: false }),
      layer('Add', 'add2', {}, ['add1', 'down']),
    ],
    ['add2'],
  );
  const shapes = { q: [[WIDTH, 12], [12]], k: [[WIDTH, 12], [12]], v: [[WIDTH, 12], [12]], o: [[12, WIDTH]], up: [[WIDTH, 8], [8]], down: [[8, WIDTH]] }; // prettier-ignore
  const weights = Object.entries(shapes).map(([path, arrays]) => [path, arrays.map((shape, i) => noise(shape, path, i))] as const); // prettier-ignore
  return { topology, weights: new Map(weights) };
}

/** `model` in which columns of a kernel are zero, and the bias there is `value`. */
function constant(model: Checkpoint, path: string, columns: readonly number[], value: number): Checkpoint {
  const [kernel, bias] = weightsOf(model, path);
  const [, width] = kernel.shape;
  const arrays = [
    { ...kernel, data: kernel.data.map((old, i) => (columns.includes(i % width) ? 0 : old)) },
    { ...bias, data: bias.data.map((old, i) => (columns.includes(i) ? value : old)) },
  ];
  return { ...model, weights: new Map(model.weights).set(path, arrays) };
}

const examples = (count: number, seed: number): NdArray => {
  const { normal } = stream(seed, 'examples');
  const shape = [count, 4, WIDTH];
  return ndarray(Float32Array.from({ length: sizeOf(shape) }, () => normal()), shape); // prettier-ignore
};

/** Outputs of what `method` makes of `model`, and of `model`, for `inputs`. */
async function both(model: Checkpoint, method: Method<'data'>, inputs: NdArray, train = inputs) {
  const dense = materialize(model);
  const [targets] = await predict(model, [train]);
  const data = { train: { inputs: train, targets }, loss: 'meanSquaredError' as const };
  const { model: small, report, plan } = await compress(dense, method, { data, latency: false });
  const checkpoint = await capture(small);
  small.dispose();
  dense.dispose();
  const [wanted] = await predict(model, [inputs]);
  const [got] = await predict(checkpoint, [inputs]);
  return { wanted: wanted.data, got: got.data, report, plan, checkpoint };
}

const removedOf = ({ groups }: { groups: readonly { name: string; removed: readonly number[] }[] }) => Object.fromEntries(groups.flatMap(({ name, removed }) => (removed.length > 0 ? [[name, [...removed]]] : []))); // prettier-ignore

describe('what does not vary', () => {
  // The second head, of dimensions 3 to 5, and three neurons.
  const model = () => constant(constant(still(), 'v', [3, 4, 5], 2), 'up', [2, 5, 6], 1.5);
  const mended = <N extends 'data'>(method: Method<N>) => repair(method, { kind: 'mean', addBias: true });
  const cases: Readonly<Record<string, [Method<'data'>, object]>> = {
    'neurons': [mended(ffnPruning({ ratio: 0.375, criterion: fluctuation() })), { up: [2, 5, 6] }],
    'heads': [mended(headPruning({ ratio: 0.25, criterion: fluctuation() })), { q: [1] }],
    'both': [flap({ ratio: 0.28 }), { q: [1], up: [2, 5, 6] }],
  }; // prettier-ignore

  test.each(Object.keys(cases))('%s go first, and without a trace on data not seen', async name => {
    const [method, removed] = cases[name];
    const { got, wanted, plan, report } = await both(model(), method, examples(6, 2), examples(12, 1));
    expect(removedOf(plan)).toEqual(removed);
    expect(difference(got, wanted) / Math.max(...wanted.map(Math.abs))).toBeLessThan(1e-5);
    expect(report.certificates).toHaveLength(1);
    expect(report.stages.map(stage => stage.name)).toEqual(['dense', 'pruned', 'repaired']);
  });

  test('is missed without the means', async () => {
    const { got, wanted } = await both(model(), ffnPruning({ ratio: 0.25, criterion: fluctuation() }), examples(6, 2));
    expect(difference(got, wanted)).toBeGreaterThan(0.5);
  });
});

test.each([1, 2, 3, 4, 5, 6])(
  'the squared error on calibration data falls by the square of its mean (seed %i)',
  async seed => {
    const inputs = examples(10, seed);
    const cut = ffnPruning({ ratio: 0.1 + 0.12 * seed, criterion: random() });
    const errors: Float64Array[] = [];
    for (const method of [cut, repair(cut, { kind: 'mean', addBias: true })]) {
      const { got, wanted } = await both(still(), method, inputs);
      errors.push(Float64Array.from(got, (value, i) => value - wanted[i]));
    }
    const [plain, compensated] = errors;
    const square = (values: Float64Array): number =>
      values.reduce((sum, value) => sum + value * value, 0) / values.length;
    const means = new Float64Array(WIDTH).map((_, o) => plain.filter((_, i) => i % WIDTH === o).reduce((a, b) => a + b, 0) / (plain.length / WIDTH)); // prettier-ignore
    expect(square(compensated)).toBeLessThan(square(plain));
    expect(Math.abs(square(plain) - square(means) - square(compensated)) / square(plain)).toBeLessThan(1e-5);
  },
);

/** Texts and, as targets, the same one token later. */
function texts(): Data {
  const { integer } = stream(8, 'texts');
  const rows = Array.from({ length: 6 }, () => Array.from({ length: 8 }, () => integer(19)));
  const [inputs, targets] = [rows.map(row => row.slice(0, -1)), rows.map(row => row.slice(1))].map(integers);
  return { train: { inputs, targets }, loss: 'sparseCategoricalCrossentropy' };
}

/** By layer: whether it has a bias, and how many inputs its kernel has. */
function readersOf({ topology, weights }: Checkpoint): Map<string, { bias: boolean; inputs: number }> {
  const dense = leaves(topology).filter(({ path }) => /_(output|down)$/.test(path));
  return new Map(dense.map(({ path, spec }) => [path, { bias: spec.config.useBias !== false, inputs: weights.get(path)![0].shape[0] }])); // prettier-ignore
}

describe('a Llama', () => {
  const load = async (): Promise<LayersModel> => (await loadLlama(fixture('llama-untied'))).model;

  test('gains biases exactly where heads or neurons went; the cut is certified and costs what was asked', async () => {
    const dense = await load();
    const original = await capture(dense);
    const run = () => compress(dense, flap({ ratio: 0.3 }), { data: texts(), latency: false });
    const { model, report, plan } = await run();
    const small = await capture(model);
    const [before, after] = [readersOf(original), readersOf(small)];
    expect([...after]).toEqual(
      [...after].map(([path, { inputs }]) => [path, { bias: inputs < before.get(path)!.inputs, inputs }]),
    );
    expect([...after.values()].filter(({ bias }) => bias).length).toBeGreaterThan(1);
    expect(plan.groups.filter(({ removed }) => removed.length > 0).every(({ kind }) => /heads|neurons/.test(kind))).toBe(true); // prettier-ignore
    expect(report.certificates.map(({ error }) => error <= 1e-5)).toEqual([true]);
    const traced = trace(original);
    const parts = groupsOf(traced).filter(group => isHeads(group) || isFeedForward(group, traced));
    expect(parts.map(({ kind }) => kind)).toEqual(['heads', 'neurons', 'heads', 'neurons']);
    // A head with its queries costs 16 * 4 * (2 + 1 + 1 + 2) parameters, a neuron 3 * 16.
    const total = 4 * 384 + 40 * 48;
    const gone = report.before.parameters - plan.cost!.after.parameters;
    expect(Math.abs(gone - 0.3 * total)).toBeLessThanOrEqual(192);
    const biases = [...after.values()].filter(({ bias }) => bias).length;
    expect(report.after.parameters).toBe(plan.cost!.after.parameters + 16 * biases);
    expect(await hashOf(await capture(dense))).toBe(await hashOf(original));
    const { model: again } = await run();
    expect(await hashOf(await capture(again))).toBe(await hashOf(small));
    for (const each of [dense, model, again]) each.dispose();
  });

  test('leaves nothing behind, and is the same where it was kept', async () => {
    const dense = await load();
    const { store } = memoryStore();
    const run = () => compress(dense, flap({ ratio: 0.4 }), { data: texts(), latency: false, resume: store });
    const hashes: string[] = [];
    for (let i = 0; i < 2; i++) {
      await withoutLeak(async () => {
        const { model } = await run();
        hashes.push(await hashOf(await capture(model)));
        model.dispose();
      });
    }
    expect(hashes[1]).toBe(hashes[0]);
    dense.dispose();
  });

  test.each([
    ['flap', () => flap({ ratio: 0.4 })],
    ['flap, then dimensions that biases have too', () => chain<'data'>(flap({ ratio: 0.4 }), prune({ criterion: random(), budget: uniform({ ratio: 0.25 }), groups: ({ kind }) => kind === 'dimensions' }))], // prettier-ignore
    ['flap twice', () => chain<'data'>(flap({ ratio: 0.2 }), flap({ ratio: 0.2 }))],
  ])('%s: the plan can be carried out anew, and is undone to the last bit', async (_, method) => {
    const dense = await load();
    const original = await capture(dense);
    const { model, plan, removed } = await compress(dense, method(), {
      data: texts(),
      latency: false,
      keepRemoved: true,
    });
    expect((await capture(model)).weights.get('layers_0_feed_forward_down')).toHaveLength(2);
    const back = await restore(model, plan, removed);
    expect(await hashOf(back)).toBe(await hashOf(original));
    const { model: bare } = await applyPlan(dense, plan, { latency: false });
    expect(costOf(await capture(bare)).parameters).toBe(plan.cost!.after.parameters);
    expect([...readersOf(await capture(bare)).values()].some(({ bias }) => bias)).toBe(false);
    for (const each of [dense, model, bare]) each.dispose();
  });
});

test.each([
  ['BERT', () => loadBert(fixture('bert'), { head: 'classifier' })],
  ['ViT', () => loadVit(fixture('vit'))],
] as const)('a %s has the biases it needs', async (name, load) => {
  const { model: dense } = await load();
  const original = await capture(dense);
  const { normal, integer } = stream(3, 'inputs');
  const image = ndarray(Float32Array.from({ length: 6 * 288 }, () => normal()), [6, 12, 12, 2]); // prettier-ignore
  const rows = (high: number, low = 0): NdArray => integers(Array.from({ length: 6 }, () => Array.from({ length: 7 }, () => low + integer(high)))); // prettier-ignore
  const train = { inputs: name === 'ViT' ? image : [rows(19), rows(1, 1), rows(2)], targets: integers([[0], [1], [2], [0], [1], [2]]) }; // prettier-ignore
  const { model, report } = await compress(dense, flap({ ratio: 0.4 }), { data: { train, loss: 'sparseCategoricalCrossentropy' }, latency: false }); // prettier-ignore
  expect(report.certificates[0].error).toBeLessThanOrEqual(1e-5);
  const small = await capture(model);
  expect([...small.weights].map(([path, arrays]) => [path, arrays.length])).toEqual([...original.weights].map(([path, arrays]) => [path, arrays.length])); // prettier-ignore
  expect(report.after.parameters).toBeLessThan(report.before.parameters);
  for (const each of [dense, model]) each.dispose();
});

test('bad ratios and models without heads and neurons are refused', async () => {
  expect(refusal(() => flap({ ratio: 1.5 })).code).toBe('bad-ratio');
  expect(refusal(() => flap({ ratio: 0.5, of: 'bytes' as never })).message).toContain('units, parameters, macs');
  const { model: dense } = await loadLlama(fixture('llama-untied'));
  const dimensions = attentionUnits(await capture(dense), 'dimensions');
  const only = { ...dimensions, topology: functional([input('x', [3]), layer('Dense', 'a', { units: 4 }, ['x']), layer('Dense', 'b', { units: 2 }, ['a'])], ['b']), weights: new Map([['a', [noise([3, 4], 'a'), noise([4], 'a2')]], ['b', [noise([4, 2], 'b'), noise([2], 'b2')]]]) }; // prettier-ignore
  const net = materialize(only);
  const data = {
    train: { inputs: noise([5, 3], 'x'), targets: noise([5, 2], 'y') },
    loss: 'meanSquaredError',
  } as const;
  const { code, message } = await rejection(compress(net, flap({ ratio: 0.5 }), { data, latency: false }));
  expect([code, message]).toEqual(['no-groups', expect.stringMatching(/flap: expected a model with attention heads or feed-forward neurons that can go, got units that are .*neurons/)]); // prettier-ignore
  net.dispose();
  dense.dispose();
});
