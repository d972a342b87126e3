/** 2SSP against its equation by hand, against trying everything out, and at its edges. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import {
  applyPlan,
  attention,
  capture,
  compress,
  loadBert,
  removeBlocks,
  restore,
  twoStage,
  useBackend,
  type CompressOptions,
  type Data,
  type Method,
  type Plan,
  type Progress,
} from 'tfjs-prune';
import { ndarray, type NdArray } from '../../lib/core/array';
import { hashOf } from '../../lib/core/hash';
import { random as stream } from '../../lib/core/random';
import { slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { createContext } from '../../lib/runtime/context';
import { readData } from '../../lib/runtime/data';
import { WASM } from '../backend';
import { fixture, integers } from '../models/fixtures';
import { withoutLeak } from '../runtime/help';
import { NETS } from '../zoo/nets';
import { ownTransformer, VOCABULARY, type Recipe } from '../zoo/ownTransformer';
import { apply, model as modelOf } from '../zoo/parts';
import { refusal, rejection } from '../zoo/refusal';
import { memoryStore } from '../zoo/store';
import { randomize } from '../zoo/weights';

beforeAll(() => useBackend(WASM));

const TIME = 5;

function texts(count: number, seed = 4): Data {
  const { integer } = stream(seed, 'texts');
  const rows = Array.from({ length: count }, () => Array.from({ length: TIME + 1 }, () => integer(VOCABULARY)));
  const [inputs, targets] = [rows.map(row => row.slice(0, -1)), rows.map(row => row.slice(1))].map(integers);
  return { train: { inputs, targets }, loss: 'sparseCategoricalCrossentropy' };
}
const data = texts(24);

/** An attention of 392 parameters and a feed-forward part of 24 a neuron and 8, of which the norms have 8 each. */
const netOf = (blocks: number, neurons: number, more: Partial<Recipe> = {}): layers.LayersModel => randomize(ownTransformer({ blocks, neurons, time: TIME, ...more }), 5); // prettier-ignore

async function run(net: layers.LayersModel, method: Method<'data'>, options: Partial<CompressOptions<'data'>> = {}) {
  const { model, ...account } = await compress(net, method, { data, latency: false, keepRemoved: true, ...options });
  const checkpoint = await capture(model);
  model.dispose();
  return { checkpoint, hash: await hashOf(checkpoint), ...account };
}

const attentionsGone = ({ blocks = [] }: Plan): readonly string[] => blocks.map(({ name }) => name);
/** Of each feed-forward part. */
const neuronsGone = ({ groups }: Plan): readonly (readonly number[])[] => groups.filter(({ kind }) => kind === 'neurons').map(({ removed }) => removed); // prettier-ignore

/**
 * Of 4 blocks with 24 neurons, 584 parameters beside 392, half is 1,952: round(4 * 0.5^(584 / 392 / 1.5)) = round(2.01) attentions are 784, and of the
 * other 1,168 each part has 292, or 12.2 neurons.
 */
test.each([
  [4, 24, 0.5, undefined, 2, 13],
  // round(4 * 0.5^(1.490 / 1)) = round(1.42), and (1,952 - 392) / 4 / 24 = 16.25
  [4, 24, 0.5, 1, 1, 17],
  // round(4 * 0.5^(1.490 / 6)) = round(3.37), and (1,952 - 1,176) / 4 / 24 = 8.08
  [4, 24, 0.5, 6, 3, 9],
  // round(4 * 0.2^(1.490 / 1.5)) = round(0.81), and (780.8 - 392) / 4 / 24 = 4.05
  [4, 24, 0.2, undefined, 1, 5],
  // 1,208 parameters: round(3 * 0.3^(3.082 / 1.5)) = round(0.25), and 1,440 / 3 / 24 = 20
  [3, 50, 0.3, undefined, 0, 20],
])('%i blocks of %i neurons, ratio %d, alpha %s: %i attentions and %i neurons of each part go', async (blocks, neurons, ratio, alpha, attentions, each) => {
  const net = netOf(blocks, neurons);
  const { plan, report } = await run(net, twoStage({ ratio, alpha, batches: 1 }));
  net.dispose();
  expect(attentionsGone(plan)).toHaveLength(attentions);
  expect(neuronsGone(plan).map(({ length }) => length)).toEqual(Array(blocks).fill(each)); // prettier-ignore
  expect(report.before.parameters - report.after.parameters).toBe(392 * attentions + 24 * blocks * each);
  expect(report.certificates.map(({ error }) => error <= 1e-5)).toEqual(Array(attentions > 0 ? 2 : 1).fill(true));
  expect(report.stages.map(({ name }) => name)).toEqual(['dense', 'pruned', ...(attentions > 0 ? ['dropped'] : [])]);
}); // prettier-ignore

