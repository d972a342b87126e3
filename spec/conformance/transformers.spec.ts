/**
 * Transformers of the library's own layers: exactly the groups one expects, each kind sliced as masked, tied as before.
 * PROPERTY_RUNS sets the number of random ones, PROPERTY_SEED repeats a run.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import {
  attentionUnits,
  compress,
  groups,
  loadLayersModel,
  magnitude,
  prune,
  saveLayersModel,
  uniform,
} from 'tfjs-prune';
import { ndarray, relativeError } from '../../lib/core/array';
import { leaves, weightsOf, type Checkpoint } from '../../lib/core/checkpoint';
import { mask, slice } from '../../lib/edit/slice';
import { groupsOf, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { CPU_KERNELS } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { notedContext } from '../zoo/context';
import { ownTransformer, SWITCHES, visionTransformer, VOCABULARY, type Recipe } from '../zoo/ownTransformer';
import { predictionsOf, randomRemoval } from '../zoo/removal';
import { probesOf, randomize } from '../zoo/weights';

const RUNS = Number(process.env.PROPERTY_RUNS ?? 40);
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 1_000_000);
const TOLERANCE = 1e-5;

beforeAll(() => tf.setBackend(CPU_KERNELS));
beforeEach(() => void tf.engine().startScope());
afterEach(() => tf.engine().endScope());
afterAll(removeFolders);

const recipes = (): fc.Arbitrary<Partial<Recipe>> =>
  fc
    .record({
      blocks: fc.integer({ min: 1, max: 2 }),
      dimensions: fc.integer({ min: 2, max: 9 }),
      kvHeads: fc.integer({ min: 1, max: 3 }),
      queriesPerHead: fc.integer({ min: 1, max: 3 }),
      size: fc.constantFrom(2, 4, 6),
      neurons: fc.integer({ min: 2, max: 7 }),
      norm: fc.constantFrom('rms' as const, 'layer' as const),
      ...SWITCHES,
    })
    .map(({ queriesPerHead, ...recipe }) => ({ ...recipe, heads: recipe.kvHeads * queriesPerHead }));

/** name, kind, units and layers of each group, frozen ones marked: written from the recipe alone. */
function expectedGroups(recipe: Partial<Recipe>): string[] {
  const { blocks = 2, dimensions, kvHeads, size = 4, neurons, tied, rotary, units, gated } = recipe;
  const names = Array.from({ length: blocks }, (_, i) => `block${i}`);
  const line = (name: string, kind: string, count: number | undefined, parts: readonly string[]): string =>
    `${name} ${kind} ${count}: ${[...parts].sort().join(' ')}`;
  const inside = ['q', 'k', 'v', 'o', 'norm1', 'norm2', 'up', 'down', ...(gated ? ['gate'] : [])];
  const stream = names.flatMap(name => inside.map(part => `${name}_${part}`));
  const ends = ['embed', 'norm', ...(tied ? [] : ['head']), ...(rotary ? [] : ['positions'])];
  return [
    line('embed', 'dimensions', dimensions, [...stream, ...ends]),
    tied ? line('!embed#2', 'tokens', VOCABULARY, ['embed']) : line('!head', 'neurons', VOCABULARY, ['head']),
    ...names.flatMap(name => [
      line(gated ? `${name}_gate` : `${name}_up`, 'neurons', neurons, [`${name}_up`, `${name}_down`, ...(gated ? [`${name}_gate`] : [])]), // prettier-ignore
      ...(units === 'dimensions'
        ? [
            line(`${name}_q`, 'query dimensions', rotary ? size / 2 : size, [`${name}_q`, `${name}_k`]),
            line(`${name}_v`, 'value dimensions', size, [`${name}_v`, `${name}_o`]),
          ]
        : [
            line(
              `${name}_q`,
              'heads',
              kvHeads,
              ['q', 'k', 'v', 'o'].map(part => `${name}_${part}`),
            ),
          ]),
    ]),
  ].sort();
}

function foundGroups(found: readonly Group[]): string[] {
  return found
    .map(({ name, kind, units, sites, frozen }) => {
      const parts = [...new Set(sites.map(({ layer }) => layer))].sort();
      return `${frozen ? '!' : ''}${name} ${kind} ${units.length}: ${parts.join(' ')}`;
    })
    .sort();
}

async function captured(net: LayersModel): Promise<{ model: Checkpoint; probes: tf.Tensor[] }> {
  const probes = probesOf(net, 3);
  const model = await capture(net);
  net.dispose();
  return { model, probes };
}

