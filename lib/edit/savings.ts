/** What cuts save, counted in shapes: no weight is touched. */
import { sizeOf } from '../core/array';
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import type { PlanCost } from './plan';
import { shapesAfter } from './cutCost';
import { staying } from './slice';
import { callShapes } from '../graph/cost';
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
