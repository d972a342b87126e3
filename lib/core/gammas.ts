/** How the scales of BatchNormalization are spread while an L1 penalty pulls at them: plain data, small enough for a report. */

export interface GammaHistory {
  /** Strength of the penalty. */
  readonly l1: number;
  /** Right end of the last bin; the bins are equally wide and begin at 0. Larger scales count in the last. */
  readonly most: number;
  /** Channels by |gamma|, a number for each bin: before the first epoch, and after each. */
  readonly counts: readonly (readonly number[])[];
}

const BINS = 24;

/** How many of the `gammas` are in each bin from 0 to `most`. */
export function binned(gammas: readonly Float32Array[], most: number): readonly number[] {
  const counts = new Array<number>(BINS).fill(0);
  for (const values of gammas) {
    for (const value of values) counts[Math.min(BINS - 1, Math.floor((Math.abs(value) / most) * BINS))]++;
  }
  return counts;
}

/** The largest |gamma|; 1 where all are 0, so that it can be the end of an axis. */
export function widest(gammas: readonly Float32Array[]): number {
  const most = gammas.reduce((far, values) => values.reduce((max, value) => Math.max(max, Math.abs(value)), far), 0);
  return most || 1;
}
