/** What criteria that go through data share: options, averaging, progress and when to end. */
import { checkNumber } from '../core/check';
import type { BaseContext, ObserveOptions } from '../core/context';
import type { Group } from '../graph/group';
import type { Scores } from './criterion';
import { running, settling, stableFrom } from './running';

export interface CalibrationOptions extends ObserveOptions {
  /**
   * End before `batches` once the ranking has settled: when the scores and those of half as many batches had a Spearman correlation (within groups,
   * averaged over the units) of at least this number, 0.99 for true, after three batches in a row. Default: false.
   */
  readonly stopWhenStable?: boolean | number;
}

export function checkCalibration(
  place: string,
  { batches = 16, batchSize = 64, stopWhenStable = false }: CalibrationOptions,
): void {
  checkNumber(place, 'batches', batches, { least: 1, integer: true });
  checkNumber(place, 'batchSize', batchSize, { least: 1, integer: true });
  stableFrom(place, stopWhenStable);
}

/** What a batch says of one group: one or several observations, each with a value per unit. */
export type Observations = readonly Float64Array[];

/** The means over all observations that `go` shows, which it does group by group for every batch, until it is told that they will do. */
export async function averaged(
  name: string,
  groups: readonly Group[],
  { batches = 16, stopWhenStable = false }: CalibrationOptions,
  { progress }: BaseContext,
  go: (see: (batch: readonly Observations[]) => boolean) => Promise<void>,
): Promise<readonly Scores[]> {
  const means = groups.map(({ units }) => running(units.length));
  const least = stableFrom(name, stopWhenStable);
  const settled = settling(least ?? 1);
  let done = 0;
  await go(batch => {
    batch.forEach((observations, group) => observations.forEach(means[group].add));
    progress({ stage: `score ${name}`, done: ++done, total: batches });
    return least !== undefined && settled(means.map(mean => mean.scores().values));
  });
  return means.map(mean => mean.scores());
}
