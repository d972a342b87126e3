/**
 * budgets: how many units go, and which, given their scores. Pure and deterministic: of equal scores in a group the earlier unit stays. Knows nothing of where scores come from.
 * This file: the type, and what all budgets share.
 */
import { checkNumber, checkRatio } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import type { InputSizes } from '../core/shapes';
import type { Group } from '../graph/group';
import type { Unit } from '../rules/rule';

export interface Scored {
  readonly group: Group;
  /** One score per unit of the group: higher = keep. */
  readonly scores: Float64Array;
  /** Of each score, where it was averaged over batches of data. */
  readonly standardError?: Float64Array;
}

/** For each group (by name) the indices of the units that stay, ascending. */
export type Survivors = ReadonlyMap<string, readonly number[]>;

export interface Budget {
  /** `example`: sizes of the data's examples, by which costs are counted that the model leaves open. */
  (scored: readonly Scored[], model: Checkpoint, example?: InputSizes): Survivors;
  /** What it was made with: a run that is resumed must find the same. */
  readonly settings?: unknown;
}

export function withSettings(budget: Budget, settings: object): Budget {
  return Object.assign(budget, { settings });
}

/** The units of `groups` that are not among the survivors; a group that has none named keeps all. */
export function unitsGone(groups: readonly Group[], survivors: Survivors): Unit[] {
  return groups.flatMap(({ name, units }) => {
    const kept = survivors.get(name);
    if (kept === undefined) return [];
    const stays = new Set(kept);
    return units.filter((_, index) => !stays.has(index));
  });
}

export type Minimum = number | ((group: Group) => number);

export interface BudgetOptions {
  /** Fraction of units to remove, in [0, 1). */
  readonly ratio: number;
  /**
   * Least number of units a group keeps; below 1 a fraction of the group; or a function that says. Default 0: a group that
   * would be emptied is an error.
   */
  readonly minimum?: Minimum;
  /** Round the number kept in each group to the nearest multiple (at least one multiple; smaller groups stay whole). */
  readonly multipleOf?: number;
}

/** What limits the number kept in each group, however it was chosen. */
export type Limits = Omit<BudgetOptions, 'ratio'>;

export function checkBudget(place: string, { ratio, minimum = 0, multipleOf = 1 }: BudgetOptions): void {
  checkRatio(place, ratio);
  if (typeof minimum === 'number') checkNumber(place, 'minimum', minimum, { least: 0 });
  checkNumber(place, 'multipleOf', multipleOf, { least: 1, integer: true });
}

/** The least number of units that `group` keeps. */
export function floorOf(group: Group, minimum: Minimum): number {
  const size = group.units.length;
  const least = typeof minimum === 'number' ? minimum : minimum(group);
  return Math.min(size, least < 1 ? Math.ceil(least * size - 1e-9) : Math.ceil(least));
}

/**
 * Name and survivors of a group that is to keep `count` units, rounded as the options say.
 * @throws PruneError `empty-group` with `advice` when the group would keep nothing.
 */
export function keepBest(
  { group, scores }: Scored,
  count: number,
  { minimum = 0, multipleOf = 1 }: Limits,
  advice = 'Set minimum: 1, or lower ratio.',
): readonly [string, readonly number[]] {
  const size = scores.length;
  if (count > 0) return [group.name, best(scores, rounded(count, size, multipleOf, floorOf(group, minimum)))];
  throw new PruneError('empty-group', {
    place: 'prune',
    expected: `group "${group.name}" to keep at least 1 of ${size} units`,
    got: 'a budget that keeps 0',
    cure: advice,
  });
}

/** The ratio of each of `steps` equal cuts that together remove `ratio`; the rounding of counts may add up to `steps` units. */
export function stepRatio(ratio: number, steps: number): number {
  return 1 - (1 - ratio) ** (1 / steps);
}

/** `count` rounded to a multiple that a group of `size` can have. */
function rounded(count: number, size: number, multipleOf: number, floor: number): number {
  if (multipleOf === 1) return count;
  const nearest = Math.max(1, Math.round(count / multipleOf), Math.ceil(floor / multipleOf)) * multipleOf;
  return nearest <= size ? nearest : size;
}

/** The indices of the `count` highest scores, ascending; of equal scores the earlier stays. */
function best(scores: Float64Array, count: number): readonly number[] {
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
  return order.slice(0, count).sort((a, b) => a - b);
}
