/** One threshold over all groups together. */
import { PruneError } from '../core/errors';
import {
  best,
  checkBudget,
  floorOf,
  requireUnits,
  rounded,
  type Budget,
  type BudgetOptions,
  type Minimum,
  type Scored,
} from './budget';

/**
 * Removes round(ratio * all units), exactly, the lowest scores of all groups first; a group at its minimum passes its
 * share on. With `multipleOf` the counts are rounded group by group afterwards, so that the total is only near.
 * Paper: 1708.06519, section 3 (global percentile).
 * Differs: exact count with stable ties (the reference code's strict threshold removes one more), and a floor per group.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `empty-group` when the floors leave too little to remove.
 */
export function global(options: BudgetOptions): Budget {
  checkBudget('global', options);
  const { ratio, minimum = 0, multipleOf = 1 } = options;
  return scored => {
    const total = scored.reduce((sum, { scores }) => sum + scores.length, 0);
    const counts = countsAfter(scored, Math.round(ratio * total), minimum);
    return new Map(
      scored.map((item, i) => {
        requireUnits(item, counts[i], 'Set minimum: 1, or lower ratio.');
        return [
          item.group.name,
          best(item.scores, rounded(counts[i], item.scores.length, multipleOf, floorOf(item.group, minimum))),
        ] as const;
      }),
    );
  };
}

/** Units left in each group once the `remove` lowest scores are gone. */
function countsAfter(scored: readonly Scored[], remove: number, minimum: Minimum): number[] {
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
  if (left > 0) throw tooMuch(remove, remove - left, counts.length);
  return counts;
}

function tooMuch(wanted: number, possible: number, groupCount: number): PruneError {
  return new PruneError('empty-group', {
    place: 'prune',
    expected: `to remove ${wanted} units from ${groupCount} groups`,
    got: `only ${possible} that the minimum per group lets go`,
    cure: 'Lower ratio or minimum.',
  });
}
