/** What cuts save, counted in shapes: no weight is touched. */
import { sizeOf } from '../core/array';
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import type { PlanCost } from './plan';
import { shapesAfter } from './cutCost';
import { staying } from './slice';
import { callShapes } from '../graph/cost';
import type { Group } from '../graph/group';
import type { Call, Site, Trace } from '../graph/ledger';
import type { Unit, Width } from '../rules/rule';

/**
 * What each of `cuts` saves if it alone is made, exactly as if it were; no unit is in two of them. One pass over the
 * model, then only what a cut touches.
 */
export function savingsOf(model: Checkpoint, traced: Trace, cuts: readonly ReadonlySet<Unit>[]): readonly PlanCost[] {
  const touched = touchedBy(traced, cuts);
  return cuts.map((removed, i) => {
    const { sites, calls } = touched[i];
    const shapes = cutShapes(model, sites, removed);
    let [parameters, bytes, macs] = [0, 0, 0];
    for (const [layer, after] of shapes) {
      weightsOf(model, layer).forEach(({ shape, data }, weight) => {
        const fewer = sizeOf(shape) - sizeOf(after[weight]);
        parameters += fewer;
        bytes += fewer * data.BYTES_PER_ELEMENT;
      });
    }
    for (const call of calls) {
      const before = callShapes(model.weights, call);
      const after = shapesAfter(call, shapes.get(call.layer) ?? before.weights, removed);
      macs += (call.rule.macs?.(before) ?? 0) - (call.rule.macs?.(after) ?? 0);
    }
    return { parameters, ...(Number.isNaN(macs) ? {} : { macs }), bytes };
  });
}

/**
 * What each unit of each group saves if it alone goes. Units that lie alike, as often on every axis, save the same and are counted
 * once.
 */
export function unitSavings(
  model: Checkpoint,
  traced: Trace,
  groups: readonly Pick<Group, 'units'>[],
): readonly (readonly PlanCost[])[] {
  const lies = liesOf(traced);
  const kinds = groups.map(({ units }) => units.map(unit => lies.get(unit) ?? ''));
  const first = new Map(groups.flatMap(({ units }, g) => units.map((unit, i) => [kinds[g][i], unit])));
  const savings = savingsOf(
    model,
    traced,
    [...first.values()].map(unit => new Set([unit])),
  );
  const known = new Map([...first.keys()].map((kind, i) => [kind, savings[i]]));
  return kinds.map(own => own.map(kind => known.get(kind)!));
}

/** For each unit how often it lies on each width. */
function liesOf({ sites, calls }: Trace): ReadonlyMap<Unit, string> {
  const flows = calls.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  const widths = new Set([...sites, ...flows].map(({ width }) => width));
  const lies = new Map<Unit, string>();
  [...widths].forEach((width, number) => {
    const counts = new Map<Unit, number>();
    for (const unit of width) counts.set(unit, (counts.get(unit) ?? 0) + 1);
    for (const [unit, count] of counts) lies.set(unit, `${lies.get(unit) ?? ''} ${number}x${count}`);
  });
  return lies;
}

interface Touched {
  readonly sites: Set<Site>;
  readonly calls: Set<Call>;
}

function touchedBy({ sites, calls }: Trace, cuts: readonly ReadonlySet<Unit>[]): readonly Touched[] {
  const cutOf = new Map(cuts.flatMap((units, cut) => Array.from(units, unit => [unit, cut] as const)));
  const found = cuts.map((): Touched => ({ sites: new Set(), calls: new Set() }));
  const at = (width: Width): Set<number | undefined> => new Set(Array.from(width, unit => cutOf.get(unit)));
  const callsOf = new Map<string, Call[]>();
  for (const call of calls) callsOf.set(call.layer, [...(callsOf.get(call.layer) ?? []), call]);
  for (const site of sites) {
    for (const cut of at(site.width)) {
      if (cut === undefined) continue;
      found[cut].sites.add(site);
      for (const call of callsOf.get(site.layer) ?? []) found[cut].calls.add(call);
    }
  }
  for (const call of calls) {
    for (const { width } of [...call.inputs, ...call.outputs]) {
      for (const cut of at(width)) if (cut !== undefined) found[cut].calls.add(call);
    }
  }
  return found;
}

/** The shapes of all weights of the layers of `sites` after the cut. */
function cutShapes(model: Checkpoint, sites: Iterable<Site>, removed: ReadonlySet<Unit>): Map<string, number[][]> {
  const shapes = new Map<string, number[][]>();
  for (const { layer, weight, axis, width } of sites) {
    const own = shapes.get(layer) ?? weightsOf(model, layer).map(({ shape }) => [...shape]);
    own[weight][axis] = staying(width, removed).length;
    shapes.set(layer, own);
  }
  return shapes;
}