test(`${RUNS} random transformers, seed ${SEED}: the groups one expects, sliced as masked`, async () => {
  let [cut, changed] = [0, 0];
  const law = fc.asyncProperty(recipes(), fc.nat({ max: 1000 }), async (recipe, seed) => {
    const { model, probes } = await captured(randomize(ownTransformer(recipe), seed));
    const traced = trace(model);
    const found = groupsOf(traced);
    expect(foundGroups(found)).toEqual(expectedGroups(recipe));
    const removed = randomRemoval(found, seed);
    const sliced = slice(model, traced, removed);
    const [a, b, original] = [sliced, mask(model, traced, removed), model].map(each => predictionsOf(each, probes)[0]);
    expect(relativeError(a, b)).toBeLessThanOrEqual(TOLERANCE);
    cut += removed.size > 0 ? 1 : 0;
    changed += relativeError(b, original) > 1e-3 ? 1 : 0;
    const left = (kind: string, of: readonly Group[]) => of.filter(group => group.kind === kind).flatMap(({ units }) => [...units]).length; // prettier-ignore
    for (const kind of ['heads', 'neurons', 'dimensions', 'query dimensions', 'value dimensions']) {
      const gone = found.filter(group => group.kind === kind).flatMap(({ units }) => units.filter(unit => removed.has(unit))); // prettier-ignore
      expect(left(kind, groups(sliced))).toBe(left(kind, found) - gone.length);
    }
  });
  await fc.assert(law, { numRuns: RUNS, seed: SEED });
  expect({ cut: cut / RUNS > 0.8, changed: changed / cut > 0.8 }).toEqual({ cut: true, changed: true });
}, 600_000);

const nets: Record<string, () => LayersModel> = {
  llama: () => ownTransformer(),
  'llama, dimensions of heads': () => ownTransformer({ units: 'dimensions' }),
  'llama2.c, dimensions of heads': () => ownTransformer({ units: 'dimensions', rotary: 'interleaved', tied: false }),
  bert: () => ownTransformer({ kvHeads: 4, norm: 'layer', place: 'post', gated: false, tied: false, rotary: undefined, causal: false, padding: true, bias: true, units: 'dimensions' }), // prettier-ignore
  vision: visionTransformer,
};

test.each(Object.keys(nets))('%s: each unit alone, sliced as masked, element by element', async name => {
  const { model, probes } = await captured(randomize(nets[name]()));
  const traced = trace(model);
  const [original] = predictionsOf(model, probes);
  const free = groupsOf(traced).filter(({ frozen }) => frozen === undefined);
  const kinds = new Set(free.map(({ kind }) => kind));
  expect(kinds.size).toBe(name.includes('dimensions') || name === 'bert' ? 4 : 3);
  for (const unit of free.flatMap(({ units }) => [...units])) {
    const removed = new Set([unit]);
    const [a, b] = [slice, mask].map(edit => predictionsOf(edit(model, traced, removed), probes)[0]);
    expect(relativeError(a, b)).toBeLessThanOrEqual(TOLERANCE);
    expect(relativeError(b, original)).toBeGreaterThan(1e-5);
  }
});

test('the residual stream of a vision transformer are dimensions, though a convolution makes them', async () => {
  const { model } = await captured(visionTransformer());
  const stream = groups(model).find(({ name }) => name === 'patches')!;
  expect([stream.kind, stream.units.length, stream.frozen]).toEqual(['dimensions', 8, undefined]);
});

describe('grouped queries stay with the key and value head they hear', () => {
  /** 8 query heads on 4, of size 2. */
  const build = () => randomize(ownTransformer({ blocks: 1, heads: 8, kvHeads: 4, size: 2, rotary: 'half' }));
  const heads = (model: Checkpoint): Group => groups(model).find(({ kind }) => kind === 'heads')!;

  /** LLM-Pruner folds the scores of query head h onto head h mod 4, which would give heads 0 and 1. */
  test('scores of query heads 4 and 5 count for head 2 alone', async () => {
    const { model } = await captured(build());
    const weights = new Map(model.weights);
    for (const part of ['q', 'k', 'v'].map(each => `block0_${each}`)) {
      const [kernel] = weightsOf(model, part);
      const only = kernel.data.map((_, i) => {
        const head = Math.floor((i % kernel.shape[1]) / 2);
        return part === 'block0_q' && (head === 4 || head === 5) ? 1 : 0;
      });
      weights.set(part, [ndarray(only, kernel.shape)]);
    }
    const changed = { ...model, weights };
    const { context } = notedContext();
    const [{ values }] = await magnitude().score([heads(changed)], changed, context);
    expect(Array.from(values).map(value => value > 0)).toEqual([false, false, true, false]);
  });

  test('head 2 takes query heads 4 and 5 along, and what reads them', async () => {
    const { model } = await captured(build());
    const traced = trace(model);
    const sliced = slice(model, traced, new Set([heads(model).units[2]]));
    const kept = (part: string): number[] => {
      const [before, after] = [model, sliced].map(each => weightsOf(each, part)[0]);
      const rows = part === 'block0_o';
      const line = ({ data, shape }: typeof before, i: number): string =>
        rows ? String(data.subarray(i * shape[1], (i + 1) * shape[1])) : String(data.filter((_, at) => at % shape[1] === i)); // prettier-ignore
      const lines = Array.from({ length: after.shape[rows ? 0 : 1] }, (_, i) => line(after, i));
      const all = Array.from({ length: before.shape[rows ? 0 : 1] }, (_, i) => line(before, i));
      return lines.map(each => all.indexOf(each));
    };
    const without = (count: number, ...gone: number[]) => [...Array(count).keys()].filter(i => !gone.includes(i));
    expect(kept('block0_q')).toEqual(without(16, 8, 9, 10, 11));
    expect(kept('block0_k')).toEqual(without(8, 4, 5));
    expect(kept('block0_v')).toEqual(without(8, 4, 5));
    expect(kept('block0_o')).toEqual(without(16, 8, 9, 10, 11));
    const { config } = leaves(sliced.topology).find(({ path }) => path === 'block0_attention')!.spec;
    expect(config).toMatchObject({ heads: 6, kvHeads: 3, scale: 1 / Math.sqrt(2), rotary: { frequencies: [1] } });
  });
});

