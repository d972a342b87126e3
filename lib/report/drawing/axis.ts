/** Scales with round numbers on them. */

export interface Axis {
  readonly ticks: readonly number[];
  /** Where on the drawing a value is. */
  readonly at: (value: number) => number;
}

/**
 * From `from` to `to` on the drawing, with round numbers, at least `leastStep` apart, that enclose all `values`; from 0 to 1 where there
 * are none yet.
 */
export function axis(values: readonly number[], from: number, to: number, leastStep = 0): Axis {
  const ticks = roundNumbers(values, leastStep);
  const [low, high] = [ticks[0], ticks[ticks.length - 1]];
  return { ticks, at: value => from + ((value - low) / (high - low)) * (to - from) };
}

/** The same on which equal factors of values, which are above 0, are equally far apart: powers of ten, and 2 and 5 times those. */
export function logarithmicAxis(values: readonly number[], from: number, to: number): Axis {
  const ticks = factors(values);
  const [low, high] = [ticks[0], ticks[ticks.length - 1]];
  return { ticks, at: value => from + (Math.log(value / low) / Math.log(high / low)) * (to - from) };
}

/** With more of them, two beyond the values included, powers of ten are enough. */
const MOST_DECADES = 6;

function factors(values: readonly number[]): readonly number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const first = Math.floor(Math.log10(least));
  const decades = Array.from({ length: Math.ceil(Math.log10(most)) - first + 2 }, (_, i) => 10 ** (first + i));
  const steps = decades.length > MOST_DECADES ? [1] : [1, 2, 5];
  const all = decades.flatMap(power => steps.map(step => step * power));
  const from = all.filter(tick => tick <= least * (1 + 1e-9)).length - 1;
  const to = all.findIndex((tick, i) => i > from && tick >= most * (1 - 1e-9));
  return all.slice(from, to + 1);
}

function roundNumbers(values: readonly number[], leastStep: number): readonly number[] {
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const rough = Math.max(leastStep, (high - low || Math.abs(high) || 1) / 5);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough * (1 - 1e-9))!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** As few digits as tell it. */
export function plainNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}
