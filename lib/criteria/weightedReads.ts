/** Weights that read units, and what they are multiplied with: what criteria on both share. */
import { sumAlong } from '../core/array';
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import type { Context } from '../core/context';
import { keyOf, readsOf, type GroupGate } from '../graph/gates';
import { membersAt, type Group } from '../graph/group';
import type { Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import { averaged, type CalibrationOptions } from './calibration';
import type { Scores } from './criterion';
import { observeGates, type Measure } from './readings';

/** For each position the sum of the sizes of the weights that read it, or of their squares, and the gate it reads from. */
export interface WeightedRead {
  readonly gate: GroupGate;
  readonly sizes: Float64Array;
}

/** What is made of all that is given at gates. */
export interface Sums<T> {
  /** `calls`: what was measured in a batch; a shared layer reads at every call. */
  add(gate: GroupGate, calls: readonly T[]): void;
}

export interface ReadScoring<T, S extends Sums<T>> {
  /** Of the criterion. */
  readonly name: string;
  /** The sizes of weights as they are (1) or their squares (2). */
  readonly power: 1 | 2;
  readonly measure: Measure<T>;
  readonly sums: () => S;
  /** The scores of a group of `units`; `isWhole`: from all batches, not from one. */
  readonly score: (units: number, reads: readonly WeightedRead[], sums: S, isWhole: boolean) => Float64Array;
}

/** Scores from what all batches together say of what weights read; the standard errors are those of the scores of single batches. */
export async function scoreReads<T, S extends Sums<T>>(
  { name, power, measure, sums, score }: ReadScoring<T, S>,
  groups: readonly Group[],
  model: Checkpoint,
  context: Context<'data'>,
  options: CalibrationOptions,
): Promise<readonly Scores[]> {
  const traced = trace(model);
  const reads = groups.map(group => weightedReads(group, traced, model, power));
  const gates = reads.map(all => all.map(({ gate }) => gate));
  const distinct = new Map(gates.flat().map(gate => [keyOf(gate), gate]));
  const whole = sums();
  const batches = await averaged(name, groups, options, context, see =>
    observeGates(gates, model, context, options, measure, measured => {
      const batch = sums();
      for (const gate of distinct.values()) for (const all of [batch, whole]) all.add(gate, measured(gate));
      return see(groups.map(({ units }, i) => [score(units.length, reads[i], batch, false)]));
    }),
  );
  return groups.map(({ units }, i) => ({ ...batches[i], values: score(units.length, reads[i], whole, true) }));
}

/** One for each weight that reads units of `group`. */
function weightedReads(group: Group, traced: Trace, model: Checkpoint, power: 1 | 2): readonly WeightedRead[] {
  const gates = readsOf(traced, group) ?? [];
  const reads = group.sites.filter(({ role }) => role === 'reads');
  return reads.map(site => {
    const members = membersAt(group, site);
    const gate = gates.find(each => each.layer === site.layer && each.members.every((m, i) => m === members[i]))!;
    return { gate, sizes: sumAlong(weightsOf(model, site.layer)[site.weight], site.axis, power) };
  });
}
