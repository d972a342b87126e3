/** The same fraction of every group. */
import { best, checkBudget, floorOf, requireUnits, rounded, type Budget, type BudgetOptions } from './budget';

/**
 * Removes round(ratio * units) of each group, exactly, the lowest scores first.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `empty-group`.
 */
export function uniform(options: BudgetOptions): Budget {
  checkBudget('uniform', options);
  const { ratio, minimum = 0, multipleOf = 1 } = options;
  return scored =>
    new Map(
      scored.map(item => {
        const size = item.scores.length;
        const count = Math.max(size - Math.round(ratio * size), floorOf(size, minimum));
        requireUnits(item, count);
        return [item.group.name, best(item.scores, rounded(count, size, multipleOf))] as const;
      }),
    );
}
