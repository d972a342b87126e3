/** As many units as a target in MACs or parameters allows to keep. */
import type { Checkpoint } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { costAfter, type CutCost } from '../edit/cutCost';
import { trace } from '../graph/trace';
import { checkBudget, withSettings, type Budget, type BudgetOptions, type Scored, type Survivors } from './budget';
import { global } from './global';

/** Fractions in (0, 1] of what the model costs before the cut. */
export interface CostTarget {
  /** Most multiply-accumulates that may stay. */
  readonly macs?: number;
  /** Most parameters that may stay. */
  readonly parameters?: number;
}

export interface CostTargetOptions extends CostTarget, Omit<BudgetOptions, 'ratio'> {
  /**
   * How units are compared: `uniform`, `global` (the default), `isomorphic`, or a function of your own that gives a budget
   * for a ratio; a higher ratio must remove the same units, and more.
   */
  readonly scope?: (options: BudgetOptions) => Budget;
}

/**
 * Removes as few units, in the order of `scope`, as bring the cost down to the target or just below it; of two targets both
 * are met. Costs are counted exactly, after rounding to `multipleOf`. `minimum` is 1 unless given.
 * @throws PruneError `bad-option`; when run, `bad-model` for a target in MACs where an input size is unknown, `empty-group`
 * when the floors do not let the target be met; it tells the lowest cost that they do.
 */
export function costTarget({ macs, parameters, scope = global, minimum = 1, multipleOf }: CostTargetOptions): Budget {
  const target = { macs, parameters };
  checkTarget(target);
  const options = { minimum, multipleOf };
  checkBudget('costTarget', { ...options, ratio: 0 });
  const budget: Budget = (scored, model) => {
    const count = counter(scored, model);
    const dense = count(new Map());
    if (macs !== undefined && dense.macs === undefined) throw openSize();
    const at = (ratio: number): Candidate => count(scope({ ...options, ratio })(scored, model));
    const { last, found } = search(at, candidate => unmet(candidate, dense, target) === undefined);
    if (found === undefined) throw outOfReach(last, dense, target);
    return found.survivors;
  };
  return withSettings(budget, { macs, parameters, scope, minimum, multipleOf });
}

interface Candidate extends CutCost {
  readonly survivors: Survivors;
  /** Units that stay, of those scored. */
  readonly units: number;
}

/** After so many, units that go at different ratios are told apart. */
const HALVINGS = 45;

/**
 * By bisection the candidate of the lowest ratio that is enough, and the last before it; for every scope a candidate of a
 * higher ratio has lost the same units and more.
 */
function search(
  at: (ratio: number) => Candidate,
  isEnough: (candidate: Candidate) => boolean,
): { last: Candidate; found: Candidate | undefined } {
  let [low, high] = [0, 1];
  let last = at(low);
  if (isEnough(last)) return { last, found: last };
  let found: Candidate | undefined;
  for (let i = 0; i < HALVINGS && !(found && last.units - found.units <= 1); i++) {
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
function counter(scored: readonly Scored[], model: Checkpoint): (survivors: Survivors) => Candidate {
  const traced = trace(model);
  const known = new Map<string, CutCost>();
  return survivors => {
    const kept = scored.map(({ group }) => survivors.get(group.name) ?? [...group.units.keys()]);
    const key = kept.map(({ length }) => length).join();
    const removed = (): number[] => scored.flatMap(({ group }, i) => without(group.units, kept[i]));
    const cost = known.get(key) ?? costAfter(model, traced, new Set(removed()));
    known.set(key, cost);
    return { ...cost, survivors, units: kept.reduce((sum, { length }) => sum + length, 0) };
  };
}

function without(units: readonly number[], kept: readonly number[]): number[] {
  const stays = new Set(kept);
  return units.filter((_, index) => !stays.has(index));
}

type Measure = keyof CostTarget;
const MEASURES: readonly Measure[] = ['macs', 'parameters'];
const WORDS: Readonly<Record<Measure, string>> = { macs: 'MACs', parameters: 'parameters' };

/** The first target that `cost` does not meet. */
function unmet(cost: CutCost, dense: CutCost, target: CostTarget): Measure | undefined {
  return MEASURES.find(measure => cost[measure]! > (target[measure] ?? 1) * dense[measure]!);
}

function checkTarget(target: CostTarget): void {
  const given = MEASURES.filter(measure => target[measure] !== undefined);
  if (given.length === 0) throw badTarget('macs or parameters', 'neither', 'Pass for example macs: 0.5.');
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

function openSize(): PruneError {
  return new PruneError('bad-model', {
    place: 'costTarget',
    expected: 'a model whose MACs can be counted',
    got: 'one with an open input size',
    cure: 'Give the target in parameters, or fix the input shape of the model.',
  });
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