test('pairs that go leave the others turning as they did, and the scores as large', async () => {
  const { model } = await captured(ownTransformer({ blocks: 1, units: 'dimensions', size: 6 }));
  const pairs = groups(model).find(({ kind }) => kind === 'query dimensions')!;
  const sliced = slice(model, trace(model), new Set([pairs.units[1]]));
  const [before, after] = [model, sliced].map(
    each => leaves(each.topology).find(({ path }) => path === 'block0_attention')!.spec.config,
  );
  const { frequencies } = before.rotary as { frequencies: number[] };
  expect(frequencies).toEqual([1, expect.closeTo(100 ** (-1 / 3)), expect.closeTo(100 ** (-2 / 3))]);
  expect(after).toEqual({ ...before, rotary: { layout: 'half', frequencies: [frequencies[0], frequencies[2]] } });
});

describe('attentionUnits', () => {
  test('changes what is prunable and nothing that is computed, layer by layer', async () => {
    const { model, probes } = await captured(randomize(ownTransformer()));
    const other = attentionUnits(model, 'dimensions', { layers: path => path.startsWith('block1') });
    expect(predictionsOf(other, probes)).toEqual(predictionsOf(model, probes));
    const kinds = (each: Checkpoint, block: string) => groups(each).filter(({ name }) => new RegExp(`${block}_[qv]$`).test(name)).map(({ kind }) => kind); // prettier-ignore
    expect(kinds(other, 'block0')).toEqual(['heads']);
    expect(kinds(other, 'block1')).toEqual(['query dimensions', 'value dimensions']);
    expect(attentionUnits(other, 'heads')).toEqual(model);
  });

  test('refuses other words and models without attention', async () => {
    const { model } = await captured(ownTransformer());
    expect(() => attentionUnits(model, 'pairs' as never)).toThrow(/units to be one of heads, dimensions/);
    expect(() => attentionUnits(model, 'heads', { layers: () => false })).toThrow(/layers to name an attention layer/);
  });
});

test.each(Object.keys(nets))('%s: cut, certified, saved and loaded, with nothing left behind', async name => {
  const net = randomize(nets[name]());
  const tensors = tf.memory().numTensors;
  const cut = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.4, minimum: 1 }) });
  const { model, report } = await compress(net, cut, { latency: false, seed: 1 });
  expect(report.certificates[0].error).toBeLessThanOrEqual(TOLERANCE);
  expect(report.after.parameters).toBeLessThan(0.75 * report.before.parameters);
  expect(report.after.macs).toBeLessThan(0.75 * report.before.macs!);
  const folder = newFolder();
  await saveLayersModel(model, folder);
  const loaded = await loadLayersModel(folder);
  const [kept, read] = [await capture(model), await capture(loaded)];
  expect(read.weights).toEqual(kept.weights);
  const own = ({ topology }: Checkpoint) => leaves(topology).filter(({ spec }) => spec.className.startsWith('Prune'));
  expect(own(read)).toEqual(own(kept));
  const probes = probesOf(net, 2);
  expect(predictionsOf(read, probes)).toEqual(predictionsOf(kept, probes));
  tf.dispose(probes);
  loaded.dispose();
  model.dispose();
  expect(tf.memory().numTensors).toBe(tensors);
  net.dispose();
});

test('a tied table is one weight after the cut, for both of its calls', async () => {
  const { model, probes } = await captured(randomize(ownTransformer()));
  const stream = groups(model).find(({ kind }) => kind === 'dimensions')!;
  const sliced = slice(model, trace(model), new Set([stream.units[1], stream.units[6]]));
  expect(weightsOf(sliced, 'embed').map(({ shape }) => shape)).toEqual([[VOCABULARY, 6]]);
  const embed = leaves(sliced.topology).find(({ path }) => path === 'embed')!.spec;
  expect([embed.inboundNodes!.length, embed.config.outputDim]).toEqual([2, 6]);
  // Another row of the table moves the logits of its token at every place, and the vectors where it stands.
  const weights = new Map(sliced.weights);
  const [table] = weightsOf(sliced, 'embed');
  weights.set('embed', [ndarray(table.data.map((x, i) => (i < 6 ? x + 1 : x)), table.shape)]); // prettier-ignore
  const [a, b] = [sliced, { ...sliced, weights }].map(each => predictionsOf(each, probes)[0]);
  const moved = [...a].filter((x, i) => i % VOCABULARY === 0 && Math.abs(x - b[i]) > 1e-4);
  expect(moved.length).toBe(a.length / VOCABULARY);
});
