/** Scores averaged as they come, and when to stop averaging. */
import { checkNumber } from '../core/check';
import { spearman } from '../core/ranks';
import type { Scores } from './criterion';

export interface Running {
  /** One value per unit. */
  add(values: ArrayLike<number>): void;
  /** Means so far; their standard errors from the second observation on. */
  scores(): Scores;
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
  };
}

/** Batches in a row that must agree. */
const IN_A_ROW = 3;
/** Batches before the first comparison: one against two says little. */
const FIRST = 4;

/** Checks `stopWhenStable` and gives the correlation that it asks for, if any. */
export function stableFrom(place: string, stopWhenStable: boolean | number): number | undefined {
  if (stopWhenStable === false) return undefined;
  if (stopWhenStable === true) return 0.99;
  return checkNumber(place, 'stopWhenStable', stopWhenStable, { above: 0, most: 1 });
}

/**
 * To be called with the means after every batch: true once the ranking has settled. After batch k (from the 4th on) the means are compared with those
 * after batch floor(k / 2): Spearman's correlation within each group, averaged over the units. It has settled when that was at least `least` three times
 * in a row. Means of k batches correlate with those of half as many about as well as with those of endlessly many.
 */
export function settling(least: number): (means: readonly Float64Array[]) => boolean {
  const history: (readonly Float64Array[])[] = [];
  let [seen, agreed] = [0, 0];
  return means => {
    history.push(means);
    seen += 1;
    const half = Math.floor(seen / 2);
    while (seen - history.length + 1 < half) history.shift();
    if (seen < FIRST) return false;
    agreed = agreement(means, history[0]) >= least ? agreed + 1 : 0;
    return agreed >= IN_A_ROW;
  };
}

function agreement(now: readonly Float64Array[], before: readonly Float64Array[]): number {
  let [sum, units] = [0, 0];
  now.forEach((values, group) => {
    if (values.length < 2) return;
    const correlation = spearman(values, before[group]);
    const same = values.every((value, unit) => value === before[group][unit]);
    sum += values.length * (Number.isNaN(correlation) ? Number(same) : correlation);
    units += values.length;
  });
  return units === 0 ? 1 : sum / units;
}
