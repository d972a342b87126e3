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
        const count = Math.max(size - Math.round(ratio * size), floorOf(item.group, minimum));
        requireUnits(item, count, `Lower ratio below ${roundedDown(1 - 0.5 / size)} or set minimum: 1.`);
        return [
          item.group.name,
          best(item.scores, rounded(count, size, multipleOf, floorOf(item.group, minimum))),
        ] as const;
      }),
    );
}

function roundedDown(ratio: number): string {
  const digits = ratio < 0.99 ? 2 : 5;
  return (Math.floor(ratio * 10 ** digits) / 10 ** digits).toFixed(digits);
}
