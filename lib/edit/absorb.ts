/** Makes good a constant that is missing from what a layer gives: in its bias, or behind it. */
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import type { NdArray } from '../core/array';
import type { Call, Site, Trace } from '../graph/ledger';
import { exactly, isExact, type Constant } from '../rules/arithmetic';
import type { Flow, Unit } from '../rules/rule';
import { arithmeticOf, callWith } from './constants';

/** The model with the constant made good, or why that cannot be done. */
export type Absorbed = { readonly model: Checkpoint } | { readonly reason: string };

/**
 * Adds `missing` to what `layer` gives before its activation, for every example and place: to its bias or, where it has
 * none, to what follows it (mean of a BatchNormalization, biases), all of it or nothing. `removed` units need nothing: nobody
 * will read them.
 */
export function absorb(
  model: Checkpoint,
  traced: Trace,
  layer: string,
  missing: Float64Array,
  removed: ReadonlySet<Unit> = new Set(),
): Absorbed {
  if (missing.every(value => value === 0)) return { model };
  const bias = siteOf(traced, layer, 'bias');
  if (bias) return { model: added(model, bias, missing) };
  const ways = followers(model, traced, layer, missing, removed);
  if (typeof ways === 'string') return { reason: `"${layer}" has no bias, and ${ways}` };
  let result = model;
  for (const [taker, amounts] of ways) {
    const [first] = amounts;
    const calls = traced.calls.filter(call => call.layer === taker).length;
    const agree = amounts.length === calls && amounts.every(amount => amount.every((value, i) => value === first[i]));
    if (!agree) return { reason: `"${layer}" has no bias, and the calls of "${taker}" behind it differ` };
    const bias = siteOf(traced, taker, 'bias');
    result = bias ? added(result, bias, first) : added(result, siteOf(traced, taker, 'mean')!, first, -1);
  }
  return { model: result };
}

/** What each layer behind `layer` must take, call by call, so that nothing is missing after it; or what is in the way. */
function followers(
  model: Checkpoint,
  traced: Trace,
  layer: string,
  missing: Float64Array,
  removed: ReadonlySet<Unit>,
): Map<string, Float64Array[]> | string {
  const open = new Map<Flow, Constant>();
  const taken = new Map<string, Float64Array[]>();
  const leave = (call: Call, constant: Constant): string | undefined => {
    const [flow] = call.outputs;
    const left = without(constant, flow, removed);
    if (left.value.every((_, i) => isExact(left, i) && left.value[i] === 0)) return undefined;
    if (arithmeticOf(call)?.bends?.(call.config)) return `"${call.layer}" bends what it gives`;
    if (traced.outputs.includes(flow)) return 'it leaves the model';
    open.set(flow, left);
    return undefined;
  };
  for (const call of traced.calls) {
    const own = call.layer === layer;
    const reached = call.inputs.some(flow => open.has(flow));
    if (own && reached) return 'it reads what it gives';
    let problem: string | undefined;
    if (own) problem = leave(call, exactly(missing));
    else if (reached) problem = passOn(model, traced, call, open, taken) ?? leaveLinear(call);
    if (problem) return problem;
  }
  return taken;

  function leaveLinear(call: Call): string | undefined {
    if (taken.has(call.layer)) return undefined;
    return leave(call, linearOf(model, call, open)!);
  }
}

/** Notes what a layer with a mean or a bias must take; says what is in the way of passing it on. */
function passOn(
  model: Checkpoint,
  traced: Trace,
  call: Call,
  open: ReadonlyMap<Flow, Constant>,
  taken: Map<string, Float64Array[]>,
): string | undefined {
  const linear = linearOf(model, call, open);
  if (linear === undefined) return `"${call.layer}" is not linear`;
  const mean = siteOf(traced, call.layer, 'mean');
  const amount = mean ? open.get(call.inputs[0])! : linear;
  if (!mean && !siteOf(traced, call.layer, 'bias')) return undefined;
  if (amount.value.some((_, i) => !isExact(amount, i))) return `"${call.layer}" sees it differ by place`;
  taken.set(call.layer, [...(taken.get(call.layer) ?? []), amount.value]);
  return undefined;
}

function linearOf(model: Checkpoint, call: Call, open: ReadonlyMap<Flow, Constant>): Constant | undefined {
  const held = (flow: Flow): Constant => open.get(flow) ?? exactly(new Float64Array(flow.width.length));
  return arithmeticOf(call)?.linear?.(callWith(model, call, held));
}

function without({ value, low, high }: Constant, { width }: Flow, removed: ReadonlySet<Unit>): Constant {
  const kept = (values: Float64Array): Float64Array => values.map((x, i) => (removed.has(width[i]) ? 0 : x));
  return { value: kept(value), low: kept(low), high: kept(high) };
}

function siteOf({ sites }: Trace, layer: string, parameter: string): Site | undefined {
  return sites.find(site => site.layer === layer && site.parameter === parameter);
}

function added(model: Checkpoint, { layer, weight }: Site, amount: Float64Array, sign = 1): Checkpoint {
  const add = (array: NdArray): NdArray => ({
    ...array,
    data: Float32Array.from(array.data, (value, i) => value + sign * amount[i]),
  });
  const arrays = weightsOf(model, layer).map((array, i) => (i === weight ? add(array) : array));
  return { ...model, weights: new Map(model.weights).set(layer, arrays) };
}
