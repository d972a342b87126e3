/** A bias that a layer without one gains, to make up for what it no longer reads; it goes where that comes back. */
import { ndarray, type NdArray } from '../core/array';
import { mapLeaves, weightsOf, type Checkpoint, type LayerSpec } from '../core/checkpoint';
import { ruleOf } from '../rules';

/** `model` in which the layer at `path`, which has none, has a bias of `values` as weight number `at`. */
export function gainBias(model: Checkpoint, path: string, at: number, values: Float64Array): Checkpoint {
  const topology = mapLeaves(model.topology, (spec, own) =>
    own === path ? { ...spec, config: { ...spec.config, useBias: true } } : spec,
  );
  const arrays = weightsOf(model, path);
  const gained = ndarray(Float32Array.from(values), [values.length]);
  const weights = [...arrays.slice(0, at), gained, ...arrays.slice(at)];
  return { topology, weights: new Map(model.weights).set(path, weights) };
}

/** Whether weight number `weight` is a bias that a layer of `spec`, of the model before, has not. */
export function isGained({ className, config }: LayerSpec, weight: number): boolean {
  return config.useBias === false && weight === ruleOf(className)?.arithmetic?.rows?.bias;
}

/** Of a smaller model's layer the weights that a layer of `spec`, of the model before, has. */
export function withoutGained(spec: LayerSpec, arrays: readonly NdArray[]): readonly NdArray[] {
  return arrays.filter((_, weight) => !isGained(spec, weight));
}
