/** BatchNormalization statistics measured anew. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import { mapLeaves, type Checkpoint, type Config, type LayerSpec, type Topology } from '../core/checkpoint';
import type { RecalibrateOptions, Split } from '../core/context';
import { random } from '../core/random';
import { readWeights } from './capture';
import { layersOf, wrapCall, type AnyLayer } from './leaves';
import { withModel } from './materialize';
import { completeNorms, normOf, requireTrainableNorms, withoutAdded } from './norms';
import { pause } from './pause';
import { batches, forward } from './predict';
import { batchOf } from './tensors';

/** More batches than this move the average by less than its own noise. */
const MOST_BATCHES = 200;

/**
 * `checkpoint` with the moving mean and variance of every BatchNormalization replaced by their plain average over batches of
 * `train`, drawn by the seed; batches are of one size, what is left over is not used. Dropout and noise are off. All
 * other weights stay as they are; a model without BatchNormalization is returned itself.
 * @throws PruneError `bad-option`, `bad-model`, `aborted`.
 */
export async function recalibrate(
  checkpoint: Checkpoint,
  train: Split,
  { batches: most = MOST_BATCHES, batchSize = 128 }: RecalibrateOptions = {},
  { seed, signal }: { readonly seed: number; readonly signal?: AbortSignal },
): Promise<Checkpoint> {
  checkNumber('recalibrate', 'batches', most, { least: 1, integer: true });
  checkNumber('recalibrate', 'batchSize', batchSize, { least: 1, integer: true });
  const { checkpoint: complete, added } = completeNorms(checkpoint);
  const quiet = { ...complete, topology: withoutNoise(complete.topology) };
  return withModel(quiet, async model => {
    const leaves = layersOf(model).filter(({ layer }) => normOf(layer) !== undefined);
    if (leaves.length === 0) return checkpoint;
    requireTrainableNorms('recalibrate', model);
    for (const { layer } of leaves) averageFromNowOn(normOf(layer)!);
    await runBatches(model, train, { most, batchSize, seed, signal });
    const weights = new Map(complete.weights);
    for (const { path, layer } of leaves) {
      const fresh = await readWeights(path, layer);
      const old = weights.get(path)!;
      // The mean and the variance are the last two of the layer's arrays.
      weights.set(path, [...old.slice(0, -2), ...fresh.slice(-2)]);
    }
    return { topology: checkpoint.topology, weights: withoutAdded(weights, added) };
  });
}

async function runBatches(
  model: LayersModel,
  { inputs }: Split,
  { most, batchSize, seed, signal }: { most: number; batchSize: number; seed: number; signal?: AbortSignal },
): Promise<void> {
  const count = inputs[0].shape[0];
  const order = random(seed, 'recalibrate').permutation(count);
  const whole = batches(count, batchSize, order).filter(({ length }, i) => i === 0 || length === batchSize);
  const breathe = pause('recalibrate', signal);
  for (const indices of whole.slice(0, most)) {
    await breathe();
    tf.tidy(() => void forward(model, batchOf(inputs, indices), true));
  }
}

/** Call number n then moves the statistics by 1 / n of the way to its batch: the plain average over all calls. */
function averageFromNowOn(norm: AnyLayer): void {
  let calls = 0;
  wrapCall(norm, call => (inputs, kwargs) => {
    Object.assign(norm, { momentum: calls / (calls + 1) });
    calls += 1;
    return call(inputs, kwargs);
  });
}

const noiseKeys: Readonly<Record<string, readonly string[]>> = {
  Dropout: ['rate'],
  SpatialDropout1D: ['rate'],
  GaussianDropout: ['rate'],
  AlphaDropout: ['rate'],
  GaussianNoise: ['stddev'],
};

function withoutNoise(topology: Topology): Topology {
  return mapLeaves(topology, spec => ({ ...spec, config: quietConfig(spec.className, spec.config) }));
}

/** Layers and cells inside wrappers and RNNs included. */
function quietConfig(className: string, config: Config): Config {
  const quiet: Record<string, unknown> = { ...config };
  for (const key of [...(noiseKeys[className] ?? []), 'dropout', 'recurrentDropout']) if (key in quiet) quiet[key] = 0;
  for (const [key, value] of Object.entries(quiet)) {
    if (Array.isArray(value)) quiet[key] = value.map(quietSpec);
    else quiet[key] = quietSpec(value);
  }
  return quiet;
}

function quietSpec(value: unknown): unknown {
  const { className, config } = Object(value) as Partial<LayerSpec>;
  return className === undefined || config === undefined
    ? value
    : { ...Object(value), config: quietConfig(className, config) };
}
