/** One threshold over all groups together. */
import { PruneError } from '../core/errors';
import { checkBudget, withSettings, keepBest, type Budget, type BudgetOptions } from './budget';
import { countsAfter, unitCount } from './ranking';

/**
 * Removes round(ratio * all units), exactly, the lowest scores of all groups first; a group at its minimum passes its
 * share on. With `multipleOf` the counts are rounded group by group afterwards, so that the total is only near.
 * Paper: 1708.06519, section 3 (global percentile).
 * Differs: exact count with stable ties (the reference code's strict threshold removes one more), and a floor per group.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `empty-group` when the floors leave too little to remove.
 */
export function global(options: BudgetOptions): Budget {
  checkBudget('global', options);
  const { ratio, minimum = 0 } = options;
  const budget: Budget = scored => {
    const total = unitCount(scored);
    const remove = Math.round(ratio * total);
    const counts = countsAfter(scored, remove, minimum);
    const removed = total - counts.reduce((sum, count) => sum + count, 0);
    if (removed < remove) throw tooMuch(remove, removed, counts.length);
    return new Map(scored.map((item, i) => keepBest(item, counts[i], options)));
  };
  return withSettings(budget, options);
}

function tooMuch(wanted: number, possible: number, groupCount: number): PruneError {
  return new PruneError('empty-group', {
    place: 'prune',
    expected: `to remove ${wanted} units from ${groupCount} groups`,
    got: `only ${possible} that the minimum per group lets go`,
    cure: 'Lower ratio or minimum.',
  });
}
