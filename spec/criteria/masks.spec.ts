/** Heads, neurons and dimensions of transformers: criteria are what an explicit mask in front of all readers says by differences. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { loadBert, loadLlama } from 'tfjs-prune';
import type { NdArray } from '../../lib/core/array';
import { weightsOf, type Checkpoint } from '../../lib/core/checkpoint';
import type { Context, Need } from '../../lib/core/context';
import { random } from '../../lib/core/random';
import { activation, fisher, taylor, wanda, type Criterion } from '../../lib/criteria';
import { groupsOf, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { createContext } from '../../lib/runtime/context';
import type { Splits } from '../../lib/runtime/data';
import { CPU_KERNELS } from '../backend';
import { fixture, integers } from '../models/fixtures';
import { withoutLeak } from '../runtime/help';
import { expectClose, slopeAt } from './gradientNet';
import { lossesOf, masked, type Reader } from './maskedModel';

beforeAll(() => tf.setBackend(CPU_KERNELS));

const EXAMPLES = 3;
const [TIME, CLASSES] = [6, 3];

/** Random tokens, and targets for every place, or one for an example. */
function texts(causal: boolean): { inputs: NdArray[]; targets: NdArray[] } {
  const { integer } = random(8, 'texts');
  const rows = (high: number, length = TIME): NdArray => integers(Array.from({ length: EXAMPLES }, () => Array.from({ length }, () => integer(high)))); // prettier-ignore
  if (causal) return { inputs: [rows(19)], targets: [rows(19)] };
  const padding = integers(Array.from({ length: EXAMPLES }, (_, n) => Array.from({ length: TIME }, (_, t) => (t < 6 - n ? 1 : 0)))); // prettier-ignore
  return { inputs: [rows(19), padding, rows(2)], targets: [rows(CLASSES, 1)] };
}

interface Case {
  readonly kind: string;
  /** Name of the group. */
  readonly of: string;
  /** All that reads the units; `weighted` have a weight. */
  readonly readers: readonly Reader[];
  readonly weighted: readonly Reader[];
  /** How many positions of a reader's input a unit has. */
  readonly positions: number;
}

const first = (...names: string[]): Reader[] => names.map(name => [name, 0]);
const inLayers = (...names: string[]): string[] => [0, 1].flatMap(i => names.map(name => `layers_${i}_${name}`));
const inside = (of: string, kind: string, by: string, positions: number): Case => {
  return { kind, of: `layers_0_${of}`, readers: first(`layers_0_${by}`), weighted: first(`layers_0_${by}`), positions };
};
const stream = (of: string, bare: readonly Reader[], ...weighted: string[]): Case => {
  return { kind: 'dimensions', of, readers: [...bare, ...first(...weighted)], weighted: first(...weighted), positions: 1 }; // prettier-ignore
};
const asked = inLayers('attention_query', 'attention_key', 'attention_value');
const norms = first(...inLayers('attention_norm', 'feed_forward_norm'));

const models = {
  llama: {
    load: () => loadLlama(fixture('llama-tied')),
    cases: [
      inside('attention_query', 'heads', 'attention_output', 8), // two query heads of four dimensions hear each
      inside('feed_forward_gate', 'neurons', 'feed_forward_down', 1),
      stream('embed_tokens', [...norms, ['norm', 0], ['embed_tokens', 1]], ...asked, ...inLayers('feed_forward_gate', 'feed_forward_up')), // prettier-ignore
    ],
  },
  bert: {
    load: () => loadBert(fixture('bert'), { head: 'classifier' }),
    cases: [
      inside('attention_query', 'heads', 'attention_output', 4),
      inside('feed_forward_up', 'neurons', 'feed_forward_down', 1),
      stream('word_embeddings', [...norms, ['embeddings_norm', 0]], ...asked, ...inLayers('feed_forward_up'), 'pooler'),
    ],
  },
} as const;

