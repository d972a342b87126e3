/** Slimming's wrapper on whole models of the caller. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import { unwrap, wrapNorms } from '../edit/slim';
import '../layers/slimmable';
import { capture } from './capture';
import { materialize } from './materialize';

/**
 * A copy of `model` in which every BatchNormalization with a gamma carries an L1 penalty of strength `l1` on it, for
 * training with `model.fit` or `train`; the caller disposes it. `model` is left as it is.
 * @throws PruneError `bad-option`, `bad-model`, `bad-weights`.
 */
export async function slimModel(
  model: LayersModel,
  { l1 = 1e-4 }: { readonly l1?: number } = {},
): Promise<LayersModel> {
  checkNumber('slimModel', 'l1', l1, { least: 0 });
  return materialize(wrapNorms(await capture(model), { l1 }));
}

/**
 * A copy of `model` in stock layers, with the same predictions bit for bit, which plain tf.js loads; the caller
 * disposes it.
 * @throws PruneError `bad-model`, `bad-weights`.
 */
export async function strip(model: LayersModel): Promise<LayersModel> {
  return materialize(unwrap(await capture(model)));
}
