/** The book a trace keeps: units, which of them are one, which may never go, and the weight axes that hold them. */
import { PruneError } from '../core/errors';
import { MODEL_OUTPUT } from '../rules/input';
import type { Flow, Kind, LayerRule, LocalSite, Unit, Width } from '../rules/rule';
import type { Config } from '../core/checkpoint';
import { unionFind, type UnionFind } from './unionFind';

/** One axis of one weight in the model, and the unit at each position. */
export interface Site extends LocalSite {
  /** Path of the layer. */
  readonly layer: string;
}

/** One call of one layer. A flow that one call makes and another reads is one object in both. */
export interface Call {
  readonly layer: string;
  /** Which of the calls in its config, from 0; of a layer in a model that is called several times each comes several times. */
  readonly node: number;
  readonly rule: LayerRule;
  readonly config: Config;
  readonly inputs: readonly Flow[];
  readonly outputs: readonly Flow[];
}

/** One call that said of several widths that they are one. */
export interface Tie {
  readonly layer: string;
  readonly width: Width;
  /** It tied one flow to units of its own, which every call of the layer shares: its calls depend on each other. */
  readonly acrossCalls: boolean;
}

/** One call that reads units without a weight. */
export interface BareRead {
  readonly layer: string;
  readonly width: Width;
}

/** Where the units lie that flow into a nested model, and how many they are. */
export interface Entry {
  readonly axis: number;
  readonly width: Width;
}

/** Everything a walk finds. Units are numbered in the order of their making; coupled ones share the smallest number. */
export interface Trace {
  readonly sites: readonly Site[];
  readonly calls: readonly Call[];
  /** Who made units one, in the order of the calls. */
  readonly ties: readonly Tie[];
  /** What leaves the model. */
  readonly outputs: readonly Flow[];
  /** What enters nested models, by the path of their first layers. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** Why a unit can never go. */
  readonly frozen: ReadonlyMap<Unit, string>;
  /** Units that something reads without a weight: to mask one is to zero what makes it. */
  readonly bare: ReadonlySet<Unit>;
  /** Where they are read so, in the order of the calls. */
  readonly bareReads: readonly BareRead[];
  kindOf(unit: Unit): Kind;
  /** Path of the layer that made the unit first. */
  makerOf(unit: Unit): string;
}

export interface Ledger {
  weightsOf(layer: string): readonly (readonly number[])[];
  fresh(layer: string, key: string, length: number, kind: Kind): Width;
  /** Makes `widths` one for the call of `layer`. */
  unify(layer: string, widths: readonly Width[]): Width;
  regard(width: Width, kind: Kind): void;
  freeze(width: Width, reason: string): void;
  readBare(layer: string, width: Width): void;
  shift(width: Width, reason: string): void;
  record(layer: string, site: LocalSite): void;
  recordCall(call: Call): void;
  /** Notes what flows into the layer at which a nested model begins. */
  enter(layer: string, flow: Entry): void;
  /** Ends the book; `outputs` are what leaves the model. */
  close(outputs: readonly Flow[]): Trace;
}

export function ledger(weightsOf: Ledger['weightsOf']): Ledger {
  const units = unionFind();
  const made = unitMaker(units);
  const frozen: Reasoned[] = [];
  const shifted: Reasoned[] = [];
  const bare: BareRead[] = [];
  const regarded: Reasoned[] = [];
  const sites = new Map<string, Site>();
  const calls: Call[] = [];
  const ties: Tie[] = [];
  const entries = new Map<string, Entry>();
  const join = ([first, ...others]: readonly Width[]): Width => {
    for (const width of others) for (let i = 0; i < first.length; i++) units.union(first[i], width[i]);
    return first;
  };
  return {
    weightsOf,
    unify(layer, widths) {
      ties.push(...tieOf(layer, widths, made.makers));
      return join(widths);
    },
    fresh: made.fresh,
    regard: (width, kind) => void regarded.push({ width, reason: kind }),
    freeze: (width, reason) => void frozen.push({ width, reason }),
    readBare: (layer, width) => void bare.push({ layer, width }),
    shift: (width, reason) => void shifted.push({ width, reason }),
    recordCall: call => void calls.push(call),
    enter: (layer, { axis, width }) => void entries.set(layer, { axis, width }),
    record(layer, site) {
      requireFit(layer, site, weightsOf(layer)[site.weight]);
      const key = `${layer}:${site.weight}:${site.axis}`;
      const known = sites.get(key);
      if (known) join([known.width, site.width]);
      else sites.set(key, { ...site, layer });
    },
    close: outputs =>
      settle({ units, made, frozen, shifted, bare, regarded, ties, outputs }, [...sites.values()], calls, entries),
  };
}

