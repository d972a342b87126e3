/** The search behind targets: how far a scope has to go until the cut is enough, by cost or by anything that falls with it. */
import type { Checkpoint } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import type { InputSizes } from '../core/shapes';
import { costAfter, type CutCost } from '../edit/cutCost';
import { countingTrace } from '../graph/cost';
import { unitsGone, type Budget, type Scored, type Survivors } from './budget';

export interface Candidate extends CutCost {
  readonly survivors: Survivors;
  /** Units that stay, of those scored. */
  readonly units: number;
}

/** After so many, units that go at different ratios are told apart. */
const HALVINGS = 45;

export interface CostSearch {
  /** What the model costs as it is. */
  readonly dense: Candidate;
  /**
   * By bisection the candidate of the lowest ratio that is enough, and the last before it: where none is, the one that has
   * lost most. For every scope a candidate of a higher ratio has lost the same units and more. Fewer `halvings` are quicker
   * and nearly exact.
   */
  search(
    isEnough: (candidate: Candidate) => boolean,
    halvings?: number,
  ): { last: Candidate; found: Candidate | undefined };
}

/** What a budget is given. */
export interface Searched {
  readonly scored: readonly Scored[];
  readonly model: Checkpoint;
  readonly example: InputSizes | undefined;
}

/** Over the cuts that `scope` makes of `scored` by ratio; costs are counted exactly, and no weight is touched. */
export function costSearch(of: Searched, scope: (ratio: number) => Budget): CostSearch {
  const { scored, model, example } = of;
  const count = counter(of);
  const at = (ratio: number): Candidate => count(scope(ratio)(scored, model, example));
  return { dense: count(new Map()), search: (isEnough, halvings) => bisect(at, isEnough, halvings) };
}

function bisect(
  at: (ratio: number) => Candidate,
  isEnough: (candidate: Candidate) => boolean,
  halvings = HALVINGS,
): { last: Candidate; found: Candidate | undefined } {
  let [low, high] = [0, 1];
  let last = at(low);
  if (isEnough(last)) return { last, found: last };
  let found: Candidate | undefined;
  for (let i = 0; i < halvings && !(found && last.units - found.units <= 1); i++) {
    const middle = (low + high) / 2;
    const candidate = unlessEmptied(() => at(middle));
    if (candidate && !isEnough(candidate)) [low, last] = [middle, candidate];
    else [high, found] = [middle, candidate];
  }
  return { last, found };
}

/** Undefined where the floors do not let so much go. */
function unlessEmptied(candidate: () => Candidate): Candidate | undefined {
  try {
    return candidate();
  } catch (error) {
    if (error instanceof PruneError && error.code === 'empty-group') return undefined;
    throw error;
  }
}

/** Counts what is left with the survivors given; groups that are not named keep all units. Many ratios keep the same. */
function counter({ scored, model, example }: Searched): (survivors: Survivors) => Candidate {
  const traced = countingTrace(model, example);
  const groups = scored.map(({ group }) => group);
  const known = new Map<string, CutCost>();
  return survivors => {
    const kept = groups.map(({ name, units }) => (survivors.get(name) ?? units).length);
    const cost = known.get(kept.join()) ?? costAfter(model, traced, new Set(unitsGone(groups, survivors)));
    known.set(kept.join(), cost);
    return { ...cost, survivors, units: kept.reduce((sum, count) => sum + count, 0) };
  };
}
