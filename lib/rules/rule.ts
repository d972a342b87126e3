/**
 * rules: what each layer class does to units. One file per layer family, one table in index.ts. Rules know configs,
 * shapes and weight axes; they know nothing of graphs, of scores or of tf.js tensors.
 * This file: the types a rule is written in, and the helpers that most rules share.
 */
import type { NdArray } from '../core/array';
import type { Config } from '../core/checkpoint';
import type { Arithmetic } from './arithmetic';
import type { Flow, Shape, Unit, Width } from './flow';

export type { Flow, Shape, Unit, Width };

/** What a unit is, for people; a rule of one's own may use another word. */
export type Kind = 'channels' | 'neurons' | 'cells' | 'heads' | 'dimensions' | 'features' | (string & {});

/** makes: the slice at a position computes that unit. reads: it consumes it. scales: it belongs to it, one to one. */
export type Role = 'makes' | 'reads' | 'scales';

/** One axis of one weight of a layer (`weight` indexes `getWeights()`), and the unit at each position of it. */
export interface LocalSite {
  readonly weight: number;
  readonly axis: number;
  readonly width: Width;
  readonly role: Role;
  /** What the weight is: kernel, bias, gamma, beta, mean, variance, ... */
  readonly parameter: string;
}

/** One call of a layer, and what its rule may do with units. */
export interface LayerCall {
  /** For messages. */
  readonly path: string;
  readonly config: Config;
  readonly inputs: readonly Flow[];
  readonly weights: readonly (readonly number[])[];
  /** New units of this layer; the same `key` gives the same units at every call of a shared layer. */
  fresh(key: string, length: number, kind: Kind): Width;
  /** Declares that at each position the units are one and the same; all widths have one length. */
  unify(...widths: readonly Width[]): Width;
  /** What the units are for people, whatever the layer that made them calls them; the first word counts. */
  regard(width: Width, kind: Kind): void;
  /** These units can never be removed; the reason is for people. */
  freeze(width: Width, reason: string): void;
  /**
   * No weight stands between the units and what reads them (a sum over all of them, a product with others): a removed one
   * counts as zero, so that the masked model must make it zero.
   */
  readBare(width: Width): void;
  /** The units come out different from zero where they went in as zero: no bare read may follow. */
  shift(width: Width, reason: string): void;
}

export interface Traced {
  readonly outputs: readonly Flow[];
  readonly sites?: readonly LocalSite[];
}

/** Shapes of one call, for counting. */
export interface CallShapes {
  readonly config: Config;
  readonly inputs: readonly Shape[];
  readonly outputs: readonly Shape[];
  readonly weights: readonly (readonly number[])[];
}

/** An activation of one call after a cut. */
export interface CutFlow {
  /** Before the cut. */
  readonly shape: Shape;
  readonly axis: number;
  /** Positions of the axis that stay, ascending. */
  readonly kept: readonly number[];
}

/** What stays of one call after a cut. */
export interface CutCall {
  readonly config: Config;
  /** Shapes after the cut. */
  readonly weights: readonly (readonly number[])[];
  readonly inputs: readonly CutFlow[];
  readonly outputs: readonly CutFlow[];
}

/** A layer by itself, with its weights. */
export interface LoneLayer {
  readonly className: string;
  /** Without a name. */
  readonly config: Config;
  readonly weights: readonly NdArray[];
}

/** A layer with its weights, and the shapes of what one call is given. */
export interface HeldCall {
  readonly config: Config;
  readonly weights: readonly NdArray[];
  readonly inputs: readonly Shape[];
}

/** A norm along the units, taken apart: `core` of the input, times `scale`, plus `shift`. */
export interface NormParts {
  /** It divides by a length, and commutes with every orthogonal map of the units. */
  readonly core: LoneLayer;
  /** What comes to the core is first freed of its mean over the units. */
  readonly centres: boolean;
  readonly scale: ArrayLike<number>;
  readonly shift: ArrayLike<number>;
}

