/** Streams made ready and turned: the model computes what it did, whatever it is built of. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { relativeError, type NdArray } from '../../lib/core/array';
import { leaves, mapLeaves, weightsOf, type Checkpoint } from '../../lib/core/checkpoint';
import { hashOf } from '../../lib/core/hash';
import { randomOrthogonal } from '../../lib/core/linalg';
import { random } from '../../lib/core/random';
import { openStreams, type OpenedStreams } from '../../lib/edit/openStreams';
import { withLora } from '../../lib/edit/lora';
import { mask, slice } from '../../lib/edit/slice';
import { turnStream } from '../../lib/edit/turn';
import { untie } from '../../lib/edit/untie';
import { streamsOf } from '../../lib/graph/streams';
import { trace } from '../../lib/graph/trace';
import type { Unit } from '../../lib/rules/rule';
import { capture } from '../../lib/runtime/capture';
import { CPU_KERNELS } from '../backend';
import { block, ownTransformer, visionTransformer, type Recipe } from '../zoo/ownTransformer';
import { apply, model as net, type Flow } from '../zoo/parts';
import { predictionsOf } from '../zoo/removal';
import { streamNet, STREAM_NAMES, type StreamName } from '../zoo/streams';
import { probesOf, randomize } from '../zoo/weights';

const RUNS = Number(process.env.PROPERTY_RUNS ?? 30);
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 1_000_000);

beforeAll(() => tf.setBackend(CPU_KERNELS));
beforeEach(() => void tf.engine().startScope());
afterEach(() => tf.engine().endScope());

interface Probed {
  readonly model: Checkpoint;
  readonly probes: tf.Tensor[];
}

/** Whatever makes a stream first has a mean that is far from zero. */
async function probed(made: layers.LayersModel): Promise<Probed> {
  const probes = probesOf(made, 3);
  const model = await capture(made);
  made.dispose();
  const weights = new Map(model.weights);
  for (const path of ['embed', 'token', 'positions']) {
    const arrays = weights.get(path);
    if (arrays) weights.set(path, arrays.map(shifted));
  }
  return { model: { ...model, weights }, probes };
}

function shifted(array: NdArray): NdArray {
  return { ...array, data: Float32Array.from(array.data, value => value + 0.8) };
}

function difference(a: Checkpoint, b: Checkpoint, probes: readonly tf.Tensor[]): number {
  const [first, second] = [a, b].map(model => predictionsOf(model, probes));
  return Math.max(...first.map((output, i) => relativeError(second[i], output)));
}

/** Every stream that can be turned, turned at random. */
function turnedAtRandom({ model, traced, streams }: OpenedStreams, seed: number): Checkpoint {
  return streams
    .filter(({ problem }) => problem === undefined)
    .reduce((now, stream) => {
      const basis = randomOrthogonal(stream.units.length, random(seed, stream.name).normal);
      return turnStream(now, traced, stream, basis);
    }, model);
}

const RECIPE: Recipe = {
  blocks: 1,
  dimensions: 8,
  heads: 2,
  kvHeads: 1,
  size: 4,
  neurons: 6,
  norm: 'rms',
  place: 'pre',
  gated: true,
  tied: false,
  causal: true,
  time: 5,
};

const problems = ({ streams }: OpenedStreams): (string | undefined)[] => streams.map(({ problem }) => problem);

const recipes = (): fc.Arbitrary<Partial<Recipe>> =>
  fc
    .record({
      blocks: fc.integer({ min: 1, max: 2 }),
      dimensions: fc.integer({ min: 2, max: 9 }),
      kvHeads: fc.integer({ min: 1, max: 2 }),
      queriesPerHead: fc.integer({ min: 1, max: 2 }),
      size: fc.constantFrom(2, 4),
      neurons: fc.integer({ min: 2, max: 7 }),
      norm: fc.constantFrom('rms' as const, 'layer' as const, 'stock' as const),
      place: fc.constantFrom('pre' as const, 'post' as const),
      gated: fc.boolean(),
      tied: fc.boolean(),
      rotary: fc.constantFrom('half' as const, undefined),
      padding: fc.boolean(),
      bias: fc.boolean(),
    })
    .map(({ queriesPerHead, dimensions, ...recipe }) => ({
      ...recipe,
      // Less its mean, a stream of few may be near zero: rounding every weight then changes as much as opening does.
      dimensions: recipe.norm === 'rms' ? dimensions : Math.max(6, dimensions),
      heads: recipe.kvHeads * queriesPerHead,
    }));

