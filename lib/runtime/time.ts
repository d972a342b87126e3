/** How long checkpoints take on the current backend. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Checkpoint } from '../core/checkpoint';
import type { TimeOptions, Times } from '../core/timing';
import { timeModels } from '../report/latency';
import { onSoundDevice } from './deviceErrors';
import { materialize } from './materialize';

/**
 * Times models of `checkpoints` in turns; all are in memory at once, and gone afterwards.
 * @throws PruneError `bad-option`, `aborted`, `bad-device`.
 */
export async function time(
  place: string,
  checkpoints: readonly Checkpoint[],
  options: TimeOptions & { readonly signal?: AbortSignal },
): Promise<Times> {
  const models: LayersModel[] = [];
  try {
    for (const checkpoint of checkpoints) models.push(materialize(checkpoint));
    return await onSoundDevice(() => timeModels(place, models, options));
  } finally {
    for (const model of models) model.dispose();
  }
}
