/** Criteria for blocks against what one would compute by hand. */
import * as tf from '@tensorflow/tfjs-core';
import * as L from '@tensorflow/tfjs-layers';
import { useBackend } from 'tfjs-prune';
import { ndarray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { Context, Need, Progress } from '../../lib/core/context';
import { random } from '../../lib/core/random';
import { blockInfluence, firstBlocks, lastBlocks, lossIncrease, randomBlocks, type BlockCriterion } from '../../lib/criteria'; // prettier-ignore
import { cosinesAlong } from '../../lib/criteria/blockInfluence';
import { removeBlocks } from '../../lib/edit/remove';
import { blocks } from '../../lib/graph/blocks';
import { capture } from '../../lib/runtime/capture';
import { createContext } from '../../lib/runtime/context';
import { readData } from '../../lib/runtime/data';
import { materialize } from '../../lib/runtime/materialize';
import { toTensor } from '../../lib/runtime/tensors';
import { WASM } from '../backend';
import { withoutLeak } from '../runtime/help';
import { rejection, refusal } from '../zoo/refusal';
import { streamNet, TIME, WIDTH, type StreamName } from '../zoo/streams';
import { data, taughtNet } from '../zoo/taught';

beforeAll(() => useBackend(WASM));

const ROWS = 10;

function inputsFor(net: L.LayersModel): tf.Tensor[] {
  const { normal } = random(9, 'rows');
  return net.inputs.map(({ shape }) => {
    const full = [ROWS, ...(shape.slice(1) as number[])];
    return tf.tensor(Float32Array.from({ length: tf.util.sizeFromShape(full) }, normal), full);
  });
}

async function contextFor(
  model: Checkpoint,
  inputs: readonly tf.Tensor[],
  seed = 0,
): Promise<{ context: Context<Need>; seen: Progress[] }> {
  const train = {
    inputs: await Promise.all(inputs.map(async x => ndarray((await x.data()) as Float32Array, x.shape))),
    targets: [],
  };
  const seen: Progress[] = [];
  const options = { original: model, seed, progress: (event: Progress) => void seen.push(event) };
  const { context } = await createContext(options, { train, loss: [] }, () => Promise.resolve());
  return { context, seen };
}

/** 1 - cosine along the last axis, averaged over the places of all examples. */
function turn(before: tf.Tensor, after: tf.Tensor): number {
  return tf.tidy(() => {
    const norm = (x: tf.Tensor): tf.Tensor => tf.sqrt(tf.sum(tf.square(x), -1));
    const cosine = tf.div(tf.sum(tf.mul(before, after), -1), tf.mul(norm(before), norm(after)));
    return 1 - tf.mean(cosine).dataSync()[0];
  });
}

/** The layers between which each block lies. */
const STATIONS: Partial<Readonly<Record<StreamName, readonly string[]>>> = {
  preNorm: ['embed', 'b1_add2', 'b2_add2', 'b3_add2'],
  postNorm: ['embed_norm', 'b1_norm2', 'b2_norm2', 'b3_norm2'],
  preActivation: ['stem', 'b1_add', 'b2_add', 'b3_add'],
  shared: ['embed', 'b1_add', 'b2_add', 'b3_add'],
  sideInput: ['embed', 'b1_add', 'b2_add'],
  bareNorm: ['first', 'b1_norm2', 'b2_norm2'],
};

test.each(Object.entries(STATIONS))(
  'block influence of %s equals that of its hidden states',
  async (name, stations) => {
    const net = streamNet(name as StreamName);
    const inputs = inputsFor(net);
    const model = await capture(net);
    const { context, seen } = await contextFor(model, inputs);
    const found = await withoutLeak(() => blockInfluence({ batchSize: 4 }).score(blocks(model).blocks, model, context));
    const hidden = L.model({ inputs: net.inputs, outputs: stations.map(at => net.getLayer(at).output as L.SymbolicTensor) }); // prettier-ignore
    const states = hidden.predict(inputs) as tf.Tensor[];
    const expected = states.slice(1).map((after, i) => turn(states[i], after));
    expect(expected.every(value => value > 1e-3)).toBe(true);
    expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5));
    expect(seen.map(({ done }) => done)).toEqual([1, 2, 3]);
    net.dispose();
  },
);

test('a block in a model that is called twice is measured in both calls', async () => {
  const net = streamNet('nestedTwice');
  const inputs = inputsFor(net);
  const model = await capture(net);
  const { context } = await contextFor(model, inputs);
  const found = await blockInfluence().score(blocks(model).blocks, model, context);
  const encoder = net.getLayer('encoder') as unknown as L.LayersModel;
  const inner = L.model({ inputs: encoder.inputs, outputs: ['b1_add2', 'b2_add2'].map(at => encoder.getLayer(at).output as L.SymbolicTensor) }); // prettier-ignore
  let state = net.getLayer('embed').apply(inputs[0]) as tf.Tensor;
  const turns = [0, 1].map(() => {
    const [middle, end] = inner.predict(state) as tf.Tensor[];
    const both = [turn(state, middle), turn(middle, end)];
    state = end;
    return both;
  });
  [0, 1].forEach(block => expect(found[block]).toBeCloseTo((turns[0][block] + turns[1][block]) / 2, 5));
  net.dispose();
});

