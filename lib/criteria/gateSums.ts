/** Example by example: how much the loss of each would change if a unit were turned down. */
import type { Checkpoint } from '../core/checkpoint';
import type { Context } from '../core/context';
import { gatesOf, keyOf, type GroupGate } from '../graph/gates';
import type { Group } from '../graph/group';
import type { Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import type { Shape } from '../rules/rule';
import { averaged, type CalibrationOptions } from './calibration';
import type { Scores } from './criterion';
import { addAt, positionsOf } from './members';

interface GateSumOptions extends CalibrationOptions {
  /** Divide the gradient of each gate by the values it stands on, as a mean over places does. */
  readonly overPlaces: boolean;
}

/** Whether every read of the units can be gated: not the states of an RNN. */
export function canGate(group: Group, traced: Trace): boolean {
  return gatesOf(traced, group) !== undefined;
}

/** The mean over examples of `value` of the signed gate gradients of a unit, summed over its gates. */
export async function averagedGateSums(
  name: string,
  groups: readonly Group[],
  model: Checkpoint,
  context: Context<'gradients'>,
  { overPlaces, ...options }: GateSumOptions,
  value: (sum: number) => number,
): Promise<readonly Scores[]> {
  const { gates, members } = shared(groups, trace(model), overPlaces);
  return averaged(name, groups, options, context, see =>
    context.gradients.gates(
      model,
      gates,
      arrays => {
        const examples = arrays[0].shape[0];
        const sums = groups.map(({ units }) => Array.from({ length: examples }, () => new Float64Array(units.length)));
        members.forEach(({ group, gate, at, shares }) => addTo(sums[group], arrays[gate].data, at, shares));
        return see(sums.map(rows => rows.map(row => row.map(value))));
      },
      options,
    ),
  );
}

/** Of one group at one gate: the member at each position, and what a gradient there counts for. */
interface GateMembers {
  readonly group: number;
  readonly gate: number;
  readonly at: Int32Array;
  readonly shares: Float64Array;
}

/** Groups that meet in a concatenation are read by one gate. */
function shared(groups: readonly Group[], traced: Trace, overPlaces: boolean) {
  const gates: GroupGate[] = [];
  const indices = new Map<string, number>();
  const members = groups.flatMap((group, index) =>
    (gatesOf(traced, group) ?? []).map((gate): GateMembers => {
      const key = keyOf(gate);
      if (!indices.has(key)) indices.set(key, gates.push(gate) - 1);
      const shares = overPlaces ? placesOf(gate, group).map(places => 1 / places) : new Float64Array(group.units.length).fill(1); // prettier-ignore
      return { group: index, gate: indices.get(key)!, at: gate.members, shares };
    }),
  );
  return { gates, members };
}

/** How many values of an example each unit has where `gate` is; a size that is not known counts as 1. */
function placesOf({ shape, axis, members }: GroupGate, { units }: Group): Float64Array {
  const others = sizeBeside(shape, axis);
  return positionsOf(members, units.length).map(positions => positions * others);
}

function sizeBeside(shape: Shape, axis: number): number {
  return shape.reduce<number>((size, each, a) => (a === 0 || a === axis ? size : size * (each ?? 1)), 1);
}

function addTo(rows: readonly Float64Array[], data: ArrayLike<number>, at: Int32Array, shares: Float64Array): void {
  rows.forEach((row, example) => addAt(row, data, example * at.length, at, shares));
}
