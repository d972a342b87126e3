/** What a cut takes away, kept, and put back. */
import { gather, interleave, type NdArray } from '../core/array';
import { leaves, weightsOf, type Checkpoint, type LayerSpec, type Topology } from '../core/checkpoint';
import type { RemovedStep } from '../core/context';
import { PruneError } from '../core/errors';
import { lostPositions } from './apply';
import { isGained, withoutGained } from './gainedBias';
import { siteKey, type Plan, type PlanSite } from './plan';

/** What one site of the plan lost. */
export interface RemovedSlice extends Pick<PlanSite, 'layer' | 'weight' | 'axis'> {
  /** The lost positions along `axis`, of the array as the slices before this one leave it. */
  readonly values: NdArray;
}

/** What one step took away. */
export interface Taken {
  /** One for each site of the plan, in the order of the cuts. */
  readonly slices: readonly RemovedSlice[];
  /** The weights of the layers that went with blocks, by path; absent where no block went. */
  readonly layers?: Checkpoint['weights'];
}

/** Everything of the original model that the smaller one lacks. */
export interface Removed extends Taken {
  readonly topology: Topology;
}

/** What `model` loses by a step. */
export function takeAway(model: Checkpoint, { sites, blocks }: RemovedStep): Taken {
  if (blocks === undefined) return { slices: takeSlices(model, sites) };
  const gone = new Set(blocks.flatMap(({ layers }) => layers));
  const layers = new Map([...model.weights].filter(([path]) => gone.has(path)));
  return { slices: takeSlices(model, sites), layers };
}

/** What `model` loses at `sites`, one after the other. */
export function takeSlices({ weights }: Checkpoint, sites: readonly PlanSite[]): readonly RemovedSlice[] {
  const current = new Map(weights);
  return sites.map(site => {
    const { layer, weight, axis, kept } = site;
    const array = current.get(layer)![weight];
    replace(current, site, gather(array, axis, kept));
    return { layer, weight, axis, values: gather(array, axis, lostPositions(site, array.shape[axis])) };
  });
}

/**
 * `small` with `layers` put back, and `slices` where `sites` lost them; what stayed is left as it is now, but for biases that layers
 * gained.
 * @throws PruneError `bad-plan` when the three do not belong together.
 */
export function putBack(
  small: Checkpoint,
  sites: readonly PlanSite[],
  { topology, slices, layers = new Map() }: Removed,
): Checkpoint {
  const specs = new Map(leaves(topology).map(({ path, spec }) => [path, spec]));
  const held = (path: string, spec: LayerSpec): readonly NdArray[] =>
    layers.get(path) ?? withoutGained(spec, weightsOf(small, path));
  const weights = new Map([...specs].map(([path, spec]) => [path, held(path, spec)]));
  const twice = [...layers.keys()].find(path => small.weights.has(path) || !weights.has(path));
  if (twice !== undefined) throw bad('restore', 'layers that are not in the small model', `"${twice}"`);
  const unknown = [...small.weights.keys()].find(path => !weights.has(path));
  if (unknown !== undefined) throw bad('restore', 'layers of the original only', `"${unknown}"`);
  const siteOf = pairs(sites, slices);
  for (const slice of [...slices].reverse()) {
    const site = siteOf(slice);
    const spec = specs.get(site.layer);
    if (spec && isGained(spec, site.weight)) continue;
    const array = weights.get(site.layer)?.[site.weight];
    requireFit(site, array, slice.values);
    replace(weights, site, interleave(array!, site.kept, slice.values, site.axis));
  }
  return { topology, weights: new Map([...weights].filter(([, arrays]) => arrays.length > 0)) };
}

/** @throws PruneError `bad-plan` for what is no part of the same run, as far as blocks tell. */
export function requireLayers({ blocks = [] }: Plan, { layers }: Removed): void {
  const gone = new Set(blocks.flatMap(block => block.layers));
  if (blocks.length > 0 && layers === undefined) throw bad('restore', 'the layers of the blocks that went', 'none');
  const odd = [...(layers?.keys() ?? [])].find(path => !gone.has(path));
  if (odd !== undefined) throw bad('restore', 'layers of blocks of the plan only', `"${odd}"`);
}

/** What several cuts took, in the order they were made, as the one cut of `sites` takes it; `small` is what they left. */
export function composeSlices(
  small: Checkpoint,
  cuts: readonly (Taken & { readonly sites: readonly PlanSite[] })[],
  topology: Topology,
  sites: Plan['sites'],
): Removed {
  const whole = [...cuts].reverse().reduce((model, cut) => putBack(model, cut.sites, { ...cut, topology }), small);
  const layers = new Map([...whole.weights].filter(([path]) => !small.weights.has(path)));
  return { topology, slices: takeSlices(whole, sites), ...(layers.size > 0 && { layers }) };
}

function replace(weights: Map<string, readonly NdArray[]>, { layer, weight }: PlanSite, array: NdArray): void {
  weights.set(
    layer,
    weights.get(layer)!.map((old, i) => (i === weight ? array : old)),
  );
}

/** The site that lost a slice. */
function pairs(sites: readonly PlanSite[], slices: readonly RemovedSlice[]): (slice: RemovedSlice) => PlanSite {
  const known = new Map(sites.map(site => [siteKey(site), site]));
  const given = new Set(slices.map(siteKey));
  if (given.size === slices.length && given.size === known.size && [...given].every(key => known.has(key))) {
    return slice => known.get(siteKey(slice))!;
  }
  throw bad('restore', 'a slice for each site of the plan', `${slices.length} for ${sites.length} sites`);
}

function requireFit({ layer, weight, axis, kept }: PlanSite, array: NdArray | undefined, values: NdArray): void {
  const shape = array?.shape.map((size, a) => (a === axis ? kept.length : size)).join(', ');
  const around = values.shape.map((size, a) => (a === axis ? kept.length : size)).join(', ');
  if (array?.shape.join(', ') === shape && shape === around) return;
  const got = array === undefined ? 'no such weight' : `[${array.shape.join(', ')}]`;
  throw bad(`restore: layer "${layer}"`, `weight ${weight} of shape [${around}]`, got);
}

function bad(place: string, expected: string, got: string): PruneError {
  const cure = 'Give restore the small model, the plan and the removed slices of one and the same run.';
  return new PruneError('bad-plan', { place, expected, got, cure });
}
