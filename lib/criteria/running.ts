/** Scores averaged as they come, and when to stop averaging. */
import { checkNumber } from '../core/check';
import { spearman } from '../core/ranks';
import type { Scores } from './criterion';

/** What a batch says of one group: one or several observations, each with a value per unit. */
export type Observations = readonly Float64Array[];

export interface Running {
  /** One value per unit. */
  add(values: ArrayLike<number>): void;
  /** Means so far; their standard errors from the second observation on. */
  scores(): Scores;
  /** Of the observations so far; undefined before the second. */
  variances(): Float64Array | undefined;
}

/** Mean and variance of each of `units` values (Welford's recurrence: no difference of large sums). */
export function running(units: number): Running {
  const [means, squares] = [new Float64Array(units), new Float64Array(units)];
  let count = 0;
  return {
    add(values) {
      count += 1;
      for (let unit = 0; unit < units; unit++) {
        const distance = values[unit] - means[unit];
        means[unit] += distance / count;
        squares[unit] += distance * (values[unit] - means[unit]);
      }
    },
    scores: () => ({
      values: means.slice(),
      ...(count > 1 && { standardError: squares.map(sum => Math.sqrt(sum / (count - 1) / count)) }),
    }),
    variances: () => (count > 1 ? squares.map(sum => sum / (count - 1)) : undefined),
  };
}

/** Batches in a row that must agree. */
const IN_A_ROW = 3;
/** Batches before the first comparison: one against one says little. */
const FIRST = 4;

/** Checks `stopWhenStable` and gives the correlation that it asks for, if any. */
export function stableFrom(place: string, stopWhenStable: boolean | number): number | undefined {
  if (stopWhenStable === false) return undefined;
  if (stopWhenStable === true) return 0.95;
  return checkNumber(place, 'stopWhenStable', stopWhenStable, { above: 0, most: 1 });
}

/**
 * To be shown what every batch says of each group, of `units` units: true once the ranking has settled. From the 4th batch on the means over the odd
 * batches are compared with those over the even ones: r, Spearman's correlation within each group, averaged over the units. The means over all batches
 * then correlate with those over endlessly many as sqrt(2r / (1 + r)) (Spearman and Brown). It has settled when that was at least `least` three times in
 * a row. The halves share no example: one that outweighs the others is in one of them, and they disagree.
 */
export function settling(units: readonly number[], least: number): (batch: readonly Observations[]) => boolean {
  const halves = [0, 1].map(() => units.map(running));
  let [seen, agreed] = [0, 0];
  return batch => {
    batch.forEach((observations, group) => observations.forEach(halves[seen % 2][group].add));
    seen += 1;
    if (seen < FIRST) return false;
    const [odd, even] = halves.map(half => half.map(mean => mean.scores().values));
    const r = Math.max(0, agreement(odd, even));
    agreed = Math.sqrt((2 * r) / (1 + r)) >= least ? agreed + 1 : 0;
    return agreed >= IN_A_ROW;
  };
}

function agreement(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  let [sum, units] = [0, 0];
  a.forEach((values, group) => {
    if (values.length < 2) return;
    const correlation = spearman(values, b[group]);
    const same = values.every((value, unit) => value === b[group][unit]);
    sum += values.length * (Number.isNaN(correlation) ? Number(same) : correlation);
    units += values.length;
  });
  return units === 0 ? 1 : sum / units;
}
