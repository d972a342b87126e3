/** Where the units of groups can be switched off by a factor on what flows, one factor per example. */
import type { Gate } from '../core/context';
import { sameWidth, type Shape, type Width } from '../rules/rule';
import { membersAt, type Group } from './group';
import type { Trace } from './ledger';

/** A gate, and for each of its positions the index of its unit in the group, or -1. */
export interface GroupGate extends Gate {
  readonly members: Int32Array;
  /** Of the input that it is on. */
  readonly shape: Shape;
}

/**
 * The gates that together switch the units of `group` off exactly as a mask does: on each input that something reads them from, with a
 * weight or without one (a norm, a product). Undefined where one of these reads is not of an input of its layer (the state of an RNN).
 */
export function gatesOf(traced: Trace, group: Group): readonly GroupGate[] | undefined {
  const own = new Set(group.units);
  const bare = traced.bareReads.filter(({ width }) => width.some(unit => own.has(unit)));
  const [weighted, others] = [readsOf(traced, group), gatesAt(traced, group, bare)];
  if (weighted === undefined || others === undefined) return undefined;
  return [...new Map([...weighted, ...others].map(gate => [keyOf(gate), gate])).values()];
}

/** Of these gates those on inputs that a weight reads the units from. Undefined where a weight reads no input of its layer. */
export function readsOf(traced: Trace, { sites, units }: Group): readonly GroupGate[] | undefined {
  const reads = sites.filter(({ role }) => role === 'reads');
  // It reads the state, though an input may hold the same units.
  if (reads.some(({ parameter }) => parameter === 'recurrentKernel')) return undefined;
  return gatesAt(traced, { units }, reads);
}

interface Read {
  readonly layer: string;
  readonly width: Width;
}

/** On every input that holds what is read; undefined where there is none, or where another call has other units in that place. */
function gatesAt(
  { calls }: Trace,
  group: Pick<Group, 'units'>,
  reads: readonly Read[],
): readonly GroupGate[] | undefined {
  const gates = new Map<string, GroupGate>();
  for (const { layer, width } of reads) {
    const own = calls.filter(call => call.layer === layer);
    const found = own.flatMap(({ inputs }) =>
      inputs.flatMap(({ shape, axis, width: held }, input) =>
        axis > 0 && sameWidth(held, width) ? [{ layer, input, axis, shape }] : [],
      ),
    );
    const mixed = found.some(({ input, axis }) =>
      own.some(({ inputs }) => (inputs[input]?.shape.length ?? 0) > axis && !sameWidth(inputs[input].width, width)),
    );
    if (found.length === 0 || mixed) return undefined;
    const members = membersAt(group, { width });
    for (const gate of found) gates.set(keyOf(gate), { ...gate, members });
  }
  return [...gates.values()];
}

/** Tells one gate from another. */
export function keyOf({ layer, input }: Pick<Gate, 'layer' | 'input'>): string {
  return `${layer}:${input}`;
}
