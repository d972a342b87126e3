/** The block of fixtures/reads.json: attention and feed-forward parts whose readers are given what the fixture says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gather, ndarray, type NdArray } from '../../lib/core/array';
import { weightsOf, type Checkpoint } from '../../lib/core/checkpoint';
import type { Context, Need, Observed, ObserveOptions, See, Watched } from '../../lib/core/context';
import { groupsOf, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import '../../lib/layers/attention';
import { notedContext, type Noted } from '../zoo/context';
import { checkpoint, functional, input, layer } from '../zoo/topology';

interface Plain {
  readonly shape: number[];
  readonly data: readonly number[];
}
type Layer = 'o' | 'down';
type Kind = 'heads' | 'neurons';

export const fixture = JSON.parse(readFileSync(join(__dirname, 'fixtures/reads.json'), 'utf8')) as {
  readonly given: Readonly<Record<Layer, Plain>>;
  readonly weights: Readonly<Record<Layer, Plain>>;
  readonly compensation: Readonly<Record<Layer, readonly number[]>>;
} & Readonly<Record<'fluctuation' | 'standardError' | 'wandaSp', Readonly<Record<Kind, readonly number[]>>>>;

export const WIDTH = 6;
export const EXAMPLES = 5;

/** x[4, 6] -> q[12], k[6], v[6] -> attention of 4 heads, 2 of keys -> o -> + x -> up[8] -> down -> +. The readers have no bias. */
export function blockNet(useBias = false): Checkpoint {
  const dense = (name: string, units: number, from: string, config = {}) => layer('Dense', name, { units, useBias: false, activation: 'linear', ...config }, [from]); // prettier-ignore
  const heads = { heads: 4, kvHeads: 2, causal: false, units: 'heads', scale: 0.5 };
  const topology = functional(
    [
      input('x', [4, WIDTH]),
      dense('q', 12, 'x'),
      dense('k', 6, 'x'),
      dense('v', 6, 'x'),
      layer('PruneAttention', 'attention', heads, ['q', 'k', 'v']),
      dense('o', WIDTH, 'attention', { useBias }),
      layer('Add', 'add1', {}, ['x', 'o']),
      dense('up', 8, 'add1', { activation: 'relu' }),
      dense('down', WIDTH, 'up', { useBias }),
      layer('Add', 'add2', {}, ['add1', 'down']),
    ],
    ['add2'],
  );
  const bias = useBias ? [[WIDTH]] : [];
  const shapes = { q: [[WIDTH, 12]], k: [[WIDTH, 6]], v: [[WIDTH, 6]], o: [[12, WIDTH], ...bias], up: [[WIDTH, 8]], down: [[8, WIDTH], ...bias] }; // prettier-ignore
  const model = checkpoint(topology, shapes);
  const weights = new Map(model.weights);
  for (const name of ['o', 'down'] as const) weights.set(name, [arrayOf(fixture.weights[name]), ...weightsOf(model, name).slice(1)]); // prettier-ignore
  return { ...model, weights };
}

export function groupOf(model: Checkpoint, kind: string): Group {
  return groupsOf(trace(model)).find(group => group.kind === kind && group.frozen === undefined)!;
}

/**
 * A context in which the readers of {@link blockNet} are given what the fixture says, batch by batch, without the positions that
 * `lost` names once the kernel is smaller.
 */
export function givenContext(
  lost: Readonly<Record<Layer, readonly number[]>> = { o: [], down: [] },
  change: (layer: Layer, given: NdArray) => NdArray = (_, given) => given,
): { context: Context<Need>; noted: Noted } {
  const observe = async (
    watched: readonly Watched[],
    see: See<readonly Observed[]>,
    { batchSize = 64 }: ObserveOptions = {},
  ): Promise<void> => {
    for (let from = 0; from < EXAMPLES; from += batchSize) {
      const rows = [...Array(EXAMPLES).keys()].slice(from, from + batchSize);
      const given = (model: Checkpoint, name: Layer): NdArray => {
        const all = gather(change(name, arrayOf(fixture.given[name])), 0, rows);
        const left = weightsOf(model, name)[0].shape[0];
        const kept = [...Array(all.shape[2]).keys()].filter(p => !lost[name].includes(p));
        return left === all.shape[2] ? all : gather(all, 2, kept);
      };
      const batch = watched.map(({ model, layers }) => new Map(layers.map(name => [name, [[given(model, name as Layer)]]]))); // prettier-ignore
      if (await see(batch)) return;
    }
  };
  return notedContext({ abilities: { data: { observe } } });
}

function arrayOf({ shape, data }: Plain): NdArray {
  return ndarray(Float32Array.from(data), shape);
}
