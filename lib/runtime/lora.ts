/** Corrections of low rank on whole models of the caller. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { withLora, withoutLora, type LoraOptions } from '../edit/lora';
import '../layers/loraDense';
import { capture } from './capture';
import { materialize } from './materialize';

/**
 * A copy of `model` that computes the same and in which nothing is trained but a correction of low rank beside the kernels of its
 * Dense layers: for `model.fit` or `train`, and then {@link mergeLora}. The caller disposes it.
 * Paper: Hu et al. 2021, 2106.09685.
 * @throws PruneError `bad-option`, `bad-model`, `bad-weights`.
 */
export async function addLora(model: LayersModel, options: LoraOptions = {}): Promise<LayersModel> {
  return materialize(withLora(await capture(model), options));
}

/**
 * A copy of `model` with the corrections added to the kernels, in stock Dense layers that can all be trained; the caller disposes it.
 * @throws PruneError `bad-option`, `bad-model`, `bad-weights`.
 */
export async function mergeLora(model: LayersModel): Promise<LayersModel> {
  return materialize(withoutLora(await capture(model)));
}
