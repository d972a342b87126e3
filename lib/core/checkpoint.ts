/** A model as data: the topology config that tf.js emits, and the weights as plain arrays by layer. */
import type { NdArray } from './array';
import { PruneError } from './errors';

export type Config = Readonly<Record<string, unknown>>;

/** One call of a layer: for each input tensor [layer name, node index, tensor index, call arguments]. */
export type InboundNode = readonly (readonly [string, number, number, Config?])[];

/** One layer of a container. A container (nested model) has `config.layers`. */
export interface LayerSpec {
  readonly className: string;
  readonly name?: string;
  readonly config: Config;
  readonly inboundNodes?: readonly InboundNode[];
}

/** The model itself: `className` is Sequential, or Model/Functional with `inputLayers` and `outputLayers`. */
export interface Topology extends LayerSpec {
  readonly config: ContainerConfig;
}

export interface ContainerConfig extends Config {
  readonly name: string;
  readonly layers: readonly LayerSpec[];
  readonly inputLayers?: readonly (readonly [string, number, number])[];
  readonly outputLayers?: readonly (readonly [string, number, number])[];
}

/**
 * A model as data. `weights` holds, for each layer with weights, its arrays in `getWeights()` order; the key is the
 * layer's path: the names of the nested models and of the layer, joined by "/" (the outermost model is not named).
 */
export interface Checkpoint {
  readonly topology: Topology;
  readonly weights: ReadonlyMap<string, readonly NdArray[]>;
}

export function isContainer(spec: LayerSpec): spec is Topology {
  return Array.isArray(spec.config.layers);
}

export function nameOf(spec: LayerSpec): string {
  return String(spec.config.name ?? spec.name);
}

/** `name`, or one like it that is not in `taken`, to which it is added. */
export function freshName(name: string, taken: Set<string>): string {
  const free = taken.has(name) ? freshName(`${name}_`, taken) : name;
  taken.add(free);
  return free;
}

/** Path of a layer inside the nested model at `parent` ('' for the outermost). */
export function join(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}

/** Every layer that is not itself a container, with its path, outermost first, in topology order. */
export function leaves(topology: Topology, parent = ''): { path: string; spec: LayerSpec }[] {
  return topology.config.layers.flatMap(spec => {
    const path = join(parent, nameOf(spec));
    return isContainer(spec) ? leaves(spec, path) : [{ path, spec }];
  });
}

/** A copy of `topology` in which each leaf layer is replaced by what `change` returns. */
export function mapLeaves(
  topology: Topology,
  change: (spec: LayerSpec, path: string) => LayerSpec,
  parent = '',
): Topology {
  const layers = topology.config.layers.map(spec => {
    const path = join(parent, nameOf(spec));
    return isContainer(spec) ? mapLeaves(spec, change, path) : change(spec, path);
  });
  return { ...topology, config: { ...topology.config, layers } };
}

/** Arrays of the layer at `path`; a layer without weights has none. */
export function weightsOf(model: Checkpoint, path: string): readonly NdArray[] {
  return model.weights.get(path) ?? [];
}

/** Number of stored values: trainable and not. */
export function parameterCount(model: Checkpoint): number {
  let count = 0;
  for (const arrays of model.weights.values()) for (const { data } of arrays) count += data.length;
  return count;
}

/** @throws PruneError `bad-model` when two layers share one path. */
export function requireUniquePaths(topology: Topology): void {
  const seen = new Set<string>();
  for (const { path } of leaves(topology)) {
    if (seen.has(path)) {
      throw new PruneError('bad-model', {
        place: `layer "${path}"`,
        expected: 'a name of its own',
        got: 'two layers of that name',
        cure: 'Rename one of them.',
      });
    }
    seen.add(path);
  }
}
