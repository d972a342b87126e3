/** Where the units of groups can be switched off by a factor on what flows, one factor per example. */
import type { Gate } from '../core/context';
import { membersAt, type Group } from './group';
import type { Call, Site, Trace } from './ledger';

/** A gate, and for each of its positions the index of its unit in the group, or -1. */
export interface GroupGate extends Gate {
  readonly members: Int32Array;
}

/**
 * The gates that together switch the units of `group` off exactly as a mask does: one on each input that a weight reads them from. Undefined
 * where a unit is also read without a weight, or by a weight that reads no input of its layer (the state of an RNN).
 */
export function gatesOf({ calls, bare }: Trace, group: Group): readonly GroupGate[] | undefined {
  if (group.units.some(unit => bare.has(unit))) return undefined;
  const gates = new Map<string, GroupGate>();
  for (const site of group.sites) {
    if (site.role !== 'reads') continue;
    const gate = gateOf(site, calls);
    if (gate === undefined) return undefined;
    const members = membersAt(group, site);
    gates.set(`${gate.layer}:${gate.input}`, { ...gate, members });
  }
  return [...gates.values()];
}

function gateOf({ layer, width, parameter }: Site, calls: readonly Call[]): Gate | undefined {
  if (parameter === 'recurrentKernel') return undefined; // reads the state, though an input may hold the same units
  const call = calls.find(each => each.layer === layer);
  const input = call?.inputs.findIndex(flow => flow.axis > 0 && sameWidth(flow.width, width)) ?? -1;
  return call && input >= 0 ? { layer, input, axis: call.inputs[input].axis } : undefined;
}

function sameWidth(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
