/** Why the sites of a group go together, in words. Class names are only quoted. */
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import type { Role, Unit } from '../rules/rule';
import type { Group } from './group';
import type { Site, Tie, Trace } from './ledger';

/** What ties the units of each group to their sites, one sentence per layer; in the order of `groups`. */
export function reasonsOf(model: Checkpoint, traced: Trace, groups: readonly Group[]): readonly (readonly string[])[] {
  const ties = tiesOf(traced, groups);
  const positions = positionsOf(traced, groups);
  const [called, quoted] = [new Map<string, number>(), new Map<string, string>()];
  for (const { layer, rule } of traced.calls) {
    called.set(layer, (called.get(layer) ?? 0) + 1);
    quoted.set(layer, `"${layer}" (${rule.className})`);
  }
  const quote = (layer: string): string => quoted.get(layer) ?? `"${layer}"`;
  const isShared = (layer: string): boolean => (called.get(layer) ?? 0) > 1;
  return groups.map((group, i) => {
    const own = new Map(group.sites.map(site => [site.layer, site] as const).reverse());
    const shared = [...own].filter(([layer]) => isShared(layer)).reverse();
    const reasons = [
      ...ties[i].flatMap(tie => tieReason(tie, { hasSite: own.has(tie.layer), isShared: isShared(tie.layer) }, quote)),
      ...shared.map(([layer, { parameter }]) => `the calls of shared layer "${layer}" use one ${parameter}`),
      ...siteReasons(group, model, site => positions.get(site)!.get(i)! / group.units.length, quote),
    ];
    return reasons.length > 0 ? [...new Set(reasons)] : readers(group, quote);
  });
}

type Quote = (layer: string) => string;

function tieReason({ layer, acrossCalls }: Tie, at: { hasSite: boolean; isShared: boolean }, quote: Quote): string[] {
  if (!acrossCalls || at.hasSite) return [`${quote(layer)} ties them position by position`];
  return at.isShared ? [`the calls of shared layer "${layer}" have one config`] : [];
}

/** What scales units, and what holds several positions of each; that one layer makes and others read needs no telling. */
function siteReasons({ sites }: Group, model: Checkpoint, positionsPerUnit: (site: Site) => number, quote: Quote) {
  const rankOf = ({ layer, weight }: Site): number => weightsOf(model, layer)[weight].shape.length;
  // What has a whole filter for a unit does more than scale it.
  const keepers = new Set(sites.filter(site => site.role === 'scales' && rankOf(site) > 1).map(({ layer }) => layer));
  const reasons = sites.map(site => {
    const { layer, role } = site;
    const positions = positionsPerUnit(site);
    if (positions === 1 && role !== 'scales') return '';
    const verb = role === 'scales' && keepers.has(layer) ? 'keeps' : role;
    const several = Number.isInteger(positions) ? `${positions} positions` : 'several positions';
    return `${quote(layer)} ${verb} ${positions === 1 ? 'them one to one' : `each at ${several}`}`;
  });
  return reasons.filter(Boolean);
}

function readers({ sites }: Group, quote: Quote): string[] {
  const layers = (role: Role) => new Set(sites.filter(site => site.role === role).map(({ layer }) => layer));
  const makers = [...layers('makes')].map(quote).join(', ');
  return makers === '' ? [] : [...layers('reads')].map(reader => `${quote(reader)} reads what ${makers} makes`);
}

/** For each group the ties that hold its units. */
function tiesOf({ ties }: Trace, groups: readonly Group[]): readonly (readonly Tie[])[] {
  const groupOf = groupsByUnit(groups);
  const found = groups.map((): Tie[] => []);
  for (const tie of ties) {
    const touched = new Set(Array.from(tie.width, unit => groupOf.get(unit)));
    for (const group of touched) if (group !== undefined) found[group].push(tie);
  }
  return found;
}

/** For each site the number of positions that each group has on it. */
function positionsOf({ sites }: Trace, groups: readonly Group[]): ReadonlyMap<Site, ReadonlyMap<number, number>> {
  const groupOf = groupsByUnit(groups);
  return new Map(
    sites.map(site => {
      const counts = new Map<number, number>();
      for (const unit of site.width) {
        const group = groupOf.get(unit);
        if (group !== undefined) counts.set(group, (counts.get(group) ?? 0) + 1);
      }
      return [site, counts];
    }),
  );
}

function groupsByUnit(groups: readonly Group[]): ReadonlyMap<Unit, number> {
  return new Map(groups.flatMap(({ units }, i) => units.map(unit => [unit, i] as const)));
}
