/**
 * edit: surgery on checkpoints, pure: Checkpoint in, Checkpoint out. Knows sites, not criteria; must not know layer classes.
 * This file: removal of units, and its proof twin that only zeroes what reads them.
 */
import { gatherAxes, shapeAfter, sizeOf, zeroAt, type NdArray } from '../core/array';
import { mapLeaves, type Checkpoint, type LayerSpec } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { roomFor, type Room } from '../core/room';
import type { Call, Site, Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import type { CutCall, CutFlow, Flow, Shape, Unit, Width } from '../rules/rule';

/** Positions of one site that stay, ascending. */
export interface KeptSite {
  readonly site: Site;
  readonly kept: readonly number[];
}

/**
 * `model` without the `removed` units: every weight axis that holds them is cut, configs follow.
 * @throws PruneError `empty-group` when a weight axis would lose all positions, `bad-option` for a unit that is frozen.
 */
export function slice(model: Checkpoint, traced: Trace, removed: ReadonlySet<Unit>): Checkpoint {
  for (const unit of removed) requireFree(traced, unit);
  const weights = keptWeights(model, keptSites(traced, removed));
  const calls = new Map([...traced.calls].reverse().map(call => [call.layer, call]));
  const topology = mapLeaves(model.topology, (spec, path) => {
    const call = calls.get(path);
    const resized = call?.rule.resize?.(cutCall(call, shapesOf(weights, path), removed));
    const entered = enteredShape(spec, traced, path, removed);
    return resized || entered ? { ...spec, config: { ...spec.config, ...resized, ...entered } } : spec;
  });
  const sliced = { topology, weights };
  trace(sliced); // refuses a result whose weights and topology disagree
  return sliced;
}

function keptWeights({ weights }: Checkpoint, cuts: readonly KeptSite[]): Checkpoint['weights'] {
  for (const { site, kept } of cuts) if (kept.length === 0) throw emptied(site);
  return gatherSites(
    weights,
    cuts.map(({ site: { layer, weight, axis }, kept }) => ({ layer, weight, axis, kept })),
  );
}

/** One weight axis, and the positions of it that stay. */
export interface Cut {
  readonly layer: string;
  readonly weight: number;
  readonly axis: number;
  readonly kept: readonly number[];
}

/**
 * `weights`, or anything in their shapes, cut; each array along all its axes at once. Arrays that are not cut are shared; but a large
 * cut copies those which have their memory in common with others, as they would keep all of it.
 */
export function gatherSites(weights: Checkpoint['weights'], cuts: readonly Cut[]): Checkpoint['weights'] {
  const byWeight = new Map<string, Map<number, readonly number[]>>();
  for (const { layer, weight, axis, kept } of cuts) {
    const key = `${layer}:${weight}`;
    byWeight.set(key, (byWeight.get(key) ?? new Map<number, readonly number[]>()).set(axis, kept));
  }
  const found = [...weights].map(([layer, arrays]) => {
    return { layer, arrays: arrays.map((array, i) => ({ array, axes: byWeight.get(`${layer}:${i}`) })) };
  });
  const room = roomFor(
    found.flatMap(({ arrays }) => arrays.map(({ array, axes }) => (axes ? bytesLeft(array, axes) : 0))),
  );
  const cut = ({ array, axes }: (typeof found)[number]['arrays'][number]): NdArray =>
    axes ? gatherAxes(array, axes, room) : admitted(array, room);
  return new Map(found.map(({ layer, arrays }) => [layer, arrays.map(cut)]));
}

function bytesLeft(array: NdArray, axes: ReadonlyMap<number, readonly number[]>): number {
  return sizeOf(shapeAfter(array, axes)) * array.data.BYTES_PER_ELEMENT;
}

function admitted(array: NdArray, room: Room): NdArray {
  const data = room.admit(array.data);
  return data === array.data ? array : { ...array, data };
}

/** What the cut leaves of a call whose weights have the shapes `weights` after it. */
export function cutCall(
  { config, inputs, outputs }: Call,
  weights: CutCall['weights'],
  removed: ReadonlySet<Unit>,
): CutCall {
  const cut = ({ shape, axis, width }: Flow): CutFlow => ({ shape, axis, kept: staying(width, removed) });
  return { config, weights, inputs: inputs.map(cut), outputs: outputs.map(cut) };
}

function shapesOf(weights: Checkpoint['weights'], layer: string): CutCall['weights'] {
  return (weights.get(layer) ?? []).map(({ shape }) => shape);
}

/** The first layers of a nested model state how many units enter it. */
function enteredShape({ config }: LayerSpec, { entries }: Trace, path: string, removed: ReadonlySet<Unit>) {
  const entry = entries.get(path);
  const shape = config.batchInputShape as Shape | undefined;
  if (!entry || !shape) return undefined;
  const left = staying(entry.width, removed).length;
  return { batchInputShape: shape.map((size, axis) => (axis === entry.axis && size !== null ? left : size)) };
}

/** Positions of `width` whose units are not removed, ascending. */
export function staying(width: Width, removed: ReadonlySet<Unit>): number[] {
  const kept: number[] = [];
  for (let position = 0; position < width.length; position++) if (!removed.has(width[position])) kept.push(position);
  return kept;
}

/**
 * `model` in its old shape with the reads of the `removed` units zeroed: what {@link slice} must equal. What makes a unit
 * counts as a read of it where something reads it without a weight.
 */
export function mask(model: Checkpoint, traced: Trace, removed: ReadonlySet<Unit>): Checkpoint {
  const weights = new Map(model.weights);
  for (const site of traced.sites) {
    const gone = (unit: Unit): boolean => removed.has(unit) && (site.role === 'reads' || traced.bare.has(unit));
    const positions = [...site.width.keys()].filter(position => gone(site.width[position]));
    if (positions.length > 0) edit(weights, site, array => zeroedWhenRead(array, site.axis, positions));
  }
  return { topology: model.topology, weights };
}

/** Made anew at each reading and kept by nobody: a second copy of a whole model is too much. */
function zeroedWhenRead(array: NdArray, axis: number, positions: readonly number[]): NdArray {
  const { shape, dtype } = array;
  return {
    shape,
    dtype,
    get data() {
      return zeroAt(array, axis, positions).data;
    },
  };
}

/** The sites that lose positions, and what stays of them. */
export function keptSites(traced: Trace, removed: ReadonlySet<Unit>): readonly KeptSite[] {
  return traced.sites.flatMap(site => {
    const kept = staying(site.width, removed);
    return kept.length === site.width.length ? [] : [{ site, kept }];
  });
}

function edit(
  weights: Map<string, readonly NdArray[]>,
  { layer, weight }: Pick<Site, 'layer' | 'weight'>,
  change: (array: NdArray) => NdArray,
): void {
  const arrays = weights.get(layer) ?? [];
  weights.set(
    layer,
    arrays.map((array, i) => (i === weight ? change(array) : array)),
  );
}

function requireFree(traced: Trace, unit: Unit): void {
  const reason = traced.frozen.get(unit);
  if (reason === undefined) return;
  throw new PruneError('bad-option', {
    place: `slice: unit ${unit} of "${traced.makerOf(unit)}"`,
    expected: 'a unit that can go',
    got: `a frozen one (${reason})`,
    cure: 'Remove only units of groups that are not frozen.',
  });
}

function emptied(site: Site): PruneError {
  return new PruneError('empty-group', {
    place: `slice: layer "${site.layer}"`,
    expected: 'at least one unit to stay',
    got: `none of ${site.width.length}`,
    cure: 'Lower the ratio or set a minimum.',
  });
}
