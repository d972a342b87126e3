/** What the layers that read units are given, batch by batch: what criteria on activations share. */
import { sizeOf, type NdArray } from '../core/array';
import type { Checkpoint } from '../core/checkpoint';
import type { Context, Observed } from '../core/context';
import { keyOf, readsOf, type GroupGate } from '../graph/gates';
import type { Group } from '../graph/group';
import type { Trace } from '../graph/ledger';
import { averaged, type CalibrationOptions } from './calibration';
import { addAt, positionsOf } from './members';
import type { Scores } from './criterion';

/** Whether a weight reads the units, and all that do read them from an input of a layer: not the state of an RNN. */
export function isRead(group: Group, traced: Trace): boolean {
  return (readsOf(traced, group)?.length ?? 0) > 0;
}

/** What is to be known of an array; default: `[examples, positions of axis]`, row by row: a number for all that it holds of an example at a position. */
export type Measure<T = Float64Array> = (array: NdArray, axis: number) => T;

/**
 * The mean over examples of what `measure` says of a unit: averaged first over its positions, then over all `gates` of its
 * group, those of a shared layer once for each call, and given to `of`. The standard error is that over examples.
 */
export async function averagedReadings(
  name: string,
  groups: readonly Group[],
  gates: readonly (readonly GroupGate[])[],
  model: Checkpoint,
  context: Context<'data'>,
  options: CalibrationOptions,
  measure: Measure,
  of: (mean: number) => number = mean => mean,
): Promise<readonly Scores[]> {
  return averaged(name, groups, options, context, see =>
    observeGates(gates, model, context, options, measure, measured =>
      see(groups.map(({ units }, group) => exampleMeans(units.length, gates[group], measured).map(row => row.map(of)))),
    ),
  );
}

/** What was measured in a batch at a gate, call by call. */
export type Measured<T = Float64Array> = (gate: GroupGate) => readonly T[];

/** Shows `see` what is measured at all `gates`, batch by batch; where groups share a gate it is measured once. */
export async function observeGates<T>(
  gates: readonly (readonly GroupGate[])[],
  model: Checkpoint,
  { data }: Context<'data'>,
  { batches, batchSize }: CalibrationOptions,
  measure: Measure<T>,
  see: (measured: Measured<T>) => boolean,
): Promise<void> {
  const layers = [...new Set(gates.flat().map(({ layer }) => layer))];
  if (layers.length === 0) return;
  await data.observe([{ model, layers }], ([observed]) => see(measuredOnce(observed, measure)), { batches, batchSize });
}

function measuredOnce<T>(observed: Observed, measure: Measure<T>): Measured<T> {
  const known = new Map<string, readonly T[]>();
  return ({ layer, input, axis }) => {
    const key = keyOf({ layer, input });
    const measured = known.get(key) ?? observed.get(layer)!.map(given => measure(given[input], axis));
    known.set(key, measured);
    return measured;
  };
}

/** For each example the mean of what was measured of each unit. */
function exampleMeans(units: number, gates: readonly GroupGate[], measured: Measured): readonly Float64Array[] {
  const rows: Float64Array[] = [];
  let calls = 0;
  for (const gate of gates) {
    const shares = positionsOf(gate.members, units).map(count => 1 / count);
    for (const values of measured(gate)) {
      calls += 1;
      const examples = values.length / gate.members.length;
      while (rows.length < examples) rows.push(new Float64Array(units));
      rows.forEach((row, example) => addAt(row, values, example * gate.members.length, gate.members, shares));
    }
  }
  return rows.map(row => row.map(sum => sum / calls));
}

/** For each example and position of `axis` the sum over places of 1 for what is not zero (`power` 0), of |value| (1), of its square (2). */
export function powerSums({ shape, data }: NdArray, axis: number, power: 0 | 1 | 2): Float64Array {
  const [examples, length] = [shape[0], shape[axis]];
  const [outer, inner] = [sizeOf(shape.slice(1, axis)), sizeOf(shape.slice(axis + 1))];
  const sums = new Float64Array(examples * length);
  for (let example = 0, at = 0; example < examples; example++) {
    for (let o = 0; o < outer; o++) {
      for (let to = example * length; to < (example + 1) * length; to++) {
        let sum = 0;
        for (const end = at + inner; at < end; at++) sum += raised(data[at], power);
        sums[to] += sum;
      }
    }
  }
  return sums;
}

function raised(value: number, power: 0 | 1 | 2): number {
  if (power === 0) return value === 0 ? 0 : 1 + 0 * value; // NaN stays NaN
  return power === 1 ? Math.abs(value) : value * value;
}
