/** What units cost, to count them or to weigh their scores by. */
import { PruneError } from '../core/errors';
import { unitSavings } from '../edit/savings';
import { countingTrace, openSize } from '../graph/cost';
import type { Scored } from './budget';
import type { Searched } from './costSearch';

export type UnitCost = 'parameters' | 'macs';
export const UNIT_COSTS: readonly UnitCost[] = ['parameters', 'macs'];

/**
 * What the model saves if a unit alone goes, for each unit of each group, at least 1. Units that are gone by (see `counting`) cost
 * what the first of their group does.
 * @throws PruneError `bad-model` for MACs where neither model nor data tell an input size.
 */
export function unitCosts({ scored, model, example }: Searched, measure: UnitCost): readonly Float64Array[] {
  const there = scored.map(({ group: { units } }) => ({ units: units.filter(unit => unit >= 0) }));
  return unitSavings(model, countingTrace(model, example), there).map((savings, group) => {
    const costs = savings.map(({ [measure]: cost }) => Math.max(1, cost ?? openSize('global', 'count in parameters')));
    return Float64Array.from(scored[group].scores, (_, unit) => costs[unit] ?? costs[0]);
  });
}

/**
 * Scores as what is lost per cost.
 * @throws PruneError `bad-option` for a negative score, which a higher cost would make less so.
 */
export function sharedOut({ group, scores, ...item }: Scored, costs: Float64Array): Scored {
  const negative = scores.find(score => score < 0 && score > -Infinity);
  if (negative === undefined) return { ...item, group, scores: scores.map((score, unit) => score / costs[unit]) };
  throw new PruneError('bad-option', {
    place: `global, group "${group.name}"`,
    expected: 'no score below 0, to divide by a cost',
    got: String(negative),
    cure: 'Leave per out; of counts in parameters or MACs for any scores.',
  });
}
