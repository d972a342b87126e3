/** The same fraction of every group. */
import { checkBudget, withSettings, type Budget, type BudgetOptions } from './budget';
import { byRatios } from './perGroup';

export interface UniformOptions extends BudgetOptions {
  /** Ratios of single groups, by name (as `inspect` prints it), instead of `ratio`. */
  readonly ratios?: Readonly<Record<string, number>>;
}

/**
 * Removes round(ratio * units) of each group, exactly, the lowest scores first.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `empty-group`, and `bad-option` for a name in `ratios` that no
 * scored group has.
 */
export function uniform(options: UniformOptions): Budget {
  checkBudget('uniform', options);
  const { ratio, ratios = {}, ...rest } = options;
  return withSettings(byRatios('uniform', ratios, ratio, rest), options);
}
