/** Which taps of a sliding window meet the image: at its edges some meet the zeros around it. */
import type { Constant } from './arithmetic';
import type { Shape } from './rule';
import type { Window } from './spatial';

/** Places at which the same taps of the window meet the image. */
export interface Reach {
  /** Indices into the window, row-major. */
  readonly taps: readonly number[];
  /** How many places. */
  readonly count: number;
}

/** How a kernel sees an image: the reaches, that of most places first. */
export interface View {
  readonly reaches: readonly Reach[];
  /** Sizes are not known: any of the taps may meet zeros at some place. */
  readonly loose: boolean;
}

/** A window of one tap, without padding. */
export const SINGLE: View = { reaches: [{ taps: [0], count: 1 }], loose: false };

/** For an input of `shape` whose channels lie on `axis`. */
export function viewOf(shape: Shape, axis: number, window: Window): View {
  const sizes = shape.filter((_, a) => a > 0 && a !== axis);
  const all = Array.from({ length: window.size.slice(0, sizes.length).reduce((a, b) => a * b, 1) }, (_, tap) => tap);
  if (window.padding === 'valid' || all.length === 1) return { reaches: [{ taps: all, count: 1 }], loose: false };
  if (sizes.includes(null)) return { reaches: [{ taps: all, count: 1 }], loose: true };
  const reaches = sizes
    .map((size, d) => reachesAlong(size!, window, d))
    .reduce((outer, inner, d) =>
      outer.flatMap(a =>
        inner.map(b => ({
          taps: a.taps.flatMap(row => b.taps.map(tap => row * window.size[d] + tap)),
          count: a.count * b.count,
        })),
      ),
    );
  return { reaches: [...reaches].sort((a, b) => b.count - a.count || b.taps.length - a.taps.length), loose: false };
}

/** Along one axis, which taps meet the image at how many places. */
function reachesAlong(size: number, window: Window, d: number): readonly Reach[] {
  const { first, places } = startAlong(size, window, d);
  const found = new Map<string, { taps: readonly number[]; count: number }>();
  for (let place = 0; place < places; place++) {
    const inside = (tap: number): boolean => {
      const at = first + place * window.strides[d] + tap * window.dilation[d];
      return at >= 0 && at < size;
    };
    const taps = [...Array(window.size[d]).keys()].filter(inside);
    const known = found.get(taps.join());
    if (known) known.count += 1;
    else found.set(taps.join(), { taps, count: 1 });
  }
  return [...found.values()];
}

/** Where the first tap of the first place lies, and how many places there are. */
export function startAlong(
  size: number,
  { size: window, strides, dilation, padding }: Window,
  d: number,
): { readonly first: number; readonly places: number } {
  const reach = (window[d] - 1) * dilation[d] + 1;
  if (padding === 'valid') return { first: 0, places: Math.ceil((size - reach + 1) / strides[d]) };
  const places = Math.ceil(size / strides[d]);
  if (padding === 'causal') return { first: 1 - reach, places };
  const zeros = Math.max((places - 1) * strides[d] + reach - size, 0);
  return { first: -Math.floor(zeros / 2), places };
}

/** A kernel `[taps, inputs, each]` whose input `c` adds to the outputs from `base(c)` on. */
export interface Kernel {
  readonly data: ArrayLike<number>;
  readonly inputs: number;
  readonly each: number;
  readonly outputs: number;
  base(input: number): number;
}

/** What constant inputs add up to: `[outputs]`. An input that is not constant spoils the outputs that look at it. */
export function contract(constant: Constant, kernel: Kernel, view: View): Constant {
  const { inputs, outputs } = kernel;
  const sums = view.reaches.map(() => ({
    value: new Float64Array(outputs),
    low: new Float64Array(outputs),
    high: new Float64Array(outputs),
  }));
  for (let c = 0; c < inputs; c++) {
    const x = { value: constant.value[c], low: constant.low[c], high: constant.high[c] };
    if (x.low === 0 && x.high === 0) continue;
    view.reaches.forEach(({ taps }, r) => addTaps(sums[r], x, kernel, c, taps, view.loose));
  }
  const ends = (pickEnd: (...values: number[]) => number, part: 'low' | 'high'): Float64Array =>
    Float64Array.from({ length: outputs }, (_, o) => pickEnd(...sums.map(sum => sum[part][o])));
  return { value: sums[0].value, low: ends(Math.min, 'low'), high: ends(Math.max, 'high') };
}

function addTaps(
  sum: Constant,
  x: { readonly value: number; readonly low: number; readonly high: number },
  { data, inputs, each, base }: Kernel,
  input: number,
  taps: readonly number[],
  loose: boolean,
): void {
  const to = base(input);
  for (const tap of taps) {
    const from = (tap * inputs + input) * each;
    for (let j = 0; j < each; j++) {
      const weight = data[from + j];
      if (weight === 0) continue;
      const [a, b] = weight > 0 ? [weight * x.low, weight * x.high] : [weight * x.high, weight * x.low];
      sum.value[to + j] += weight * x.value;
      sum.low[to + j] += loose ? Math.min(a, 0) : a;
      sum.high[to + j] += loose ? Math.max(b, 0) : b;
    }
  }
}
