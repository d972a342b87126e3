/** Presets for heads and feed-forward neurons: they take these and nothing else, on the models of Hugging Face and on wirings of other kinds. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  attentionUnits,
  capture,
  compress,
  ffnPruning,
  global,
  headPruning,
  isFeedForward,
  isHeads,
  iterative,
  loadBert,
  loadLlama,
  loadVit,
  magnitude,
  materialize,
  random,
  uniform,
  wandaSp,
  type Compressed,
  type Data,
  type Method,
  type Plan,
} from 'tfjs-prune';
import { ndarray, type NdArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { random as stream } from '../../lib/core/random';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { CPU_KERNELS } from '../backend';
import { fixture, integers } from '../models/fixtures';
import { NETS } from '../zoo/nets';
import { ownTransformer, type Recipe } from '../zoo/ownTransformer';
import { rejection, refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer } from '../zoo/topology';

beforeAll(() => tf.setBackend(CPU_KERNELS));

const loss = 'sparseCategoricalCrossentropy' as const;
const { normal, integer } = stream(3, 'inputs');
const rows = (high: number, low = 0): NdArray => integers(Array.from({ length: 6 }, () => Array.from({ length: 7 }, () => low + integer(high)))); // prettier-ignore
const labels = integers([[0], [1], [2], [0], [1], [2]]);
const image = ndarray(Float32Array.from({ length: 6 * 288 }, () => normal()), [6, 12, 12, 2]); // prettier-ignore

/** Two layers of the heads and neurons told. */
const models: Readonly<Record<string, { load: () => Promise<{ model: LayersModel }>; data: Data; heads: number }>> = {
  'llama-tied': { load: () => loadLlama(fixture('llama-tied')), data: { train: { inputs: rows(19), targets: rows(19) }, loss }, heads: 2 }, // prettier-ignore
  'llama-untied': { load: () => loadLlama(fixture('llama-untied')), data: { train: { inputs: rows(19), targets: rows(19) }, loss }, heads: 2 }, // prettier-ignore
  'bert': { load: () => loadBert(fixture('bert'), { head: 'classifier' }), data: { train: { inputs: [rows(19), rows(1, 1), rows(2)], targets: labels }, loss }, heads: 4 }, // prettier-ignore
  'vit': { load: () => loadVit(fixture('vit')), data: { train: { inputs: image, targets: labels }, loss }, heads: 4 },
}; // prettier-ignore

const goneOf = ({ groups }: Plan) => groups.flatMap(({ kind, units, removed }) => (removed.length > 0 ? [[kind, removed.length, units] as const] : [])); // prettier-ignore
const count = (plan: Plan): number => goneOf(plan).reduce((sum, [, removed]) => sum + removed, 0);

async function run(name: string, method: Method<'data' | 'gradients'>): Promise<Omit<Compressed, 'model'>> {
  const { load, data } = models[name];
  const { model: dense } = await load();
  const { model, ...told } = await compress(dense, method, { data, latency: false });
  model.dispose();
  dense.dispose();
  expect(told.report.certificates.map(({ error }) => error <= 1e-5)).toEqual([true]);
  return told;
}

describe.each(Object.keys(models))('%s', name => {
  const { heads } = models[name];

  test('heads alone, by default by what the loss says', async () => {
    const { plan, report } = await run(name, headPruning({ ratio: 0.5 }));
    expect(goneOf(plan).every(([kind, , units]) => kind === 'heads' && units === heads)).toBe(true);
    expect(count(plan)).toBe(heads);
    expect(report.method).toBe('headPruning(prune(taylor activations))');
  });

  test('neurons alone, by default by the Fisher information', async () => {
    const { plan, report } = await run(name, ffnPruning({ ratio: 0.3 }));
    expect(goneOf(plan).every(([kind, , units]) => kind === 'neurons' && units === 20)).toBe(true);
    expect(count(plan)).toBe(12);
    expect(report.method).toBe('ffnPruning(prune(fisher))');
  });

  test('Wanda-sp takes as much of every layer', async () => {
    const { plan } = await run(name, wandaSp({ ratio: 0.5 }));
    const each = [['heads', heads / 2, heads], ['neurons', 10, 20], ['heads', heads / 2, heads], ['neurons', 10, 20]]; // prettier-ignore
    expect(goneOf(plan)).toEqual(each);
  });
});

test('another criterion, another scope, floors and protected layers', async () => {
  const criterion = magnitude();
  const { plan } = await run('bert', ffnPruning({ ratio: 0.5, criterion, scope: uniform, multipleOf: 4 }));
  expect(goneOf(plan)).toEqual([['neurons', 8, 20], ['neurons', 8, 20]]); // prettier-ignore
  const least = await run('bert', headPruning({ ratio: 0.7, criterion: random(), minimum: 1 }));
  expect(goneOf(least.plan).map(([, removed]) => removed).sort()).toEqual([3, 3]); // prettier-ignore
  const protect = ['layers_0_attention_query'];
  const one = await run('bert', headPruning({ ratio: 0.5, criterion, protect }));
  expect(goneOf(one.plan)).toEqual([['heads', 2, 4]]);
  const costly = await run('bert', ffnPruning({ ratio: 0.5, criterion, scope: options => global({ ...options, per: 'parameters' }) })); // prettier-ignore
  expect(count(costly.plan)).toBe(20);
});

