/** LaCo against trying every merge by hand, and at its edges. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import {
  blocks,
  capture,
  chain,
  compress,
  fineTune,
  laco,
  magnitude,
  materialize,
  prune,
  removeBlocks,
  uniform,
  useBackend,
  type Block,
  type Checkpoint,
  type CompressOptions,
  type Data,
  type LacoOptions,
  type Method,
  type Progress,
} from 'tfjs-prune';
import { ndarray, type NdArray } from '../../lib/core/array';
import { weightsOf } from '../../lib/core/checkpoint';
import { hashOf } from '../../lib/core/hash';
import { alike, mergeBlocks, type Combination } from '../../lib/edit/mergeBlocks';
import { WASM } from '../backend';
import { withoutLeak } from '../runtime/help';
import { ownTransformer } from '../zoo/ownTransformer';
import { refusal, rejection } from '../zoo/refusal';
import { memoryStore } from '../zoo/store';
import { streamNet } from '../zoo/streams';
import { data, taughtNet } from '../zoo/taught';
import { randomize } from '../zoo/weights';

let net: layers.LayersModel;
let model: Checkpoint;
let all: readonly Block[];
beforeAll(async () => {
  await useBackend(WASM);
  net = await taughtNet(5);
  model = await capture(net);
  all = blocks(model).blocks;
});
afterAll(() => net.dispose());

type Both = 'data' | 'training';
const whole = { batches: 4, batchSize: 60 } as const;

async function run(method: Method<Both>, options: Partial<CompressOptions<Both>> = {}, of = net) {
  const { model: small, ...account } = await compress(of, method, { data, latency: false, ...options });
  const checkpoint = await capture(small);
  small.dispose();
  return { checkpoint, hash: await hashOf(checkpoint), ...account };
}

const gone = ({ plan: { blocks: taken = [] } }: Awaited<ReturnType<typeof run>>) => taken.map(({ name }) => name);
const name = (number: number): string => `b${number}_add1+b${number}_add2`;

/** What the head of the net reads of each example, `[examples, width]`. */
function vectors(checkpoint: Checkpoint): Float32Array {
  const built = materialize(checkpoint);
  const upTo = layers.model({ inputs: built.inputs, outputs: built.getLayer('mean').output });
  const { inputs } = data.train as { inputs: NdArray };
  const result = tf.tidy(() => (upTo.predict(tf.tensor(inputs.data, [...inputs.shape])) as tf.Tensor).dataSync());
  built.dispose();
  return result as Float32Array;
}

/** Mean over examples. */
function cosine(a: Float32Array, b: Float32Array, width: number): number {
  let sum = 0;
  for (let from = 0; from < a.length; from += width) {
    const [x, y] = [a.subarray(from, from + width), b.subarray(from, from + width)];
    sum += x.reduce((product, value, i) => product + value * y[i], 0) / Math.hypot(...x) / Math.hypot(...y);
  }
  return (sum * width) / a.length;
}

/** The weights of `first` made of its own and those of `others`, by hand. */
function byHand(checkpoint: Checkpoint, first: Block, others: readonly Block[], how: Combination): Checkpoint {
  const weights = new Map(checkpoint.weights);
  first.layers.forEach((path, i) => {
    if (path.includes('norm') || !weights.has(path)) return;
    const rows = [first, ...others].map(({ layers: paths }) => checkpoint.weights.get(paths[i])!);
    const made = rows[0].map(({ shape }, w) => {
      const held = rows.map(arrays => arrays[w].data);
      const value = (at: number): number => {
        const base = held[0][at];
        if (how === 'replaceLast') return held[held.length - 1][at];
        if (how === 'mean') return held.reduce((sum, one) => sum + one[at], 0) / held.length;
        return held.slice(1).reduce((sum, one) => sum + (one[at] - base), base);
      };
      return ndarray(
        Float32Array.from(held[0], (_, at) => value(at)),
        shape,
      );
    });
    weights.set(path, made);
  });
  return { ...checkpoint, weights };
}

