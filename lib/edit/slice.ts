/**
 * edit: surgery on checkpoints, pure: Checkpoint in, Checkpoint out. Knows sites, not criteria; must not know layer classes.
 * This file: removal of units, and its proof twin that only zeroes what reads them.
 */
import { gather, zeroAt, type NdArray } from '../core/array';
import { mapLeaves, type Checkpoint, type LayerSpec } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import type { Entry, Site, Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import { ruleOf } from '../rules';
import type { Shape, Unit } from '../rules/rule';

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
  const weights = new Map(model.weights);
  for (const { site, kept } of keptSites(traced, removed)) {
    if (kept.length === 0) throw emptied(site);
    edit(weights, site, array => gather(array, site.axis, kept));
  }
  const resized = mapLeaves(model.topology, (spec, path) => {
    const resized = ruleOf(spec.className)?.resize?.((weights.get(path) ?? []).map(({ shape }) => shape));
    return resized ? { ...spec, config: { ...spec.config, ...resized } } : spec;
  });
  // The trace refuses a result whose weights and topology disagree.
  const { entries } = trace({ topology: resized, weights });
  return { topology: mapLeaves(resized, (spec, path) => withEntry(spec, entries.get(path))), weights };
}

/** The first layers of a nested model state how many units enter it. */
function withEntry(spec: LayerSpec, entry: Entry | undefined): LayerSpec {
  const shape = spec.config.batchInputShape as Shape | undefined;
  if (!entry || !shape) return spec;
  const batchInputShape = shape.map((size, axis) => (axis === entry.axis && size !== null ? entry.width.length : size));
  return { ...spec, config: { ...spec.config, batchInputShape } };
}

/** `model` in its old shape with the reads of the `removed` units zeroed: what {@link slice} must equal. */
export function mask(model: Checkpoint, traced: Trace, removed: ReadonlySet<Unit>): Checkpoint {
  const weights = new Map(model.weights);
  for (const site of traced.sites) {
    if (site.role !== 'reads') continue;
    const positions = [...site.width.keys()].filter(position => removed.has(site.width[position]));
    if (positions.length > 0) edit(weights, site, array => zeroAt(array, site.axis, positions));
  }
  return { topology: model.topology, weights };
}

/** The sites that lose positions, and what stays of them. */
export function keptSites(traced: Trace, removed: ReadonlySet<Unit>): readonly KeptSite[] {
  return traced.sites.flatMap(site => {
    const kept = [...site.width.keys()].filter(position => !removed.has(site.width[position]));
    return kept.length === site.width.length ? [] : [{ site, kept }];
  });
}

function edit(
  weights: Map<string, readonly NdArray[]>,
  { layer, weight }: Site,
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