/** Of each neuron the L2 norm over an example of what the next layer reads, averaged over the examples. */
function norms(net: layers.LayersModel, block: number): number[] {
  const { output } = net.getLayer(`block${block}_product`);
  const upTo = layers.model({ inputs: net.inputs, outputs: output });
  const { data: tokens, shape } = data.train.inputs as NdArray;
  return tf.tidy(() => {
    const given = upTo.predict(tf.tensor(tokens, [...shape], 'int32')) as tf.Tensor;
    return Array.from(tf.mean(tf.norm(given, 2, 1), 0).dataSync());
  });
}

test('those neurons and attentions go that trying everything out says', async () => {
  const net = netOf(4, 24);
  const model = await capture(net);
  const { plan, checkpoint } = await run(net, twoStage({ ratio: 0.5, batches: 1 }));
  const lowest = [0, 1, 2, 3].map(block => {
    const scores = norms(net, block);
    const order = [...scores.keys()].sort((a, b) => scores[a] - scores[b]);
    return order.slice(0, 13).sort((a, b) => a - b);
  });
  expect(neuronsGone(plan)).toEqual(lowest);

  const traced = trace(model);
  const neurons = groupsOf(traced).filter(({ kind }) => kind === 'neurons');
  const narrow = slice(model, traced, new Set(neurons.flatMap(({ units }, i) => lowest[i].map(unit => units[unit]))));
  const { context } = await createContext({ original: model }, await readData(data, model), () => Promise.resolve());
  const order: string[] = [];
  for (let round = 0; round < 2; round++) {
    const left = [0, 1, 2, 3].map(block => `block${block}_add1`).filter(name => !order.includes(name));
    const scores = await Promise.all(left.map(name => context.data.evaluate(removeBlocks(narrow, [...order, name]))));
    const losses = scores.map(({ loss }) => loss);
    order.push(left[losses.indexOf(Math.min(...losses))]);
  }
  expect(attentionsGone(plan)).toEqual(order);
  expect([...checkpoint.weights]).toEqual([...removeBlocks(narrow, order).weights]);
  net.dispose();
});

test('a stage never sees the other part: feed-forward branches stay, and so do heads', async () => {
  const net = netOf(3, 24);
  const { plan } = await run(net, twoStage({ ratio: 0.6, batches: 1 }));
  net.dispose();
  expect(attentionsGone(plan).every(name => /add1$/.test(name))).toBe(true);
  const heads = plan.groups.filter(({ kind }) => kind === 'heads');
  expect(heads.map(({ removed }) => removed)).toEqual(Array(3 - attentionsGone(plan).length).fill([]));
});

describe('the account', () => {
  test.each([
    ['norms first', () => Promise.resolve(netOf(4, 24)), data, 3],
    ['norms behind', () => Promise.resolve(netOf(4, 24, { gated: false, norm: 'layer', place: 'post', rotary: undefined, bias: true })), data, 3], // prettier-ignore
    ['BERT', async () => (await loadBert(fixture('bert'), { head: 'classifier' })).model, bertData(), 0.7],
  ] as const)('%s: the plan is carried out anew, and undone to the last bit', async (_, load, given, alpha) => {
    const net = await load();
    const before = await hashOf(await capture(net));
    const { plan, removed, hash, report } = await run(net, twoStage({ ratio: 0.55, alpha, batches: 1 }), { data: given }); // prettier-ignore
    expect(attentionsGone(plan).length).toBeGreaterThan(0);
    expect(neuronsGone(plan).flat().length).toBeGreaterThan(0);
    expect(report.certificates.map(({ error }) => error <= 1e-5)).toEqual([true, true]);
    const { model: again } = await applyPlan(net, plan, { latency: false });
    expect(await hashOf(await capture(again))).toBe(hash);
    const back = await restore(again, plan, removed!);
    expect(await hashOf(back)).toBe(before);
    expect(await hashOf(await capture(net))).toBe(before);
    for (const each of [net, again]) each.dispose();
  });

  function bertData(): Data {
    const { integer } = stream(3, 'inputs');
    const rows = (high: number, low = 0): NdArray => integers(Array.from({ length: 6 }, () => Array.from({ length: 7 }, () => low + integer(high)))); // prettier-ignore
    const train = { inputs: [rows(19), rows(1, 1), rows(2)], targets: integers([[0], [1], [2], [0], [1], [2]]) };
    return { train, loss: 'sparseCategoricalCrossentropy' };
  }
});