test(`${RUNS} random transformers, seed ${SEED}: opened, turned at random, and cut as masked`, async () => {
  let cut = 0;
  const law = fc.asyncProperty(recipes(), fc.nat({ max: 1000 }), async (recipe, seed) => {
    const { model, probes } = await probed(randomize(ownTransformer(recipe), seed));
    const before = await hashOf(model);
    const opened = openStreams(model, { apart: true });
    expect(problems(opened)).toEqual(new Array(2 * recipe.blocks! + 1).fill(undefined));
    expect(difference(model, opened.model, probes)).toBeLessThan(1e-5);
    const turned = turnedAtRandom(opened, seed);
    expect(difference(model, turned, probes)).toBeLessThan(1e-5);
    const { integer } = random(seed, 'removal');
    const removed = new Set<Unit>(
      opened.streams.flatMap(({ units }) => [...units.subarray(1 + integer(units.length))]),
    );
    const sliced = slice(turned, opened.traced, removed);
    expect(difference(mask(turned, opened.traced, removed), sliced, probes)).toBeLessThan(1e-5);
    cut += difference(model, sliced, probes) > 1e-3 ? 1 : 0;
    expect(await hashOf(model)).toBe(before);
  });
  await fc.assert(law, { numRuns: RUNS, seed: SEED });
  expect(cut).toBeGreaterThan(RUNS / 2);
}, 600_000);

test('calls of one model after the other share the bases in it', async () => {
  const recipe: Recipe = { ...RECIPE, norm: 'stock' };
  const inner = layers.input({ shape: [5, 8] });
  const encoder = net(inner, block(inner, undefined, recipe, 'block'), 'encoder');
  const tokens = layers.input({ shape: [5], dtype: 'int32', name: 'tokens' });
  const embedded = apply(tokens, layers.layers.embedding({ name: 'embed', inputDim: 11, outputDim: 8 }));
  const twice = encoder.apply(encoder.apply(embedded)) as Flow;
  const norm = layers.layers.layerNormalization({ name: 'norm' });
  const head = layers.layers.dense({ name: 'head', units: 3 });
  const { model, probes } = await probed(randomize(net(tokens, apply(twice, norm, head))));
  const opened = openStreams(model, { apart: true });
  // What goes into the encoder, which is what comes out of it, and what lies in its middle.
  expect(opened.streams.map(({ norms, problem }) => [norms.map(({ layer }) => layer), problem])).toEqual([
    [['encoder/block_norm1', 'encoder/block_norm1', 'norm'], undefined],
    [['encoder/block_norm2', 'encoder/block_norm2'], undefined],
  ]);
  expect(difference(model, opened.model, probes)).toBeLessThan(1e-5);
  expect(difference(model, turnedAtRandom(opened, 1), probes)).toBeLessThan(1e-5);
});

test('streams that stay one: turned by one basis before, left as they are behind their norms', async () => {
  for (const norm of ['rms', 'layer', 'stock'] as const) {
    const { model, probes } = await probed(randomize(ownTransformer({ norm, bias: true })));
    const opened = openStreams(model, { apart: false });
    expect(problems(opened)).toEqual([undefined]);
    expect(leaves(opened.model.topology).filter(({ path }) => path.includes('shortcut'))).toEqual([]);
    expect(difference(model, turnedAtRandom(opened, 1), probes)).toBeLessThan(1e-5);
  }
  const { model } = await probed(randomize(ownTransformer({ place: 'post' })));
  const [problem] = problems(openStreams(model, { apart: false }));
  expect(problem).toMatch(/^"norm" cannot be folded: "block0_add1" has no weight for each unit of it/);
});

test('a vision transformer, with a class token and learned positions', async () => {
  const { model, probes } = await probed(randomize(visionTransformer()));
  const opened = openStreams(model, { apart: true });
  expect(problems(opened)).toEqual([undefined, undefined, undefined]);
  expect(difference(model, turnedAtRandom(opened, 2), probes)).toBeLessThan(1e-5);
});

const WEIGHTLESS = /_(mixing_mix|mul)" has no weight for each unit of it/;
const MEAN = /reads the mean of its stream/;

/** What is in the way, stream by stream; most of these nets mix places by a Dense layer along time, which treats no stream as a whole. */
const EXPECTED: Readonly<Record<StreamName, readonly (RegExp | undefined)[]>> = {
  preNorm: [WEIGHTLESS, MEAN, WEIGHTLESS, MEAN, WEIGHTLESS, undefined, undefined],
  postNorm: [WEIGHTLESS, undefined, WEIGHTLESS, undefined, WEIGHTLESS, undefined, undefined],
  residual: [],
  preActivation: [],
  shared: [MEAN],
  sharedOutside: [],
  nested: [WEIGHTLESS, MEAN, WEIGHTLESS, MEAN],
  nestedTwice: [WEIGHTLESS, MEAN, WEIGHTLESS, MEAN],
  insideSequential: [WEIGHTLESS, undefined, undefined],
  // The side input ties both streams together.
  sideInput: [WEIGHTLESS],
  within: [],
  bare: [WEIGHTLESS, MEAN, WEIGHTLESS, MEAN],
  bareNorm: [WEIGHTLESS, undefined, WEIGHTLESS, undefined, /what it gives leaves the model/],
};

test.each(STREAM_NAMES)('%s: what can be turned is, and all else is left with its reason', async name => {
  const { model, probes } = await probed(randomize(streamNet(name), 4));
  const opened = openStreams(model, { apart: true });
  expect(problems(opened)).toEqual(EXPECTED[name].map(reason => reason && expect.stringMatching(reason)));
  expect(difference(model, opened.model, probes)).toBeLessThan(2e-5);
  expect(difference(model, turnedAtRandom(opened, 3), probes)).toBeLessThan(2e-5);
});

