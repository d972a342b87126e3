/** What a clock says, and what follows from it: plain data. */

export interface TimeOptions {
  /** Examples per forward pass. Default: 1. */
  readonly batch?: number;
  /** Rounds that count; a few before them warm up. Default: 20. */
  readonly runs?: number;
  /** Milliseconds: a shorter pass is repeated until it takes about so long, and the mean counts. Default: 0. */
  readonly atLeast?: number;
}

/** Models timed in turns. */
export interface Times {
  readonly backend: string;
  /** Milliseconds of a forward pass, model by model and round by round. */
  readonly rounds: readonly (readonly number[])[];
}

/** One model that was timed on the way to a target, beside the model it was cut from. */
export interface Trial {
  /** Fraction of the units that stay, of those that could go. */
  readonly units: number;
  /** Fraction of the multiply-accumulates (of the parameters where an input size is open) that stay. */
  readonly work: number;
  readonly milliseconds: number;
  /** Median of the ratios before / after of neighbouring passes. */
  readonly speedup: number;
}

/** What was measured to choose a cut. */
export interface Measured {
  readonly backend: string;
  readonly batch: number;
  readonly runs: number;
  /** Milliseconds that were asked for; a target given as a speed-up in terms of `dense`. */
  readonly target: number;
  /** Milliseconds of the model before, the median of all its passes. */
  readonly dense: number;
  readonly multipleOf: number;
  /** In the order of measuring. */
  readonly trials: readonly Trial[];
  /** The one that was taken. */
  readonly result: Trial;
}

/** Of `values` in the middle; of an even number the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
