/** One ranking over the units of several groups. */
import { floorOf, type Minimum, type Scored } from './budget';

/**
 * Units left in each group once the `remove` lowest scores of all of them are gone; a group at its floor passes its share
 * on. Where all are at their floors fewer go.
 */
export function countsAfter(scored: readonly Scored[], remove: number, minimum: Minimum): number[] {
  const counts = scored.map(({ scores }) => scores.length);
  const floors = scored.map(({ group }) => floorOf(group, minimum));
  const ranked = scored.flatMap(({ scores }, group) => Array.from(scores, (score, unit) => ({ score, group, unit })));
  // Within a group the later of equal scores goes first, as in `best`.
  ranked.sort((a, b) => a.score - b.score || a.group - b.group || b.unit - a.unit);
  let left = remove;
  for (const { group } of ranked) {
    if (left === 0) break;
    if (counts[group] <= floors[group]) continue;
    counts[group] -= 1;
    left -= 1;
  }
  return counts;
}

export function unitCount(scored: readonly Scored[]): number {
  return scored.reduce((sum, { scores }) => sum + scores.length, 0);
}
