/** One threshold over all groups together. */
import { checkKeyword } from '../core/check';
import { PruneError } from '../core/errors';
import { checkBudget, withSettings, keepBest, type Budget, type BudgetOptions } from './budget';
import { takeLowest, unitCount } from './ranking';
import { sharedOut, UNIT_COSTS, unitCosts, type UnitCost } from './unitCosts';

export interface GlobalOptions extends BudgetOptions {
  /**
   * Ranks by score per what a unit takes with it, so that units of different size compare: a head is not a neuron. Scores must not be
   * negative. Default: by the score.
   */
  readonly per?: UnitCost;
  /** What `ratio` is a fraction of: the units, or what all of them cost, each as if it alone went. Default: as `per`, else units. */
  readonly of?: 'units' | UnitCost;
}

/**
 * Removes round(ratio * all units), exactly, the lowest scores of all groups first; a group at its minimum passes its
 * share on. With `multipleOf` the counts are rounded group by group afterwards, so that the total is only near.
 * With `per` or `of` units count by their parameters or MACs, in the model as it is: as many go as come nearest to `ratio` of the total.
 * Where no weight belongs to two units, as with heads and neurons, that is what the model loses; channels in a row share
 * kernels, of which each counts as its own: for a total of the model take `costTarget`, with
 * `scope: options => global({ ...options, per: 'parameters' })`.
 * Paper: 1708.06519, section 3 (global percentile).
 * Differs: exact count with stable ties (the reference code's strict threshold removes one more), and a floor per group.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `empty-group` when the floors leave too little to remove, `bad-model` for
 * MACs where neither model nor data tell an input size.
 */
export function global(options: GlobalOptions): Budget {
  checkBudget('global', options);
  const { ratio, minimum = 0, per, of = per ?? 'units' } = options;
  if (per !== undefined) checkKeyword('global', 'per', per, UNIT_COSTS);
  checkKeyword('global', 'of', of, ['units', ...UNIT_COSTS]);
  const budget: Budget = (scored, model, example) => {
    const there = { scored, model, example };
    const costs = of === 'units' ? undefined : unitCosts(there, of);
    const shares = per === undefined || per === of ? costs : unitCosts(there, per);
    const ranked = per === undefined ? scored : scored.map((item, group) => sharedOut(item, shares![group]));
    const goal = ratio * (costs ? sumOf(costs) : unitCount(scored));
    const { counts, removed, isShort } = takeLowest(ranked, goal, minimum, costs);
    if (isShort) throw tooMuch(Math.round(goal), removed, of, counts.length);
    return new Map(ranked.map((item, i) => keepBest(item, counts[i], options)));
  };
  return withSettings(budget, options);
}

function sumOf(costs: readonly Float64Array[]): number {
  return costs.reduce((total, own) => total + own.reduce((sum, cost) => sum + cost, 0), 0);
}

function tooMuch(wanted: number, possible: number, of: string, groupCount: number): PruneError {
  return new PruneError('empty-group', {
    place: 'prune',
    expected: `to remove ${wanted} ${of} from ${groupCount} groups`,
    got: `only ${possible} that the minimum per group lets go`,
    cure: 'Lower ratio or minimum.',
  });
}
