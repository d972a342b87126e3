/** Scales with round numbers on them. */

export interface Axis {
  readonly ticks: readonly number[];
  /** Where on the drawing a value is. */
  readonly at: (value: number) => number;
}

/** From `from` to `to` on the drawing, with round numbers that enclose all `values`. */
export function axis(values: readonly number[], from: number, to: number): Axis {
  const ticks = roundNumbers(values);
  const [low, high] = [ticks[0], ticks[ticks.length - 1]];
  return { ticks, at: value => from + ((value - low) / (high - low)) * (to - from) };
}

function roundNumbers(values: readonly number[]): readonly number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const rough = (high - low || Math.abs(high) || 1) / 5;
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