function expectClose(a: Checkpoint, b: Checkpoint): void {
  expect([...a.weights.keys()]).toEqual([...b.weights.keys()]);
  for (const [path, arrays] of a.weights) {
    arrays.forEach(({ data: values }, i) => {
      const other = b.weights.get(path)![i].data;
      const farthest = Array.from(values).reduce((most, x, at) => Math.max(most, Math.abs(x - other[at])), 0);
      expect(farthest).toBeLessThan(1e-6);
    });
  }
}

test.each<[Combination, number]>([
  ['rdsc', 2],
  ['rdsc', 3],
  ['replaceLast', 3],
  ['mean', 3],
  ['mean', 5],
])('%s of %i blocks, weight by weight; norms are those of the first', (how, count) => {
  const [first, ...others] = all.slice(0, count);
  const merged = mergeBlocks(model, first, others, how);
  expectClose(merged, byHand(model, first, others, how));
  expect(merged.weights.get('b1_norm1')).toBe(model.weights.get('b1_norm1'));
  expect(merged.weights.get('b2_ffn_up')).toBe(model.weights.get('b2_ffn_up'));
});

test('of two blocks rdsc is the last; of one nothing happens; a mean is something else', async () => {
  const results = await Promise.all(
    (['rdsc', 'replaceLast', 'mean'] as const).map(combine => run(laco({ threshold: -1, combine, lowest: 3 }))),
  );
  expect(results.map(gone)).toEqual([[name(5)], [name(5)], [name(5)]]);
  expectClose(results[0].checkpoint, results[1].checkpoint);
  expect(weightsOf(results[2].checkpoint, 'b4_ffn_up')).not.toEqual(weightsOf(results[0].checkpoint, 'b4_ffn_up'));
  const one = await run(laco({ threshold: -1, merge: 1 }));
  expect([one.hash, gone(one)]).toEqual([await hashOf(model), []]);
});

test('blocks that are the same make the same again, however they are combined', () => {
  const [first, ...others] = all;
  const weights = new Map(model.weights);
  for (const other of others) {
    other.layers.forEach((path, i) => weights.has(path) && weights.set(path, weights.get(first.layers[i])!));
  }
  const same = { ...model, weights };
  for (const how of ['rdsc', 'replaceLast', 'mean'] as const) {
    for (const count of [1, 2, 4]) expectClose(mergeBlocks(same, first, others.slice(0, count), how), same);
  }
});

test('above 1 nothing is accepted, and the model comes back', async () => {
  for (const merge of [2, 3]) {
    const result = await run(laco({ threshold: 1.01, merge }));
    expect([result.hash, gone(result), result.report.certificates]).toEqual([await hashOf(model), [], []]);
  }
});

test('below -1 everything is, window by window', async () => {
  const left = async (options: Partial<LacoOptions>) => gone(await run(laco({ threshold: -1.01, ...options })));
  expect(await left({})).toEqual([2, 3, 4, 5].map(name));
  expect(await left({ interval: 2 })).toEqual([3, 5].map(name));
  expect(await left({ merge: 3, interval: 2 })).toEqual([2, 3, 4, 5].map(name));
  expect(await left({ merge: 4, interval: 9 })).toEqual([3, 4, 5].map(name));
  expect(await left({ lowest: 2 })).toEqual([4, 5].map(name));
  expect(await left({ highest: 3, lowest: 1 })).toEqual([3].map(name));
});

