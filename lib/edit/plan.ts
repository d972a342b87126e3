/** The plan: what is removed, in terms of the original model, as JSON. */
import type { RemovedBlock, RemovedStep, TurnedStream } from '../core/context';
import { PruneError } from '../core/errors';
import type { Measured } from '../core/timing';
import type { Group } from '../graph/group';
import type { Site, Trace } from '../graph/ledger';
import type { Unit } from '../rules/rule';
import { keptSites } from './slice';

/** Stored values, multiply-accumulates per example (absent when an input size is not known), and bytes. */
export interface PlanCost {
  readonly parameters: number;
  readonly macs?: number;
  readonly bytes: number;
}

/** One weight axis that holds the units of a group. */
export interface CoupledSite {
  readonly layer: string;
  readonly weight: number;
  readonly axis: number;
  /** makes, reads or scales: what the layer does to the units. */
  readonly role: string;
  /** kernel, bias, gamma, ... */
  readonly parameter: string;
}

export interface PlanGroup {
  readonly name: string;
  readonly kind: string;
  /** Number of units in the original model. */
  readonly units: number;
  /** Indices of the units that go, ascending. */
  readonly removed: readonly number[];
  /** Why none of the units can go; absent when they can. */
  readonly frozen?: string;
  /** Every weight axis that loses what the group loses. */
  readonly coupled?: readonly CoupledSite[];
  /** Why they go together, for people. */
  readonly reasons?: readonly string[];
  /** What the removal saves if it is the only one. */
  readonly savings?: PlanCost;
}

export interface PlanSite {
  /** Path through nested models, joined by "/". */
  readonly layer: string;
  /** Index in `getWeights()`. */
  readonly weight: number;
  readonly axis: number;
  /**
   * makes, reads or scales. To zero the lost positions of the sites that read is to remove the units; sites whose units
   * something reads without a weight count among them.
   */
  readonly role: string;
  /** Positions of the original axis that stay, ascending; sites that lose nothing are not listed. */
  readonly kept: readonly number[];
}

/** A residual block that goes whole. */
export interface PlanBlock extends RemovedBlock {
  /** What the removal saves if it is the only one. */
  readonly savings?: PlanCost;
}

/** What `blocks` and `groups[].removed` say decides; `sites` follow from it, and must. */
export interface Plan {
  /** 2 where blocks go, 3 where streams are turned. */
  readonly version: 1 | 2 | 3;
  /** Hash of the original model's topology and weights. */
  readonly source: { readonly sha256: string };
  readonly method: string;
  readonly seed: number;
  /** Blocks that go, in this order; groups and sites are those of the model without them. Absent where none go. */
  readonly blocks?: readonly PlanBlock[];
  readonly groups: readonly PlanGroup[];
  readonly sites: readonly PlanSite[];
  /** Streams that were turned; the plan tells what went before the first, and cannot be carried out again. */
  readonly turned?: readonly TurnedStream[];
  /** Of the original, and of what these removals leave of it; absent where streams are turned. */
  readonly cost?: { readonly before: PlanCost; readonly after: PlanCost };
  /** What was timed to choose them, cut by cut; another machine would have chosen others. */
  readonly measured?: readonly Measured[];
}

/**
 * The cut of `removed` in the words of a plan.
 * @throws PruneError `empty-group` when a weight axis would lose all positions.
 */
export function describeCut(all: readonly Group[], traced: Trace, removed: ReadonlySet<Unit>): RemovedStep {
  return {
    groups: all.map(({ name, kind, units, frozen }) => ({
      name,
      kind,
      units: units.length,
      removed: [...units.keys()].filter(index => removed.has(units[index])),
      ...(frozen === undefined ? {} : { frozen }),
    })),
    sites: keptSites(traced, removed).map(({ site, kept }) => {
      if (kept.length === 0) throw emptied(site);
      const { layer, weight, axis, role, width } = site;
      // Where nothing with a weight reads a unit, zeroing what makes it is what removes it.
      return { layer, weight, axis, role: width.some(unit => traced.bare.has(unit)) ? 'reads' : role, kept };
    }),
  };
}

function emptied({ layer, width }: Site): PruneError {
  return new PruneError('empty-group', {
    place: `plan: layer "${layer}"`,
    expected: 'at least one unit to stay',
    got: `none of ${width.length} positions`,
    cure: 'Remove fewer units of its group.',
  });
}

/** Steps one after the other as one, every index in terms of the model before the first. */
export function composeSteps(steps: readonly RemovedStep[]): Pick<Plan, 'groups' | 'sites' | 'measured'> {
  const groups = new Map<string, PlanGroup>();
  const alive = new Map<string, readonly number[]>();
  const sites = new Map<string, PlanSite>();
  for (const step of steps) {
    for (const group of step.groups) {
      const before = alive.get(group.name) ?? range(group.units);
      const gone = new Set(group.removed);
      const { removed = [], units } = groups.get(group.name) ?? group;
      const earlier = groups.has(group.name) ? removed : [];
      alive.set(
        group.name,
        before.filter((_, index) => !gone.has(index)),
      );
      const now = [...earlier, ...group.removed.map(index => before[index])].sort((a, b) => a - b);
      groups.set(group.name, { ...group, units, removed: now });
    }
    for (const site of step.sites) {
      const key = siteKey(site);
      const before = sites.get(key);
      sites.set(key, before ? after(before, site) : site);
    }
  }
  const measured = steps.flatMap(step => step.measured ?? []);
  return { groups: [...groups.values()], sites: [...sites.values()], ...(measured.length > 0 && { measured }) };
}

/** What was zeroed to remove units in the first cut must be zeroed for both. */
function after(before: PlanSite, { role, kept, ...at }: PlanSite): PlanSite {
  return {
    ...at,
    role: before.role === 'reads' ? 'reads' : role,
    kept: kept.map(position => before.kept[position]),
  };
}

/** One weight axis has one. */
export function siteKey({ layer, weight, axis }: Pick<PlanSite, 'layer' | 'weight' | 'axis'>): string {
  return `${layer}:${weight}:${axis}`;
}

/** 0 .. length - 1. */
export function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}
