/** One ranking over the units of several groups. */
import { floorOf, type Minimum, type Scored } from './budget';

/** What is left of a ranking from which the lowest scores were taken. */
export interface Ranked {
  /** Units left in each group. */
  readonly counts: readonly number[];
  /** What those that went cost. */
  readonly removed: number;
  /** Whether more would have gone but for the floors. */
  readonly isShort: boolean;
}

/**
 * Takes the lowest scores of all groups, one after the other, until what they cost, each 1 unless told, is as near to `goal` as it can
 * be; a group at its floor passes its share on.
 */
export function takeLowest(
  scored: readonly Scored[],
  goal: number,
  minimum: Minimum,
  costs?: readonly ArrayLike<number>[],
): Ranked {
  const counts = scored.map(({ scores }) => scores.length);
  const floors = scored.map(({ group }) => floorOf(group, minimum));
  const ranked = scored.flatMap(({ scores }, group) => Array.from(scores, (score, unit) => ({ score, group, unit })));
  // Within a group the later of equal scores goes first, as in `best`.
  ranked.sort((a, b) => a.score - b.score || a.group - b.group || b.unit - a.unit);
  let [removed, cheapest] = [0, Infinity];
  for (const { group, unit } of ranked) {
    const cost = costs?.[group][unit] ?? 1;
    if (counts[group] <= floors[group]) cheapest = Math.min(cheapest, cost);
    else if (removed + cost / 2 > goal) return { counts, removed, isShort: false };
    else {
      counts[group] -= 1;
      removed += cost;
    }
  }
  return { counts, removed, isShort: removed + cheapest / 2 <= goal };
}

export function unitCount(scored: readonly Scored[]): number {
  return scored.reduce((sum, { scores }) => sum + scores.length, 0);
}