/** None where all the widths are the same units. */
function tieOf(layer: string, widths: readonly Width[], makers: readonly Maker[]): Tie[] {
  const [first] = widths;
  if (widths.every(width => width.every((unit, i) => unit === first[i]))) return [];
  const own = widths.filter(width => width.every(unit => makers[unit].layer === layer));
  return [{ layer, width: first, acrossCalls: own.length > 0 && widths.length - own.length === 1 }];
}

interface Open {
  readonly units: UnionFind;
  readonly made: ReturnType<typeof unitMaker>;
  readonly frozen: readonly Reasoned[];
  readonly shifted: readonly Reasoned[];
  readonly bare: readonly BareRead[];
  readonly regarded: readonly Reasoned[];
  readonly ties: readonly Tie[];
  readonly outputs: readonly Flow[];
}

/** Every unit under the number that speaks for its set. */
function settle(
  { units, made, frozen, shifted, bare, regarded, ties, outputs }: Open,
  sites: readonly Site[],
  calls: readonly Call[],
  entries: ReadonlyMap<string, Entry>,
): Trace {
  const final = finalWidths(units);
  const bareUnits = new Set(bare.flatMap(({ width }) => [...width.map(units.find)]));
  const spoiled = shifted.map(({ width, reason }) => ({
    width: width.filter(unit => bareUnits.has(units.find(unit))),
    reason: `${reason}, and a layer after it reads it without a weight`,
  }));
  // First, so that what leaves the model says so whatever else befalls it.
  const leaving = outputs.map(({ width }) => ({ width, reason: MODEL_OUTPUT }));
  const kinds = firstReasons(regarded, units.find);
  const flows = new Map<Flow, Flow>();
  const finalFlow = (flow: Flow): Flow => {
    if (!flows.has(flow)) flows.set(flow, final(flow));
    return flows.get(flow)!;
  };
  return {
    sites: sites.map(final),
    calls: calls.map(call => ({ ...call, inputs: call.inputs.map(finalFlow), outputs: call.outputs.map(finalFlow) })),
    ties: ties.map(final),
    outputs: outputs.map(finalFlow),
    entries: new Map([...entries].map(([layer, entry]) => [layer, final(entry)])),
    frozen: firstReasons([...leaving, ...frozen, ...spoiled], units.find),
    bare: bareUnits,
    bareReads: bare.map(final),
    kindOf: unit => kinds.get(unit) ?? made.makers[unit].kind,
    makerOf: unit => made.makers[unit].layer,
  };
}

/** Widths that were one array stay one, so that each is looked through once, here and later. */
function finalWidths({ find }: UnionFind): <T extends { readonly width: Width }>(at: T) => T {
  const known = new Map<Width, Width>();
  return at => {
    const width = known.get(at.width) ?? at.width.map(find);
    known.set(at.width, width);
    return { ...at, width };
  };
}

interface Maker {
  readonly layer: string;
  readonly kind: Kind;
}

interface Reasoned {
  readonly width: Width;
  readonly reason: string;
}

/** Numbers new units, and remembers who made them. */
function unitMaker(units: UnionFind) {
  const made = new Map<string, Width>();
  const makers: Maker[] = [];
  const fresh: Ledger['fresh'] = (layer, key, length, kind) => {
    const id = `${layer}:${key}`;
    const known = made.get(id);
    if (known?.length === length) return known;
    const first = units.add(length);
    const width = Int32Array.from({ length }, (_, i) => first + i);
    for (let i = 0; i < length; i++) makers.push({ layer, kind });
    made.set(id, width);
    return width;
  };
  return { fresh, makers };
}

function firstReasons(frozen: readonly Reasoned[], find: (unit: Unit) => Unit): Map<Unit, string> {
  const reasons = new Map<Unit, string>();
  for (const { width, reason } of frozen) {
    for (const unit of width) {
      const root = find(unit);
      if (!reasons.has(root)) reasons.set(root, reason);
    }
  }
  return reasons;
}

function requireFit(
  layer: string,
  { weight, axis, width, parameter }: LocalSite,
  shape: readonly number[] | undefined,
): void {
  if (shape?.[axis] === width.length) return;
  throw new PruneError('bad-model', {
    place: `layer "${layer}"`,
    expected: `weight ${weight} (${parameter}) with ${width.length} positions on axis ${axis}`,
    got: shape ? `shape [${shape.join(', ')}]` : 'no such weight',
    cure: 'Weights and topology disagree; save the model again.',
  });
}
