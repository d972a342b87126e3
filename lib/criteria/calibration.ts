/** What criteria that go through data share: options, averaging, progress and when to end. */
import { checkNumber } from '../core/check';
import type { BaseContext, ObserveOptions } from '../core/context';
import type { Group } from '../graph/group';
import type { Scores } from './criterion';
import { running, settling, stableFrom, type Observations } from './running';

export interface CalibrationOptions extends ObserveOptions {
  /**
   * End before `batches` once the ranking has settled: when its correlation with that of endless data, estimated from how far odd and even batches
   * agree within groups, was at least this number (0.95 for true) after three batches in a row, the sixth at the earliest. Default: false.
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
  const settled =
    least !== undefined &&
    settling(
      groups.map(({ units }) => units.length),
      least,
    );
  let done = 0;
  await go(batch => {
    batch.forEach((observations, group) => observations.forEach(means[group].add));
    progress({ stage: `score ${name}`, done: ++done, total: batches });
    return settled && settled(batch);
  });
  return means.map(mean => mean.scores());
}
