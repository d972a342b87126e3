/**
 * criteria: how much each unit matters. A criterion sees one group at a time and returns one score per unit; it knows
 * nothing of budgets (how many go) nor of methods (when).
 * This file: the type.
 */
import type { Checkpoint } from '../core/checkpoint';
import type { Context, Need } from '../core/context';
import type { Group } from '../graph/group';

export interface Criterion<N extends Need = never> {
  readonly name: string;
  /** Where it comes from, with the identifier of the paper. */
  readonly paper?: string;
  readonly needs: readonly N[];
  /** Whether it can score `group`; groups it does not cover keep their units. Default: all. */
  covers?(group: Group): boolean;
  /** One number per unit, in the order of `group.units`: higher = keep. */
  score(group: Group, model: Checkpoint, context: Context<N>): Promise<Float64Array>;
}