test('the same seed gives the same bytes; what is looked at follows from it', async () => {
  const net = netOf(4, 24);
  const method = twoStage({ ratio: 0.5, batches: 1, batchSize: 1 });
  const first = await run(net, method, { seed: 1 });
  expect((await run(net, method, { seed: 1 })).hash).toBe(first.hash);
  const others = await Promise.all([2, 3, 4].map(seed => run(net, method, { seed })));
  expect(others.some(({ hash }) => hash !== first.hash)).toBe(true);
  net.dispose();
});

test('leaves nothing behind, and goes on where it was stopped', async () => {
  const net = netOf(4, 24);
  const { store } = memoryStore();
  const method = twoStage({ ratio: 0.5, batches: 1 });
  const plain = (await run(net, method)).hash;
  const stop = new AbortController();
  const events: Progress[] = [];
  const progress = (event: Progress): void => {
    events.push(event);
    if (event.stage === 'drop blocks') stop.abort();
  };
  await withoutLeak(async () => {
    const { code } = await rejection(run(net, method, { resume: store, progress, signal: stop.signal }));
    expect(code).toBe('aborted');
  });
  expect(events.map(({ stage }) => stage)).toEqual(expect.arrayContaining(['score activation l2', 'score lossIncrease', 'drop blocks'])); // prettier-ignore
  const later: Progress[] = [];
  await withoutLeak(async () => {
    const { hash } = await run(net, method, { resume: store, progress: event => void later.push(event) });
    expect(hash).toBe(plain);
  });
  expect(later.some(({ stage }) => stage === 'score activation l2')).toBe(false);
  net.dispose();
});

describe('refused', () => {
  test.each([
    [{ ratio: 1 }, 'bad-ratio', 'ratio'],
    [{ ratio: 0.5, alpha: 0 }, 'bad-option', 'alpha'],
    [{ ratio: 0.5, batches: 0 }, 'bad-option', 'batches'],
  ])('%j, at once', (options, code, words) => {
    const error = refusal(() => twoStage(options));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(words)]);
  });

  test.each([
    [{ ratio: 0.2, alpha: 60 }, 'twoStage: expected attentions that have no more than the 781 parameters that shall go, got 1568. Lower alpha'], // prettier-ignore
    [{ ratio: 0.9, alpha: 0.1 }, 'twoStage: expected 0.9 of the parameters to go with 1 attentions, and neurons of which each layer keeps one, got too few neurons. Raise alpha'], // prettier-ignore
  ])('%j, which cannot be had', async (options, words) => {
    const net = netOf(4, 24);
    const { code, message } = await rejection(run(net, twoStage({ batches: 1, ...options })));
    net.dispose();
    expect([code, message]).toEqual(['bad-option', expect.stringContaining(words)]);
  });

  test('a model without attentions', async () => {
    const net = NETS.perceptron();
    const [inputs, targets] = [net.inputs, net.outputs].map(([{ shape }]) => ndarray(new Float32Array(3 * shape[1]!), [3, shape[1]!])); // prettier-ignore
    const own: Data = { train: { inputs, targets }, loss: 'meanSquaredError' };
    const { code, message } = await rejection(run(net, twoStage({ ratio: 0.5 }), { data: own }));
    net.dispose();
    expect([code, message]).toEqual(['no-groups', expect.stringContaining('twoStage: expected a model with attention heads')]); // prettier-ignore
  });

  /** x + (attention of x + feed-forward of x): one branch. */
  test('attention and feed-forward part in one branch', async () => {
    const { dense, embedding, add } = layers.layers;
    const stock = (name: string, units: number): layers.layers.Layer => dense({ name, units, useBias: false });
    const tokens = layers.input({ shape: [TIME], dtype: 'int32', name: 'tokens' });
    const x = apply(tokens, embedding({ name: 'embed', inputDim: VOCABULARY, outputDim: 8 }));
    const parts = ['q', 'k', 'v'].map(name => apply(x, stock(name, 8)));
    const heard = apply(apply(parts, attention({ name: 'attention', heads: 2, kvHeads: 2, causal: true })), stock('o', 8)); // prettier-ignore
    const thought = apply(x, dense({ name: 'up', units: 6, activation: 'relu' }), stock('down', 8));
    const sum = apply([x, apply([heard, thought], add({ name: 'both' }))], add({ name: 'sum' }));
    const net = modelOf(tokens, apply(sum, stock('head', VOCABULARY)));
    const { code, message } = await rejection(run(net, twoStage({ ratio: 0.5 })));
    net.dispose();
    expect([code, message]).toEqual(['no-groups', expect.stringContaining('"sum", which is a feed-forward part too')]);
  });
});
