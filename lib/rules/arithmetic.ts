/**
 * What a layer computes, as far as folding and repair need to know: what it makes of values that are the same for every
 * example, and where it multiplies rows by a matrix. All in plain double precision numbers.
 */
import type { NdArray } from '../core/array';
import type { Config } from '../core/checkpoint';
import type { Flow } from './flow';

/**
 * What a flow holds at each position of its unit axis where no example changes it. `low` and `high` bound it over all
 * places and differ from `value` only where zeros around an image play a part; infinite ones say that `value` is no more
 * than about right.
 */
export interface Constant {
  /** At most of the places; NaN where it depends on the example. */
  readonly value: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

export interface ConstantInput extends Flow {
  readonly constant: Constant;
}

/** One call of a layer whose inputs are constant at some positions. */
export interface ConstantCall {
  readonly config: Config;
  readonly weights: readonly NdArray[];
  readonly inputs: readonly ConstantInput[];
  readonly output: Flow;
  /** A scale of at most this size counts as 0. */
  readonly dead: number;
}

/** Of a layer with one output. Where a function returns undefined the layer is not understood. */
export interface Arithmetic {
  /** What the layer's linear part makes of its inputs: before it adds a bias and bends the sum. Absent: it has none. */
  linear?(call: ConstantCall): Constant | undefined;
  /** Whether something that is not linear follows; default: no. */
  bends?(config: Config): boolean;
  /** What comes out; default: what the linear part makes. */
  constant?(call: ConstantCall): Constant | undefined;
  /** Where the layer multiplies rows by a matrix. */
  readonly rows?: Rows;
}

/** `output = row x kernel + bias` at every place, before the activation; the kernel's last axis are the outputs. */
export interface Rows {
  /** Index of the kernel in the layer's weights. */
  readonly kernel: number;
  /** Index of the bias there, unless `useBias` is false. */
  readonly bias: number;
  of(call: RowsCall): RowReader;
}

export interface RowsCall {
  readonly config: Config;
  readonly weights: readonly NdArray[];
  /** A batch, `[examples, ...]`. */
  readonly input: NdArray;
}

export interface RowReader {
  /** Numbers in a row: the product of the kernel's other axes. */
  readonly length: number;
  /** Rows per example. */
  readonly places: number;
  read(example: number, place: number, into: Float64Array): void;
}

/** What comes out of a call with these inputs. */
export function constantOf(arithmetic: Arithmetic | undefined, call: ConstantCall): Constant | undefined {
  return arithmetic?.constant ? arithmetic.constant(call) : arithmetic?.linear?.(call);
}

/** The same at every place. */
export function exactly(value: Float64Array): Constant {
  return { value, low: value, high: value };
}

/** Nothing is known of `length` positions. */
export function unknown(length: number): Constant {
  return exactly(new Float64Array(length).fill(NaN));
}

/** `length` positions, each from that of `constant` that `from` says. */
export function pick({ value, low, high }: Constant, length: number, from: (position: number) => number): Constant {
  const picked = (values: Float64Array): Float64Array => Float64Array.from({ length }, (_, i) => values[from(i)]);
  return { value: picked(value), low: picked(low), high: picked(high) };
}

/** Position by position, `factor` x + `shift`. */
export function scaled(
  { value, low, high }: Constant,
  factor: (position: number) => number,
  shift: (position: number) => number = () => 0,
): Constant {
  const at = (values: Float64Array): Float64Array => values.map((x, i) => times(factor(i), x) + shift(i));
  const [ends, others] = [at(low), at(high)];
  return {
    value: at(value),
    low: ends.map((end, i) => Math.min(end, others[i])),
    high: ends.map((end, i) => Math.max(end, others[i])),
  };
}

/** Whether every place holds `value`. */
export function isExact({ value, low, high }: Constant, position: number): boolean {
  return low[position] === value[position] && high[position] === value[position];
}

/** Nothing times whatever is nothing, known or not. */
export function times(factor: number, x: number): number {
  return factor === 0 ? 0 : factor * x;
}

/** What passes through as it is. */
export const identity: Arithmetic = { linear: ({ inputs: [{ constant }] }) => constant };

/** Elements are moved about: `from` says which position of the input each position of the output comes from. */
export function moved(from: (call: ConstantCall) => ArrayLike<number>): Arithmetic {
  return {
    linear(call) {
      const source = from(call);
      return pick(call.inputs[0].constant, source.length, i => source[i]);
    },
  };
}