/** All the library knows about one layer class. */
export interface LayerRule {
  readonly className: string;
  /** Config keys whose meaning the rule covers, beside the common ones; any other key that is set freezes the layer. */
  readonly understands: readonly string[];
  /** How many weights it cannot do without; default 0. */
  readonly weights?: number;
  /** Where each unit of the inputs goes, and which weights hold it. */
  trace(call: LayerCall): Traced;
  /** Config entries that follow from a cut, such as `filters`. */
  resize?(cut: CutCall): Config;
  /** Multiply-accumulates per example; default 0. NaN when a size is not known. */
  macs?(call: CallShapes): number;
  /** It brings what it is given to one size, place by place: a stream that it has left is a normalised one. */
  readonly normalizes?: true;
  /** The norm taken apart; undefined where its config does not allow it. */
  normParts?(call: HeldCall): NormParts | undefined;
  /**
   * Whether, when one orthogonal matrix turns the units at all its sites and in what it is given, it turns in what it gives; default:
   * no. Norms with {@link normParts} answer for themselves.
   */
  turns?(config: Config): boolean;
  /** What one call does, by a layer of its own: of layers that do different things with one weight. `name` is for the second of them. */
  untied?(call: HeldCall): LoneLayer & { readonly name?: string };
  /** What it computes; where it is not said, constants stop here and nothing is repaired. */
  readonly arithmetic?: Arithmetic;
}

/** Whether both hold the same units in the same order. */
export function sameWidth(a: Width, b: Width): boolean {
  return a === b || (a.length === b.length && a.every((unit, i) => unit === b[i]));
}

/**
 * Units of input `index` along `axis`. Units that lie on another axis are frozen (the layer mixes across it), and
 * `axis` gets frozen units of its own.
 */
export function unitsAlong(call: LayerCall, axis: number, index = 0): Width {
  const flow = call.inputs[index];
  if (flow.axis === axis) return flow.width;
  call.freeze(flow.width, `"${call.path}" works along axis ${axis}, the units lie on axis ${flow.axis}`);
  const width = call.fresh(`input ${index} axis ${axis}`, flow.shape[axis] ?? 0, 'features');
  call.freeze(width, `axis ${axis} of the input of "${call.path}" is not made of units`);
  return width;
}

/** Each unit `times` times in a row: u0 u0 u1 u1 ... */
export function repeatEach(width: Width, times: number): Width {
  const repeated = new Int32Array(width.length * times);
  for (let i = 0; i < width.length; i++) repeated.fill(width[i], i * times, (i + 1) * times);
  return repeated;
}

export function concatWidths(widths: readonly Width[]): Width {
  const joined = new Int32Array(widths.reduce((sum, width) => sum + width.length, 0));
  let offset = 0;
  for (const width of widths) {
    joined.set(width, offset);
    offset += width.length;
  }
  return joined;
}

/** The axis counted from 0 for a config value that may count from the end. */
export function fromStart(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** `config[key]` as `length` numbers: one number stands for all. */
export function numbersOf(config: Config, key: string, length: number, fallback: number): number[] {
  const value = config[key] ?? fallback;
  return Array.isArray(value) ? value.map(Number) : new Array<number>(length).fill(Number(value));
}

/** Product of the sizes; NaN when one is null. The batch size (axis 0) does not count. */
export function elements(shape: Shape): number {
  return shape.slice(1).reduce<number>((product, size) => product * (size ?? NaN), 1);
}

/** A layer that hands on its input as it is, as far as units are concerned. */
export function passThrough(
  className: string,
  understands: readonly string[] = [],
  arithmetic?: Arithmetic,
): LayerRule {
  return { className, understands, trace: call => ({ outputs: [call.inputs[0]] }), arithmetic };
}

/** For {@link LayerRule.turns}: it does the same to every unit, and nothing but multiply and add. */
export function always(): boolean {
  return true;
}

/**
 * For a layer whose config depends on which units stay: every call of it must lose the same positions, so its calls are
 * coupled position by position.
 */
export function coupleCalls(call: LayerCall, width: Width, key = 'positions'): Width {
  return call.unify(width, call.fresh(key, width.length, 'features'));
}

/** The site of a bias, unless the layer has none. */
export function biasSite(useBias: unknown, weight: number, width: Width, role: Role): LocalSite[] {
  return useBias === false ? [] : [{ weight, axis: 0, width, role, parameter: 'bias' }];
}
