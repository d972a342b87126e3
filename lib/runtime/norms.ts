/** BatchNormalization in training: what tf.js cannot train is completed or refused. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { ndarray, type NdArray } from '../core/array';
import { mapLeaves, weightsOf, type Checkpoint, type LayerSpec } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { Slimmable } from '../layers/slimmable';
import { layersOf, type AnyLayer } from './leaves';

/** Positions, by layer, of the arrays that were added. */
export type Added = ReadonlyMap<string, readonly number[]>;

/**
 * `checkpoint` with a gamma of ones and a beta of zeros where a BatchNormalization has none (`scale: false`,
 * `center: false`): tf.js cannot train such a layer. They change no output; they must not be trained.
 */
export function completeNorms(checkpoint: Checkpoint): { readonly checkpoint: Checkpoint; readonly added: Added } {
  const added = new Map<string, readonly number[]>();
  const weights = new Map(checkpoint.weights);
  const topology = mapLeaves(checkpoint.topology, (spec, path) => {
    if (spec.className !== 'BatchNormalization' || !lacks(spec)) return spec;
    const arrays = [...weightsOf(checkpoint, path)];
    if (arrays.length === 0) return spec; // materialize names the layer
    const { length } = arrays[arrays.length - 1].data;
    const positions = [spec.config.scale === false ? 0 : -1, spec.config.center === false ? 1 : -1].filter(p => p >= 0);
    for (const position of positions) arrays.splice(position, 0, constant(position === 0 ? 1 : 0, length));
    added.set(path, positions);
    weights.set(path, arrays);
    return { ...spec, config: { ...spec.config, scale: true, center: true } };
  });
  return { checkpoint: { topology, weights }, added };
}

/** Weights of a completed model without what {@link completeNorms} added. */
export function withoutAdded(weights: Checkpoint['weights'], added: Added): Checkpoint['weights'] {
  const kept = new Map(weights);
  for (const [path, positions] of added) {
    kept.set(
      path,
      weights.get(path)!.filter((_, i) => !positions.includes(i)),
    );
  }
  return kept;
}

/** The BatchNormalization of a leaf layer: the layer itself, or the one inside a wrapper. */
export function normOf(layer: AnyLayer): AnyLayer | undefined {
  if (layer instanceof Slimmable) return layer.norm as unknown as AnyLayer;
  if (layer.getClassName() === 'BatchNormalization') return layer;
  return layer.layer?.getClassName() === 'BatchNormalization' ? layer.layer : undefined;
}

/** @throws PruneError `bad-model` for a BatchNormalization that tf.js can run but not train. */
export function requireTrainableNorms(place: string, model: LayersModel): void {
  for (const { path, layer } of layersOf(model)) {
    const norm = normOf(layer);
    if (norm === undefined) continue;
    const { axis, scale, center } = norm.getConfig();
    const rank = layer.inboundNodes[0].inputShapes[0].length - (norm === layer || layer instanceof Slimmable ? 0 : 1);
    if (scale === false || center === false) {
      throw untrainable(place, path, 'scale and center', 'a wrapped BatchNormalization without one of them');
    }
    if (axis !== -1 && axis !== rank - 1) {
      throw untrainable(place, path, 'a BatchNormalization along the last axis', `axis ${String(axis)} of ${rank}`);
    }
  }
}

function lacks({ config }: LayerSpec): boolean {
  return config.scale === false || config.center === false;
}

function constant(value: number, length: number): NdArray {
  return ndarray(new Float32Array(length).fill(value), [length]);
}

function untrainable(place: string, path: string, expected: string, got: string): PruneError {
  const cure = 'Rebuild the model with dataFormat channelsLast and a full BatchNormalization; tf.js trains no other.';
  return new PruneError('bad-model', { place: `${place}, layer "${path}"`, expected, got, cure });
}
