/** Training for the caller's own models. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { FitOptions, Progress } from '../core/context';
import { capture } from './capture';
import { readData, type Data } from './data';
import { fit } from './fit';
import { materialize } from './materialize';

export interface TrainOptions extends Omit<FitOptions, 'carry'> {
  readonly data: Data;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (event: Progress) => void;
}

/**
 * A trained copy of `model`; the caller disposes it. The model and the data are left as they are. The same seed gives the
 * same bytes on a deterministic backend such as wasm.
 * @throws PruneError `bad-option`, `bad-data`, `bad-model`, `bad-weights`, `aborted`.
 */
export async function train(
  model: LayersModel,
  { data, seed = 0, signal, progress, ...options }: TrainOptions,
): Promise<LayersModel> {
  const checkpoint = await capture(model);
  const splits = await readData(data, checkpoint);
  return materialize(await fit(checkpoint, splits, options, { seed, signal, progress }));
}
