/** A fraction of its own for every group. */
import { checkRatio } from '../core/check';
import { PruneError } from '../core/errors';
import type { Group } from '../graph/group';
import {
  checkBudget,
  floorOf,
  keepBest,
  withSettings,
  type Budget,
  type BudgetOptions,
  type Limits,
  type Scored,
} from './budget';

/** By name, as `inspect` prints it, or a function that says; undefined where it says nothing. */
export type GroupRatios = Readonly<Record<string, number>> | ((group: Group) => number | undefined);

export interface InProportionOptions {
  /** Fraction of units to remove from each group, in [0, 1). */
  readonly ratios: GroupRatios;
  /** Of groups that `ratios` says nothing about. Default 0: they stay whole. */
  readonly default?: number;
}

export interface PerGroupOptions extends InProportionOptions, Limits {}

/**
 * Removes round(ratio * units) of each group, exactly, each by its own ratio, the lowest scores first.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `empty-group`, `bad-option` for a name in `ratios` that no scored
 * group has, and `bad-ratio` for what a function gives.
 */
export function perGroup({ ratios, default: other = 0, ...options }: PerGroupOptions): Budget {
  checkBudget('perGroup', { ...options, ratio: other });
  return withSettings(byRatios('perGroup', ratios, other, options), { ratios, default: other, ...options });
}

/**
 * A scope for `costTarget` and `pruneToLatency` that keeps groups in proportion: at ratio 0.5 each loses its own ratio, and
 * above and below what repeating that cut, or a part of it, would leave; a group of ratio 0 stays whole.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, as {@link perGroup}.
 */
export function inProportion({ ratios, default: other = 0 }: InProportionOptions): (options: BudgetOptions) => Budget {
  checkRatio('inProportion', other, 'default');
  checkNamed('inProportion', ratios);
  const scope = (options: BudgetOptions): Budget => {
    checkBudget('inProportion', options);
    const times = options.ratio / (1 - options.ratio);
    return byRatios('inProportion', ratios, other, options, ratio => 1 - (1 - ratio) ** times);
  };
  return Object.assign(scope, { settings: { ratios, default: other } });
}

/** What {@link perGroup} and `uniform` share; `change` is made to every ratio. */
export function byRatios(
  place: string,
  ratios: GroupRatios,
  other: number,
  options: Limits,
  change: (ratio: number) => number = ratio => ratio,
): Budget {
  const { minimum = 0 } = options;
  checkNamed(place, ratios);
  const own = typeof ratios === 'function' ? ratios : ownRatio(ratios);
  const names = typeof ratios === 'function' ? [] : Object.keys(ratios);
  return scored => {
    requireGroups(place, names, scored);
    return new Map(
      scored.map(item => {
        const size = item.scores.length;
        const ratio = checkRatio(place, own(item.group) ?? other, `the ratio of "${item.group.name}"`);
        const count = Math.max(size - Math.round(change(ratio) * size), floorOf(item.group, minimum));
        return keepBest(item, count, options, `Lower ratio below ${roundedDown(1 - 0.5 / size)} or set minimum: 1.`);
      }),
    );
  };
}

function ownRatio(ratios: Readonly<Record<string, number>>): (group: Group) => number | undefined {
  const byName = new Map(Object.entries(ratios));
  return ({ name }) => byName.get(name);
}

function checkNamed(place: string, ratios: GroupRatios): void {
  if (typeof ratios === 'function') return;
  for (const [name, ratio] of Object.entries(ratios)) checkRatio(place, ratio, `ratios["${name}"]`);
}

/** @throws PruneError `bad-option` that lists what is scored, unless all of `names` are. */
export function requireGroups(place: string, names: readonly string[], scored: readonly Scored[]): void {
  const known = scored.map(({ group }) => group.name);
  const unknown = names.find(name => !known.includes(name));
  if (unknown === undefined) return;
  throw new PruneError('bad-option', {
    place,
    expected: `ratios to name groups that are scored, such as ${known.slice(0, 3).join(', ')}`,
    got: `"${unknown}"`,
    cure: 'Use the names that inspect prints; frozen and protected groups have no ratio.',
  });
}

function roundedDown(ratio: number): string {
  const digits = ratio < 0.99 ? 2 : 5;
  return (Math.floor(ratio * 10 ** digits) / 10 ** digits).toFixed(digits);
}