test('a block that adds nothing has no influence; a stream without length stands for no angle', async () => {
  const net = streamNet('preNorm');
  const model = await capture(net);
  const silent = ['b2_mixing_out', 'b2_ffn_down'].map(path => {
    const arrays = model.weights.get(path)!;
    return [path, arrays.map(array => ({ ...array, data: new Float32Array(array.data.length) }))] as const;
  });
  const silenced = { ...model, weights: new Map([...model.weights, ...silent]) };
  const { context } = await contextFor(silenced, inputsFor(net));
  const found = await blockInfluence().score(blocks(silenced).blocks, silenced, context);
  expect(Math.abs(found[1])).toBeLessThan(1e-12);
  expect(found[0]).toBeGreaterThan(1e-3);
  const a = ndarray(Float32Array.of(0, 0, 1, 0, 3, 4), [3, 2]);
  const b = ndarray(Float32Array.of(0, 0, 0, 0, -6, -8), [3, 2]);
  expect([...cosinesAlong(a, b, 1)]).toEqual([1, 0, -1]);
  const across = ndarray(Float32Array.of(1, 2, 3, 4), [1, 2, 2]);
  const [same, right] = cosinesAlong(across, ndarray(Float32Array.of(1, 4, 3, -2), [1, 2, 2]), 1);
  expect([same, right]).toEqual([expect.closeTo(1, 12), 0]);
  net.dispose();
});

describe('on a net that has learnt', () => {
  let net: L.LayersModel;
  let model: Checkpoint;
  let context: Context<Need>;
  beforeAll(async () => {
    net = await taughtNet();
    model = await capture(net);
    const splits = await readData(data, model);
    ({ context } = await createContext({ original: model, seed: 4 }, splits, () => Promise.resolve()));
  });
  afterAll(() => net.dispose());

  /** Mean of -log of the probability of the right class, over all training data. */
  function lossOf(of: Checkpoint): number {
    const built = materialize(of);
    try {
      return tf.tidy(() => {
        const { inputs, targets } = data.train as {
          inputs: Parameters<typeof toTensor>[0];
          targets: { data: Int32Array };
        };
        const answers = (built.predict(toTensor(inputs)) as tf.Tensor2D).arraySync();
        return answers.reduce((sum, row, i) => sum - Math.log(row[targets.data[i]]) / answers.length, 0);
      });
    } finally {
      built.dispose();
    }
  }

  test('the loss that a skipped block costs is the one that is measured without it', async () => {
    const table = blocks(model);
    const all = [...table.blocks, ...table.branches];
    const found = await withoutLeak(() => lossIncrease({ batchSize: 80 }).score(all, model, context));
    const whole = lossOf(model);
    expect(whole).toBeLessThan(0.9); // chance is 1.1
    all.forEach(({ name }, i) => expect(found[i]).toBeCloseTo(lossOf(removeBlocks(model, [name])) - whole, 4));
    expect(new Set(Array.from(found)).size).toBe(all.length);
  });

  test('it looks at as many examples as it is told, those that observing shows', async () => {
    const scored: number[] = [];
    const sample: typeof context.data.sample = async (...given) => {
      const score = await context.data.sample(...given);
      scored.push(score.loss);
      return score;
    };
    const watched = { ...context, data: { ...context.data, sample } };
    await lossIncrease({ batches: 2, batchSize: 8 }).score(blocks(model).blocks.slice(0, 1), model, watched);
    const order = random(4, 'observe').permutation(240).subarray(0, 16);
    const { inputs, targets } = data.train as unknown as Record<'inputs' | 'targets', { data: Float32Array }>;
    const answers = tf.tidy(() => {
      const rows = Float32Array.from(order, row => row);
      const all = tf.tensor(inputs.data, [240, TIME, WIDTH]);
      return (net.predict(tf.gather(all, tf.cast(tf.tensor1d(rows), 'int32'))) as tf.Tensor2D).arraySync();
    });
    const expected = answers.reduce((sum, row, i) => sum - Math.log(row[targets.data[order[i]]]) / 16, 0);
    expect(scored[0]).toBeCloseTo(expected, 5);
    expect(scored).toHaveLength(2);
  });

  test('a model that overflows without a block keeps it', async () => {
    const sample = (of: Checkpoint) => Promise.resolve({ loss: of === model ? 1 : NaN });
    const broken = { ...context, data: { ...context.data, sample } };
    expect(await lossIncrease().score(blocks(model).blocks, model, broken)).toEqual(new Array(4).fill(Infinity));
  });

  test('order and chance', async () => {
    const all = blocks(model).blocks;
    const scores = async (criterion: BlockCriterion, seed = 0) =>
      Array.from(await criterion.score(all, model, { ...context, seed }));
    const lowest = (list: readonly number[]): number => list.indexOf(Math.min(...list));
    expect(lowest(await scores(lastBlocks()))).toBe(3);
    expect(lowest(await scores(firstBlocks()))).toBe(0);
    expect(await scores(randomBlocks(), 1)).toEqual(await scores(randomBlocks(), 1));
    const first = await Promise.all(Array.from({ length: 40 }, (_, seed) => scores(randomBlocks(), seed).then(lowest)));
    expect(new Set(first).size).toBe(4);
  });

  test('options are checked, an abort is heard', async () => {
    for (const make of [blockInfluence, lossIncrease]) {
      expect(refusal(() => make({ batches: 0 })).code).toBe('bad-option');
      expect(refusal(() => make({ batchSize: 1.5 })).code).toBe('bad-option');
    }
    const stop = new AbortController();
    stop.abort();
    const aborted = { ...context, signal: stop.signal };
    const error = await rejection(Promise.resolve(lossIncrease().score(blocks(model).blocks, model, aborted)));
    expect(error.code).toBe('aborted');
  });
});
