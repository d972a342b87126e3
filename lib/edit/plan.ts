/** The plan: what was removed, in terms of the original model, as JSON. */
import type { RemovedStep } from '../core/context';

export interface PlanGroup {
  readonly name: string;
  readonly kind: string;
  /** Number of units in the original model. */
  readonly units: number;
  /** Indices of the units that went, ascending. */
  readonly removed: readonly number[];
  readonly frozen?: string;
}

export interface PlanSite {
  /** Path through nested models, joined by "/". */
  readonly layer: string;
  /** Index in `getWeights()`. */
  readonly weight: number;
  readonly axis: number;
  readonly role: string;
  /** Positions of the original axis that stay, ascending; sites that lost nothing are not listed. */
  readonly kept: readonly number[];
}

export interface Plan {
  readonly version: 1;
  /** Hash of the original model's topology and weights. */
  readonly source: { readonly sha256: string };
  readonly method: string;
  readonly seed: number;
  readonly groups: readonly PlanGroup[];
  readonly sites: readonly PlanSite[];
}

/** Steps one after the other as one, every index in terms of the model before the first. */
export function composeSteps(steps: readonly RemovedStep[]): Pick<Plan, 'groups' | 'sites'> {
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
      const key = `${site.layer}:${site.weight}:${site.axis}`;
      const before = sites.get(key)?.kept;
      sites.set(key, before ? { ...site, kept: site.kept.map(position => before[position]) } : site);
    }
  }
  return { groups: [...groups.values()], sites: [...sites.values()] };
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}
