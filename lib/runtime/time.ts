/** How long checkpoints take on the current backend. */
import type { Checkpoint } from '../core/checkpoint';
import type { TimeOptions, Times } from '../core/timing';
import { timeModels } from '../report/latency';
import { withModels } from './materialize';

/**
 * Times models of `checkpoints` in turns; all are in memory at once, and gone afterwards.
 * @throws PruneError `bad-option`, `aborted`, `bad-device`.
 */
export function time(
  place: string,
  checkpoints: readonly Checkpoint[],
  options: TimeOptions & { readonly signal?: AbortSignal },
): Promise<Times> {
  return withModels(checkpoints, models => timeModels(place, models, options));
}
