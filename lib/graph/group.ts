/** Groups: the units that share all their weight axes, with those axes. What a criterion scores and a budget thins out. */
import type { Checkpoint } from '../core/checkpoint';
import type { Kind, Unit, Width } from '../rules/rule';
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
  const found = unitsBySites(traced);
  const names = namesOf(found, traced);
  return found.map(({ units, sites }, i) => {
    return {
      name: names[i],
      kind: traced.kindOf(units[0]),
      units,
      sites: sites.map(site => traced.sites[site]),
      frozen: traced.frozen.get(units[0]),
    };
  });
}

interface Members {
  readonly units: readonly Unit[];
  /** Indices in the trace, ascending. */
  readonly sites: readonly number[];
}

/** Numbered by sites, which cuts do not change, and not by units, whose order they do. */
function namesOf(found: readonly Members[], traced: Trace): string[] {
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
export function membersAt({ units }: Pick<Group, 'units'>, { width }: Pick<Site, 'width'>): Int32Array {
  const index = new Map(units.map((unit, i) => [unit, i]));
  return width.map(unit => index.get(unit) ?? -1);
}

/** Units together that share all their sites and their reason to stay, in the order of their first units. */
function unitsBySites({ sites, frozen }: Trace): Members[] {
  const { setOf, sitesOf } = refined(sites);
  const members = new Map<string, { units: Unit[]; sites: readonly number[] }>();
  setOf.forEach((set, unit) => {
    if (set === 0) return;
    const key = `${set}|${frozen.get(unit) ?? ''}`;
    const known = members.get(key);
    if (known) known.units.push(unit);
    else members.set(key, { units: [unit], sites: sitesOf(set) });
  });
  return [...members.values()];
}

/**
 * For each unit the number of its set, and for each set its sites. Sets are split by one width after the other, so that
 * no list of sites is kept for every unit; set 0 is on no site.
 */
function refined(sites: readonly Site[]) {
  const bearers = new Map<Width, number[]>();
  sites.forEach(({ width }, site) => bearers.set(width, [...(bearers.get(width) ?? []), site]));
  const most = sites.reduce((high, { width }) => width.reduce((a, b) => Math.max(a, b), high), -1);
  const setOf = new Int32Array(most + 1);
  const sets: { readonly from: number; readonly sites: readonly number[] }[] = [{ from: 0, sites: [] }];
  for (const [width, holding] of bearers) {
    const first = sets.length;
    const split = new Map<number, number>();
    for (const unit of width) {
      const from = setOf[unit];
      if (from >= first) continue; // met before in this width
      if (!split.has(from)) split.set(from, sets.push({ from, sites: holding }) - 1);
      setOf[unit] = split.get(from)!;
    }
  }
  const sitesOf = (set: number): readonly number[] => {
    const found: number[] = [];
    for (let at = set; at !== 0; at = sets[at].from) found.push(...sets[at].sites);
    return found.sort((a, b) => a - b);
  };
  return { setOf, sitesOf };
}