test('filters serve other methods: several cuts, each scored anew', async () => {
  const { data } = models.bert;
  const { model: dense } = await loadBert(fixture('bert'), { head: 'classifier' });
  const method = iterative({ criterion: random(), ratio: 0.5, steps: 2, groups: isHeads, recalibrate: false });
  const { model, plan } = await compress(dense, method, { data, latency: false });
  expect([goneOf(plan).every(([kind]) => kind === 'heads'), count(plan)]).toEqual([true, 4]);
  model.dispose();
  dense.dispose();
});

/** The kinds and first makers of what is taken for feed-forward neurons. */
function feedForwardOf(model: Checkpoint): string[] {
  const traced = trace(model);
  return groupsOf(traced).filter(group => isFeedForward(group, traced)).map(({ name }) => name); // prettier-ignore
}

test.each<[string, Partial<Recipe>, string[]]>([
  ['gated, norms first', {}, ['block0_gate', 'block1_gate']],
  ['plain, norms behind', { gated: false, norm: 'layer', place: 'post', rotary: undefined, bias: true }, ['block0_up', 'block1_up']], // prettier-ignore
  ['dimensions of heads are units', { units: 'dimensions' }, ['block0_gate', 'block1_gate']],
])('feed-forward neurons by their wires: %s', async (_, recipe, names) => {
  const net = ownTransformer(recipe);
  expect(feedForwardOf(await capture(net))).toEqual(names);
  net.dispose();
});

test('a pooler, a classifier and neurons outside of a stream are not feed-forward parts', async () => {
  const { model } = await loadBert(fixture('bert'), { head: 'classifier' });
  expect(feedForwardOf(await capture(model))).toEqual(['layers_0_feed_forward_up', 'layers_1_feed_forward_up']);
  model.dispose();
  for (const name of ['perceptron', 'residual', 'squeezeExcite', 'products', 'attention']) {
    const net = NETS[name]();
    expect(feedForwardOf(await capture(net))).toEqual([]);
    net.dispose();
  }
});

/** x -> stem -> (+ of two parts beside each other) -> head */
test('parts beside each other, and one that only one of two readers gives back to the stream', () => {
  const net = (aside: boolean) =>
    checkpoint(
      functional(
        [
          input('x', [3]),
          layer('Dense', 'stem', { units: 4 }, ['x']),
          ...['a', 'b'].flatMap(name => [
            layer('Dense', `${name}Up`, { units: 5 }, ['stem']),
            layer('Dense', `${name}Down`, { units: 4 }, [`${name}Up`]),
          ]),
          layer('Add', 'sum', {}, ['stem', 'aDown', 'bDown']),
          layer('Dense', 'head', { units: 2 }, ['sum']),
          ...(aside ? [layer('Dense', 'other', { units: 2 }, ['aUp'])] : []),
        ],
        aside ? ['head', 'other'] : ['head'],
      ),
      { stem: [[3, 4], [4]], aUp: [[4, 5], [5]], bUp: [[4, 5], [5]], aDown: [[5, 4], [4]], bDown: [[5, 4], [4]], head: [[4, 2], [2]], ...(aside && { other: [[5, 2], [2]] }) }, // prettier-ignore
    );
  expect(feedForwardOf(net(false))).toEqual(['aUp', 'bUp']);
  expect(feedForwardOf(net(true))).toEqual(['bUp']);
});

describe('refused', () => {
  const refused = async (model: LayersModel, method: Method): Promise<[string, string]> => {
    const { code, message } = await rejection(compress(model, method, { latency: false }));
    model.dispose();
    return [code, message];
  };

  test('a model without heads, or without such neurons', async () => {
    const criterion = random();
    const plain = NETS.perceptron();
    expect(await refused(plain, headPruning({ ratio: 0.5, criterion }))).toEqual([
      'no-groups',
      expect.stringMatching(/^headPruning: expected a model with attention heads that can go, got units that are .*\. Take one of loadLlama, loadBert or loadVit/), // prettier-ignore
    ]);
    const other = NETS.perceptron();
    expect(await refused(other, ffnPruning({ ratio: 0.5, criterion }))).toEqual([
      'no-groups',
      expect.stringMatching(/^ffnPruning: expected a model with feed-forward neurons that can go/),
    ]);
  });

  test('heads of which dimensions are the units', async () => {
    const { model } = await loadBert(fixture('bert'));
    const dimensions = materialize(attentionUnits(await capture(model), 'dimensions'));
    model.dispose();
    const [code, message] = await refused(dimensions, headPruning({ ratio: 0.5, criterion: random() }));
    expect([code, message]).toEqual(['no-groups', expect.stringContaining("query dimensions, value dimensions")]); // prettier-ignore
    expect(message).toContain("units: 'heads'");
  });

  test('ratios out of range, at once', () => {
    for (const make of [
      () => headPruning({ ratio: 1 }),
      () => ffnPruning({ ratio: -0.1 }),
      () => wandaSp({ ratio: 30 }),
    ]) {
      // prettier-ignore
      expect(refusal(make).code).toBe('bad-ratio');
    }
  });
});