describe.each<[Combination, number, number]>([
  ['rdsc', 2, 1],
  ['rdsc', 3, 1],
  ['mean', 2, 2],
])('%s of %i blocks, interval %i', (combine, merge, interval) => {
  test.each([0.2, 0.5, 0.8, 0.9, 0.95])('takes what trying by hand takes above %f', async threshold => {
    const result = await run(laco({ threshold, merge, interval, combine, ...whole }));
    const wanted = vectors(model);
    let [current, left] = [model, [...all]];
    for (let at = all.length - merge; at >= 0;) {
      const [first, ...others] = left.slice(at, at + merge);
      const merged = byHand(current, first, others, combine);
      const tried = removeBlocks(merged, others.map(block => block.name)); // prettier-ignore
      const similarity = cosine(wanted, vectors(tried), 6);
      // The threshold must not lie where rounding decides.
      expect(Math.abs(similarity - threshold)).toBeGreaterThan(1e-4);
      let step = 1;
      if (similarity > threshold) {
        [current, step] = [tried, interval];
        left = left.filter(block => !others.includes(block));
      }
      at = Math.min(at - step, left.length - merge);
    }
    expect([...gone(result)].sort()).toEqual(all.filter(block => !left.includes(block)).map(block => block.name).sort()); // prettier-ignore
    expectClose(result.checkpoint, current);
  });
});

test('a higher threshold takes less', async () => {
  const counts: number[] = [];
  for (const threshold of [-1.01, 0.8, 0.95, 1.01]) counts.push(gone(await run(laco({ threshold, ...whole }))).length);
  expect(counts).toEqual([...counts].sort((a, b) => b - a));
  expect(new Set(counts).size).toBeGreaterThan(2);
});

test('the account says what went, and that the result is the merged model without it', async () => {
  const { plan, report } = await run(laco({ threshold: -1, lowest: 2, highest: 4 }));
  expect(plan).toMatchObject({ version: 2, method: 'laco(rdsc)', blocks: [{ name: name(4) }] });
  expect(report.certificates).toHaveLength(1);
  expect(report.certificates[0].place).toBe('laco');
  expect(report.blocks!.map(block => block.name)).toEqual([name(4)]);
  expect(report.stages.map(stage => stage.name)).toEqual(['dense', 'dropped']);
  expect(plan.cost!.after.parameters).toBe(report.after.parameters);
});

test('whole texts are compared, or place by place; padding is not', async () => {
  const transformer = randomize(ownTransformer({ blocks: 3, norm: 'layer', place: 'post', rotary: undefined, gated: false, tied: false, causal: false, padding: true, bias: true, kvHeads: 4 }), 3); // prettier-ignore
  const tokens = ndarray(Int32Array.from({ length: 40 }, (_, i) => (i * 7) % 11), [8, 5]); // prettier-ignore
  const mask = ndarray(Int32Array.from({ length: 40 }, (_, i) => (i % 5 < 3 ? 1 : 0)), [8, 5]); // prettier-ignore
  const other = { ...tokens, data: tokens.data.map((token, i) => (i % 5 < 3 ? token : (token + 3) % 11)) };
  const similarities = async (options: Partial<LacoOptions>, inputs: NdArray) => {
    const seen: string[] = [];
    const progress = ({ stage, detail }: Progress): unknown => stage === 'merge blocks' && seen.push(detail!);
    const given: Data = { train: { inputs: [inputs, mask], targets: tokens }, loss: 'sparseCategoricalCrossentropy' };
    await run(laco({ threshold: 2, ...options }), { data: given, progress }, transformer);
    return seen;
  };
  const texts = await similarities({}, tokens);
  expect(texts).toHaveLength(2);
  expect(await similarities({}, other)).toEqual(texts);
  const places = await similarities({ similarity: 'places' }, tokens);
  expect(places).not.toEqual(texts);
  expect(await similarities({ similarity: 'places' }, other)).toEqual(places);
  transformer.dispose();
});