test('tied tables become a table and a head, in the places of their calls', async () => {
  const { model, probes } = await probed(randomize(ownTransformer()));
  const apart = untie(model);
  expect(predictionsOf(apart, probes)).toEqual(predictionsOf(model, probes));
  const specs = new Map(leaves(apart.topology).map(({ path, spec }) => [path, spec]));
  expect(specs.get('embed')).toMatchObject({ className: 'Embedding', config: { inputDim: 11, outputDim: 8 } });
  expect(specs.get('lm_head')).toMatchObject({ className: 'Dense', config: { units: 11, useBias: false } });
  expect(weightsOf(apart, 'embed')).toEqual(weightsOf(model, 'embed'));
  expect(weightsOf(apart, 'lm_head')[0].shape).toEqual([8, 11]);
  expect(untie(apart)).toBe(apart);
});

test('a mean is taken out of a stream only for the norms that take it out themselves', async () => {
  const { model } = await probed(randomize(ownTransformer({ norm: 'rms' })));
  const { model: opened } = openStreams(model, { apart: true });
  expect(weightsOf(opened, 'embed')).toEqual(weightsOf(model, 'embed'));
  const other = await probed(randomize(ownTransformer({ norm: 'layer' })));
  const [table] = weightsOf(openStreams(other.model, { apart: true }).model, 'embed');
  for (let row = 0; row < 11; row++) {
    const vector = Array.from(table.data.subarray(8 * row, 8 * row + 8));
    expect(Math.abs(vector.reduce((sum, value) => sum + value, 0))).toBeLessThan(1e-6);
  }
});

test('norms of both kinds on one stream leave it as it is', async () => {
  const { model, probes } = await probed(randomize(ownTransformer({ norm: 'layer' })));
  const arrays = weightsOf(model, 'block1_norm1');
  const mixed = {
    topology: mapLeaves(model.topology, (spec, path) => (path === 'block1_norm1' ? { ...spec, className: 'PruneRmsNorm' } : spec)), // prettier-ignore
    weights: new Map(model.weights).set('block1_norm1', arrays.slice(0, 1)),
  };
  const opened = openStreams(mixed, { apart: true });
  // What lies before takes its mean along, into the stream where it is read.
  expect(problems(opened)).toEqual([
    expect.stringMatching(/reads the mean of its stream/),
    expect.stringMatching(/reads the mean of its stream/),
    undefined,
    undefined,
    undefined,
  ]);
  expect(difference(mixed, turnedAtRandom(opened, 1), probes)).toBeLessThan(1e-5);
});

test('a norm that counts dimensions that are gone: one without a mean can go on, one with a mean cannot', async () => {
  for (const [norm, wanted] of [
    ['rms', undefined],
    ['layer', expect.stringMatching(/it counts units that are gone/)],
  ] as const) {
    const { model, probes } = await probed(randomize(ownTransformer({ norm })));
    const traced = trace(model);
    const [{ units }] = streamsOf(traced);
    const smaller = slice(model, traced, new Set(units.subarray(0, 3)));
    const opened = openStreams(smaller, { apart: true });
    expect(problems(opened)).toEqual(new Array(5).fill(wanted));
    expect(difference(smaller, turnedAtRandom(opened, 1), probes)).toBeLessThan(1e-5);
  }
});

test('corrections of low rank turn with what they correct; there is no place in them for a shift', async () => {
  const adapted = async (norm: 'rms' | 'layer') => {
    const { model, probes } = await probed(randomize(ownTransformer({ norm }), 2));
    const both = withLora(model, { rank: 2, seed: 1 });
    const changed = new Map(both.weights);
    for (const [path, arrays] of changed) if (arrays.length === 3) changed.set(path, arrays.map(shifted));
    return { model: { ...both, weights: changed }, probes };
  };
  const { model, probes } = await adapted('rms');
  const opened = openStreams(model, { apart: true });
  expect(problems(opened)).toEqual(new Array(5).fill(undefined));
  expect(difference(model, turnedAtRandom(opened, 1), probes)).toBeLessThan(1e-5);
  const other = await adapted('layer');
  const [first] = problems(openStreams(other.model, { apart: true }));
  expect(first).toMatch(/"block0_q" has no place for its shift/);
});

test('layers that bend or scale one by one are in the way', async () => {
  const { model } = await probed(randomize(ownTransformer()));
  const bent = {
    ...model,
    topology: mapLeaves(model.topology, (spec, path) =>
      path === 'block0_o' ? { ...spec, config: { ...spec.config, activation: 'relu' } } : spec,
    ),
  };
  expect(problems(openStreams(bent, { apart: true }))).toEqual([
    undefined,
    '"block0_o" (Dense) does not treat all of them alike',
    undefined,
    undefined,
    undefined,
  ]);
});