describe.each(Object.keys(models) as (keyof typeof models)[])('%s', name => {
  const { load, cases } = models[name];
  const splits: Splits = { train: texts(name === 'llama'), loss: ['sparseCategoricalCrossentropy'] };
  let model: Checkpoint;
  let context: Context<Need>;
  beforeAll(async () => {
    const { model: loaded } = await load();
    model = await capture(loaded);
    loaded.dispose();
    const run = { original: model, seed: 1, log: () => {}, progress: () => {} };
    ({ context } = await createContext(run, splits, () => Promise.resolve(undefined)));
  });

  const groupOf = ({ of, kind }: Case): Group => {
    const found = groupsOf(trace(model)).find(group => group.kind === kind && group.name === of);
    if (found === undefined) throw new Error(`no ${kind} of "${of}"`);
    return found;
  };
  const scored = async (criterion: Criterion<Need>, group: Group): Promise<Float64Array> => {
    expect(criterion.covers?.(group, trace(model))).not.toBe(false);
    const [{ values }] = await withoutLeak(() => criterion.score([group], model, context));
    return values;
  };
  /** Positions of unit number `unit` in front of a reader. */
  const positions = (unit: number, { positions: each }: Case): number[] => Array.from({ length: each }, (_, i) => unit * each + i); // prettier-ignore
  /** For each unit and example the slope of the example's loss as all that readers are given is turned down. */
  function slopesOf(at: Case, group: Group): number[][] {
    const net = masked(model, at.readers, group.units.length * at.positions, splits.train.inputs);
    const h = 0.003;
    const slopes = group.units.map((_, unit) => {
      const [more, less] = [h, -h].map(step => {
        const factors = at.readers.map(() => 1 + step);
        return lossesOf(net.logits(positions(unit, at), factors), splits.train.targets[0]);
      });
      return more.map((loss, n) => (loss - less[n]) / (2 * h));
    });
    net.dispose();
    return slopes;
  }
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const batch = { batches: 1, batchSize: EXAMPLES };

  test.each(cases.map(one => [one.kind, one] as const))('fisher of %s', async (_, at) => {
    const group = groupOf(at);
    const slopes = slopesOf(at, group);
    const expected = slopes.map(all => mean(all.map(slope => slope ** 2)) / 2);
    expectClose(await scored(fisher({ batchSize: 2 }), group), expected, 0.01);
  });

  test.each(cases.map(one => [one.kind, one] as const))('taylor activations of %s', async (_, at) => {
    const group = groupOf(at);
    // Of an open length places count as one.
    const slopes = slopesOf(at, group).map(all => all.map(slope => slope / at.positions));
    const bare = taylor({ on: 'activations', normalize: 'none', batchSize: 2 });
    const expected = slopes.map(all => mean(all.map(Math.abs)));
    expectClose(await scored(bare, group), expected, 0.01);
    const norm = Math.hypot(...expected);
    expectClose(await scored(taylor({ on: 'activations' }), group), expected.map(value => value / norm), 0.01); // prettier-ignore
  });

  test.each(cases.map(one => [one.kind, one] as const))('taylor gates of %s', async (_, at) => {
    const group = groupOf(at);
    const found = await scored(taylor(batch), group);
    if (at.kind !== 'dimensions') {
      const slopes = slopesOf(at, group);
      expectClose(found.map(Math.sqrt), slopes.map(all => Math.abs(mean(all))), 0.01); // prettier-ignore
    }
    // Of dimensions, which something reads without a weight, all weights are scaled that a mask zeroes.
    const byWeights: number[] = [];
    for (const unit of group.units) byWeights.push(Math.abs(await slopeAt(model, splits, unit, 0.003)));
    expectClose(found.map(Math.sqrt), byWeights, 0.01);
  });

  test.each(cases.map(one => [one.kind, one] as const))('activation and wanda of %s', async (_, at) => {
    const group = groupOf(at);
    const width = group.units.length * at.positions;
    const net = masked(model, at.weighted, width, splits.train.inputs);
    const { given } = net;
    net.dispose();
    /** Of each unit the sum over its positions in front of a reader. */
    const byUnit = (reader: number, of: (position: number, column: number[]) => number): number[] =>
      group.units.map((_, unit) =>
        positions(unit, at)
          .map(p => of(p, Array.from(given[reader].filter((_, i) => i % width === p))))
          .reduce((a, b) => a + b, 0),
      );
    const total = (rows: readonly number[][]): number[] => rows[0].map((_, u) => rows.reduce((sum, row) => sum + row[u], 0)); // prettier-ignore
    const active = at.weighted.map((_, r) => byUnit(r, (_, column) => mean(column.map(Math.abs)) / at.positions));
    const averaged = total(active).map(sum => sum / at.weighted.length);
    expectClose(await scored(activation({ normalize: 'none', batchSize: 2 }), group), averaged, 1e-5);
    const weighed = at.weighted.map(([path], r) =>
      byUnit(r, (p, column) => {
        const [{ data, shape }] = weightsOf(model, path);
        const row = Array.from(data.subarray(p * shape[1], (p + 1) * shape[1]), Math.abs);
        return row.reduce((a, b) => a + b, 0) * Math.sqrt(column.reduce((sum, x) => sum + x * x, 0) / EXAMPLES);
      }),
    );
    expectClose(await scored(wanda({ normalize: 'none', batchSize: 2 }), group), total(weighed), 1e-5);
  });
});