describe('runs', () => {
  const method = chain<Both>(laco({ threshold: 0.3, ...whole }), fineTune({ epochs: 1 }));

  test('of one seed give the same bytes, leak nothing, and go on where they were stopped', async () => {
    const first = await withoutLeak(() => run(method));
    expect(gone(first).length).toBeGreaterThan(0);
    const { store, failAfter } = memoryStore();
    failAfter(2);
    await expect(run(method, { resume: store })).rejects.toThrow('the power went');
    failAfter(Infinity);
    const logs: string[] = [];
    expect((await run(method, { resume: store, log: line => logs.push(line) })).hash).toBe(first.hash);
    expect(logs.join()).toContain('laco(rdsc): done by the run that was stopped');
    expect(await hashOf(await capture(net))).toBe(await hashOf(model));
    const other = chain<Both>(laco({ threshold: 0.4, ...whole }), fineTune({ epochs: 1 }));
    expect((await rejection(run(other, { resume: store }))).code).toBe('bad-option');
  });

  test('tell their progress, and can be aborted between merges', async () => {
    const events: Progress[] = [];
    const stop = new AbortController();
    const progress = (event: Progress): void => {
      if (event.stage !== 'merge blocks') return;
      events.push(event);
      if (event.done === 2) stop.abort();
    };
    const before = tf.memory().numTensors;
    expect((await rejection(run(laco({ threshold: -1 }), { progress, signal: stop.signal }))).code).toBe('aborted');
    expect(tf.memory().numTensors).toBe(before);
    expect(events.map(({ done, total }) => [done, total])).toEqual([[1, 4], [2, 4]]); // prettier-ignore
    expect(events[0].detail).toMatch(/^b4_add1\+b4_add2: similarity [\d.-]+, 1 gone$/);
  });
});

describe('refusals', () => {
  test.each<[Partial<LacoOptions>, RegExp]>([
    [{ threshold: NaN }, /threshold/],
    [{ merge: 0 }, /merge/],
    [{ lowest: -1 }, /lowest/],
    [{ lowest: 2, highest: 3 }, /highest to be an integer >= 4/],
    [{ interval: 0 }, /interval/],
    [{ combine: 'sum' as 'mean' }, /rdsc, replaceLast, mean/],
    [{ similarity: 'tokens' as 'texts' }, /texts, places/],
    [{ batches: 0 }, /batches/],
    [{ batchSize: 1.5 }, /batchSize/],
  ])('%j', (options, message) => {
    const error = refusal(() => laco({ threshold: 0.5, ...options }));
    expect(error).toMatchObject({ code: 'bad-option', message: expect.stringMatching(message) as string });
  });

  test('more blocks than there are, and a model without any', async () => {
    const error = await rejection(run(laco({ threshold: 0, merge: 6 })));
    expect(error).toMatchObject({ code: 'bad-option', message: expect.stringMatching(/5 blocks, of which no 6 are/) as string }); // prettier-ignore
    const bare = randomize(layers.sequential({ layers: [layers.layers.dense({ units: 3, inputShape: [4, 6] })] }));
    const given: Data = { train: { inputs: ndarray(new Float32Array(24), [1, 4, 6]), targets: ndarray(new Float32Array(12), [1, 4, 3]) }, loss: 'meanSquaredError' }; // prettier-ignore
    expect((await rejection(run(laco({ threshold: 0 }), { data: given }, bare))).code).toBe('no-groups');
    bare.dispose();
  });

  test('blocks of different widths, of other streams, and with shared layers stand apart', async () => {
    const thin = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.3 }), groups: ({ name: group }) => group === 'b3_ffn_up' }); // prettier-ignore
    const { checkpoint } = await run(thin);
    const found = blocks(checkpoint).blocks;
    expect([0, 1, 2, 3].map(at => alike(checkpoint, found.slice(at, at + 2)))).toEqual([true, false, false, true]);
    expect(alike(model, [all[0], all[2]])).toBe(false);
    expect(alike(model, [all[1], all[0]])).toBe(false);
    const shared = streamNet('shared');
    const sharing = await capture(shared);
    expect(alike(sharing, blocks(sharing).blocks.slice(0, 2))).toBe(false);
    const result = await run(chain<Both>(thin, laco({ threshold: -1.01 })));
    expect(gone(result)).toEqual([2, 5].map(name));
    shared.dispose();
  });
});
