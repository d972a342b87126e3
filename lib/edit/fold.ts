/** Removal without a trace: what a removed unit gives that is the same for every example moves into those that read it. */
import { checkKeyword, checkNumber } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import type { Call, Trace } from '../graph/ledger';
import { isExact, type Constant } from '../rules/arithmetic';
import type { Flow, Unit } from '../rules/rule';
import { absorb } from './absorb';
import { arithmeticOf, callWith, constants } from './constants';

/**
 * exact: only where nothing changes anywhere. bounded: also where zeros around an image make the edge differ, and where a gamma
 * is near zero.
 */
export type FoldMode = 'exact' | 'bounded';

export interface FoldOptions {
  readonly mode?: FoldMode;
  /** A gamma of at most this size counts as zero; then nothing is exact and only `mode: 'bounded'` folds it. Default 0. */
  readonly deadGamma?: number;
}

/** A unit whose constant now lies in the reader's bias, or behind it. */
export interface FoldedRead {
  readonly unit: Unit;
  /** Path of the layer that reads it. */
  readonly layer: string;
  readonly exact: boolean;
  /** Largest error it leaves in an output of that layer before its activation; infinite where a gamma is not quite zero. */
  readonly bound: number;
}

export interface LeftRead {
  readonly unit: Unit;
  readonly layer: string;
  /** For people. */
  readonly reason: string;
}

export interface Fold {
  /** Same shapes; biases and means moved. */
  readonly model: Checkpoint;
  readonly folded: readonly FoldedRead[];
  /** What still counts as zero once it is removed. */
  readonly left: readonly LeftRead[];
}

/**
 * `model` changed so that to remove the `removed` units changes as little as possible: units that hold a constant are
 * folded into the layers that read them. Masked and sliced it is one and the same, as any model is. Where nothing is
 * `left` and all is exact, the smaller model computes what `model` does.
 * @throws PruneError `bad-option`.
 */
export function foldConstants(
  model: Checkpoint,
  traced: Trace,
  removed: ReadonlySet<Unit>,
  { mode = 'exact', deadGamma = 0 }: FoldOptions = {},
): Fold {
  checkKeyword('fold', 'mode', mode, ['exact', 'bounded']);
  checkNumber('fold', 'deadGamma', deadGamma, { least: 0 });
  const known = constants(model, traced, { dead: deadGamma });
  const folded: FoldedRead[] = [];
  const left: LeftRead[] = [...traced.bare]
    .filter(unit => removed.has(unit))
    .map(unit => ({ unit, layer: traced.makerOf(unit), reason: 'something reads it without a weight' }));
  let result = model;
  for (const [layer, units] of readersOf(traced, removed)) {
    const calls = traced.calls.filter(call => call.layer === layer);
    const reads = [...units].map(unit => readOf(model, calls, unit, known, mode));
    const good = reads.filter(read => read.sum !== undefined);
    const missing = totalOf(good);
    const absorbed = absorb(result, traced, layer, missing, removed);
    const reason = 'reason' in absorbed ? absorbed.reason : undefined;
    if ('model' in absorbed) result = absorbed.model;
    for (const { unit, sum, reason: own } of reads) {
      if (sum !== undefined && reason === undefined) folded.push({ unit, layer, ...errorOf(sum) });
      else left.push({ unit, layer, reason: own ?? reason! });
    }
  }
  return { model: result, folded, left };
}

/** Whether removing the units changes nothing at all. */
export function isWhole({ folded, left }: Fold): boolean {
  return folded.length > 0 && left.length === 0 && folded.every(({ exact }) => exact);
}

/** Layers with a weight that reads removed units, and those units. */
function readersOf({ sites }: Trace, removed: ReadonlySet<Unit>): Map<string, Set<Unit>> {
  const readers = new Map<string, Set<Unit>>();
  for (const { layer, role, width } of sites) {
    if (role !== 'reads') continue;
    const units = width.filter(unit => removed.has(unit));
    if (units.length > 0) readers.set(layer, new Set([...(readers.get(layer) ?? []), ...units]));
  }
  return readers;
}

interface Read {
  readonly unit: Unit;
  /** What the unit adds to the outputs of the layer, before bias and activation. */
  readonly sum?: Constant;
  readonly reason?: string;
}

function readOf(
  model: Checkpoint,
  calls: readonly Call[],
  unit: Unit,
  known: ReadonlyMap<Flow, Constant>,
  mode: FoldMode,
): Read {
  const left = (reason: string): Read => ({ unit, reason });
  let first: Constant | undefined;
  for (const call of calls) {
    const { linear } = arithmeticOf(call) ?? {};
    if (linear === undefined || call.inputs.length !== 1) return left('its reader does not say what it computes');
    const [flow] = call.inputs;
    const held = known.get(flow);
    if (!isHeld(held, flow, unit)) return left('it depends on the example');
    const sum = linear(callWith(model, call, () => onlyOf(held!, flow, unit)));
    if (sum === undefined || sum.value.some(Number.isNaN)) return left('its reader does not say what it computes');
    const { exact, bound } = errorOf(sum);
    if (mode === 'exact' && !exact) {
      return left(bound < Infinity ? 'zeros around the image make its edge differ' : 'its gamma is not quite zero');
    }
    if (first && !same(first, sum)) return left('the calls of its reader see it differ');
    first = sum;
  }
  return { unit, sum: first };
}

function isHeld(held: Constant | undefined, { width }: Flow, unit: Unit): boolean {
  return width.every((u, i) => u !== unit || (held !== undefined && !Number.isNaN(held.value[i])));
}

/** Zero but where the unit is. */
function onlyOf({ value, low, high }: Constant, { width }: Flow, unit: Unit): Constant {
  const only = (values: Float64Array): Float64Array => values.map((x, i) => (width[i] === unit ? x : 0));
  return { value: only(value), low: only(low), high: only(high) };
}

function errorOf(sum: Constant): { exact: boolean; bound: number } {
  const { value, low, high } = sum;
  const errors = value.map((x, i) => Math.max(high[i] - x, x - low[i]));
  return { exact: value.every((_, i) => isExact(sum, i)), bound: Math.max(0, ...errors) };
}

function same(a: Constant, b: Constant): boolean {
  return a.value.length === b.value.length && a.value.every((x, i) => x === b.value[i]);
}

function totalOf(reads: readonly Read[]): Float64Array {
  const total = Float64Array.from(reads[0]?.sum?.value ?? []);
  for (const { sum } of reads.slice(1)) sum!.value.forEach((x, i) => (total[i] += x));
  return total;
}
