/**
 * criteria: how much each unit matters. A criterion sees the groups of a model and returns one score per unit; it knows
 * nothing of budgets (how many go) nor of methods (when).
 * This file: the type.
 */
import type { Checkpoint } from '../core/checkpoint';
import type { Context, Need } from '../core/context';
import type { Group } from '../graph/group';
import type { Trace } from '../graph/ledger';

export interface Criterion<N extends Need = never> {
  readonly name: string;
  /** Where it comes from, with the identifier of the paper. */
  readonly paper?: string;
  readonly needs: readonly N[];
  /** What it was made with: a run that is resumed must find the same. */
  readonly settings?: unknown;
  /** Whether it can score `group`; groups it does not cover keep their units. Default: all. */
  covers?(group: Group, traced: Trace): boolean;
  /** For each of `groups`, which it covers, its scores: all at once, so that data is gone through once. */
  score(groups: readonly Group[], model: Checkpoint, context: Context<N>): Promise<readonly Scores[]>;
}

export interface Scores {
  /** One per unit, in the order of `group.units`: higher = keep. */
  readonly values: Float64Array;
  /** Of each value, over the batches it was averaged from. */
  readonly standardError?: Float64Array;
}

/** The `score` of a criterion that looks at one group at a time and needs no data. */
export function scoreEach(score: (group: Group, model: Checkpoint, seed: number) => Float64Array): Criterion['score'] {
  return (groups, model, { seed }) => Promise.resolve(groups.map(group => ({ values: score(group, model, seed) })));
}
