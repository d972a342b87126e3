/** As many units as targets in MACs, parameters and bytes allow to keep. */
import { PruneError } from '../core/errors';
import type { CutCost } from '../edit/cutCost';
import { openSize } from '../graph/cost';
import { checkBudget, withSettings, type Budget, type BudgetOptions, type Limits } from './budget';
import { costSearch } from './costSearch';
import { global } from './global';

/** Fractions in (0, 1] of what the model costs before the cut. */
export interface CostTarget {
  /** Most multiply-accumulates that may stay. */
  readonly macs?: number;
  /** Most parameters that may stay. */
  readonly parameters?: number;
  /** Most bytes of stored weights, 4 for a float, that may stay: the model on disk without its topology. */
  readonly bytes?: number;
}

export interface CostTargetOptions extends CostTarget, Limits {
  /**
   * How units are compared: `uniform`, `global` (the default), `isomorphic`, or a function of your own that gives a budget
   * for a ratio; a higher ratio must remove the same units, and more.
   */
  readonly scope?: (options: BudgetOptions) => Budget;
}

/**
 * Removes as few units, in the order of `scope`, as bring the cost down to the target or just below it; of several
 * targets all are met. Costs are counted exactly, after rounding to `multipleOf`. `minimum` is 1 unless given.
 * @throws PruneError `bad-option`; when run, `bad-model` for a target in MACs where neither model nor data tell an input size, `empty-group`
 * when the floors do not let the target be met; it tells the lowest cost that they do.
 */
export function costTarget({
  macs,
  parameters,
  bytes,
  scope = global,
  minimum = 1,
  multipleOf,
}: CostTargetOptions): Budget {
  const target = { macs, parameters, bytes };
  checkTarget(target);
  const options = { minimum, multipleOf };
  checkBudget('costTarget', { ...options, ratio: 0 });
  const budget: Budget = (scored, model, example) => {
    const { dense, search } = costSearch({ scored, model, example }, ratio => scope({ ...options, ratio }));
    if (macs !== undefined && dense.macs === undefined) openSize('costTarget', 'give the target in parameters');
    const { last, found } = search(candidate => unmet(candidate, dense, target) === undefined);
    if (found === undefined) throw outOfReach(last, dense, target);
    return found.survivors;
  };
  return withSettings(budget, { ...target, scope, minimum, multipleOf });
}

type Measure = keyof CostTarget;
const MEASURES: readonly Measure[] = ['macs', 'parameters', 'bytes'];
const WORDS: Readonly<Record<Measure, string>> = { macs: 'MACs', parameters: 'parameters', bytes: 'bytes' };

/** The first target that `cost` does not meet. */
function unmet(cost: CutCost, dense: CutCost, target: CostTarget): Measure | undefined {
  return MEASURES.find(measure => cost[measure]! > (target[measure] ?? 1) * dense[measure]!);
}

function checkTarget(target: CostTarget): void {
  const given = MEASURES.filter(measure => target[measure] !== undefined);
  if (given.length === 0) throw badTarget('macs, parameters or bytes', 'none', 'Pass for example macs: 0.5.');
  for (const measure of given) {
    const value = target[measure]!;
    if (typeof value === 'number' && value > 0 && value <= 1) continue;
    const cure = value > 1 && value <= 100 ? `For ${value} % write ${value / 100}.` : 'Pass for example 0.5.';
    throw badTarget(`${measure} in (0, 1], the fraction that may stay`, String(value), cure);
  }
}

function badTarget(expected: string, got: string, cure: string): PruneError {
  return new PruneError('bad-option', { place: 'costTarget', expected, got, cure });
}

function outOfReach(last: CutCost, dense: CutCost, target: CostTarget): PruneError {
  const measure = unmet(last, dense, target)!;
  const [least, all] = [last[measure]!, dense[measure]!];
  const share = Math.ceil((least / all) * 1e4) / 1e4;
  return new PruneError('empty-group', {
    place: 'costTarget',
    expected: `at most ${target[measure]} of ${all} ${WORDS[measure]} to stay`,
    got: `${least} (${share}) at the least, with every group at its minimum`,
    cure: `Ask for ${measure}: ${share} or more, lower minimum, or let more groups go.`,
  });
}
