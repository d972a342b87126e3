/** Weights that read units, each with what it is multiplied with: what criteria on both share. */
import { sumAlong } from '../core/array';
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import { readsOf, type GroupGate } from '../graph/gates';
import { membersAt, type Group } from '../graph/group';
import type { Trace } from '../graph/ledger';

/** For each position the sum of the sizes of the weights that read it, or of their squares, and the gate it reads from. */
export interface WeightedRead {
  readonly gate: GroupGate;
  readonly sizes: Float64Array;
}

/** One for each weight that reads units of `group`. */
export function weightedReads(group: Group, traced: Trace, model: Checkpoint, power: 1 | 2): readonly WeightedRead[] {
  const gates = readsOf(traced, group) ?? [];
  const reads = group.sites.filter(({ role }) => role === 'reads');
  return reads.map(site => {
    const members = membersAt(group, site);
    const gate = gates.find(each => each.layer === site.layer && each.members.every((m, i) => m === members[i]))!;
    return { gate, sizes: sumAlong(weightsOf(model, site.layer)[site.weight], site.axis, power) };
  });
}
