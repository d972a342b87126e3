/** Groups: the units that share all their weight axes, with those axes. What a criterion scores and a budget thins out. */
import type { Checkpoint } from '../core/checkpoint';
import type { Kind, Unit } from '../rules/rule';
import type { Site, Trace } from './ledger';
import { trace } from './trace';

export interface Group {
  /** Path of the layer that makes its units first; unique in the model. */
  readonly name: string;
  readonly kind: Kind;
  /** Ascending. */
  readonly units: readonly Unit[];
  readonly sites: readonly Site[];
  /** Why no unit of the group can go; undefined when they can. */
  readonly frozen?: string;
}

/** All groups of `model`, in the order of their makers. */
export function groups(model: Checkpoint): readonly Group[] {
  return groupsOf(trace(model));
}

export function groupsOf(traced: Trace): readonly Group[] {
  const members = new Map<string, { units: Unit[]; sites: readonly number[] }>();
  for (const [unit, sites] of sitesOfUnits(traced.sites)) {
    const key = `${sites.join(',')}|${traced.frozen.get(unit) ?? ''}`;
    const group = members.get(key);
    if (group) group.units.push(unit);
    else members.set(key, { units: [unit], sites });
  }
  const names = namesOf([...members.values()], traced);
  return [...members.values()].map(({ units, sites }, i) => {
    return {
      name: names[i],
      kind: traced.kindOf(units[0]),
      units,
      sites: sites.map(site => traced.sites[site]),
      frozen: traced.frozen.get(units[0]),
    };
  });
}

/** Numbered by sites, which cuts do not change, and not by units, whose order they do. */
function namesOf(found: readonly { units: Unit[]; sites: readonly number[] }[], traced: Trace): string[] {
  const names = found.map(({ units }) => traced.makerOf(units[0]));
  const order = [...found.keys()].sort((a, b) => (String(found[a].sites) < String(found[b].sites) ? -1 : 1));
  const uses = new Map<string, number>();
  for (const i of order) {
    const use = (uses.get(names[i]) ?? 0) + 1;
    uses.set(names[i], use);
    if (use > 1) names[i] = `${names[i]}#${use}`;
  }
  return names;
}

/** For each position of `site` the index of its unit in `group.units`, or -1. */
export function membersAt(group: Group, site: Site): Int32Array {
  const index = new Map(group.units.map((unit, i) => [unit, i]));
  return site.width.map(unit => index.get(unit) ?? -1);
}

/** Indices of the sites that hold each unit, units ascending. */
function sitesOfUnits(sites: readonly Site[]): Map<Unit, number[]> {
  const found = new Map<Unit, number[]>();
  sites.forEach(({ width }, site) => {
    for (const unit of width) {
      const list = found.get(unit);
      if (!list) found.set(unit, [site]);
      else if (list[list.length - 1] !== site) list.push(site);
    }
  });
  return new Map([...found].sort(([a], [b]) => a - b));
}
