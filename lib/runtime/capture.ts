/** A tf.js model as data. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { firstNotFinite, type NdArray } from '../core/array';
import {
  isContainer,
  leaves,
  requireUniquePaths,
  type Checkpoint,
  type Config,
  type LayerSpec,
  type Topology,
} from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { apart, roomFor, type Room } from '../core/room';
import { onSoundDevice } from './deviceErrors';
import { readInto } from './tensors';
import { layersOf, type AnyLayer, type Leaf } from './leaves';

/**
 * Copies the topology and the weights of `model` into plain data; the model is left as it is. A layer in a nested model
 * that is frozen as a whole (`nested.trainable = false`) is noted as frozen itself, which tf.js's own config forgets.
 * Arrays of a large model are views on buffers that they share.
 * @throws PruneError `bad-model` for anything but a built LayersModel, for two layers of one path, or for one layer object
 * at two paths; `bad-weights` for NaN or infinite weights.
 */
export async function capture(model: LayersModel): Promise<Checkpoint> {
  requireLayersModel(model);
  const config = JSON.parse(JSON.stringify(model.getConfig())) as Topology['config'];
  const topology = completed({ className: model.getClassName(), config }, model as unknown as AnyLayer);
  const found = layersOf(model);
  requireUniquePaths(topology);
  requireSamePaths(topology, found);
  requireOwnLayers(found);
  const weights = await onSoundDevice(() => readAllWeights(found));
  return { topology: withFrozen(topology, model as unknown as AnyLayer), weights };
}

/** Arrays by path; layers without weights have none. */
export async function readAllWeights(found: readonly Leaf[]): Promise<Checkpoint['weights']> {
  const weights = new Map<string, readonly NdArray[]>();
  const room = roomFor(found.flatMap(({ layer }) => layer.weights.map(({ val }) => 4 * val.size)));
  for (const { path, layer } of found) {
    const arrays = await readWeights(path, layer, room);
    if (arrays.length > 0) weights.set(path, arrays);
  }
  return weights;
}

/** Arrays of one layer in `getWeights()` order. */
export async function readWeights(path: string, layer: AnyLayer, room: Room = apart): Promise<readonly NdArray[]> {
  const arrays = await Promise.all(layer.getWeights().map(weight => readInto(room, weight)));
  arrays.forEach((array, i) => requireFinite(path, layer, i, array));
  return arrays;
}

function requireLayersModel(model: LayersModel): void {
  const { getConfig, getClassName, layers } = Object(model) as Partial<LayersModel>;
  if (typeof getConfig !== 'function' || typeof getClassName !== 'function' || !Array.isArray(layers)) {
    throw notALayersModel(model);
  }
  if (layers.length === 0) throw badModel('model', 'a model with layers', 'one without', 'Add layers first.');
  for (const { path, layer } of layersOf(model)) {
    if (!layer.built) {
      const cure = 'Give its first layer an inputShape, or call model.build() first.';
      throw badModel(`layer "${path}"`, 'a built layer with weights', 'one that is not built', cure);
    }
    if (layer.weights.some(weight => weight.val.isDisposed)) {
      throw badModel(`layer "${path}"`, 'weights', 'disposed ones', 'Capture the model before it is disposed.');
    }
  }
}

function notALayersModel(model: unknown): PruneError {
  const { execute, modelUrl, predict } = Object(model) as Record<string, unknown>;
  const graphModel = typeof execute === 'function' && (modelUrl !== undefined || typeof predict === 'function');
  return badModel(
    'model',
    'a tf.LayersModel',
    graphModel ? 'a GraphModel, whose layers are lost' : model === null ? 'null' : typeof model,
    graphModel
      ? 'Convert the original with --output_format tfjs_layers_model and load it with tf.loadLayersModel.'
      : 'Build one with tf.sequential or tf.model, or load one with tf.loadLayersModel.',
  );
}

/** A custom layer class that holds layers of its own would be read at the wrong depth. */
function requireSamePaths(topology: Topology, found: readonly Leaf[]): void {
  const known = leaves(topology);
  const odd = found.findIndex(({ path }, i) => path !== known[i]?.path);
  if (odd < 0 && known.length === found.length) return;
  const { path } = found[odd] ?? known[found.length];
  const cure = 'Name what a custom layer keeps something other than "layers".';
  throw badModel(`layer "${path}"`, 'layers to hold layers only if they are models', 'something else', cure);
}

/** The weights of one object would silently become two copies. */
function requireOwnLayers(found: readonly Leaf[]): void {
  const seen = new Map<AnyLayer, string>();
  for (const { path, layer } of found) {
    const other = seen.get(layer);
    if (other !== undefined && layer.weights.length > 0) {
      const cure = 'Put the shared layer into one nested model and call that twice.';
      throw badModel(`layer "${path}"`, 'a layer of its own', `the same layer object as "${other}"`, cure);
    }
    seen.set(layer, path);
  }
}

function requireFinite(path: string, layer: AnyLayer, i: number, array: NdArray): void {
  const index = firstNotFinite(array);
  if (index < 0) return;
  const name = layer.weights[i]?.originalName.split('/').pop() ?? `weight ${i}`;
  throw new PruneError('bad-weights', {
    place: `layer "${path}", ${name}`,
    expected: 'finite weights',
    got: `${array.data[index]} at index ${index}`,
    cure: 'Load an earlier checkpoint, or train with a lower learning rate.',
  });
}

/** What tf.js forgets in configs, or numbers anew each time; it does not mind the entries. */
function completed(topology: Topology, model: AnyLayer): Topology {
  const layers = topology.config.layers.map((spec, i): LayerSpec => {
    const layer = model.layers![i];
    if (isContainer(spec)) return completed(spec, layer);
    const missing = missingEntries(spec, layer);
    return missing ? { ...spec, config: { ...spec.config, ...missing } } : spec;
  });
  return { ...topology, config: { ...topology.config, layers } };
}

function missingEntries({ className, config }: LayerSpec, layer: AnyLayer): Config | undefined {
  const { layer: held, cell } = config as { layer?: LayerSpec; cell?: LayerSpec };
  if (className === 'SeparableConv2D') {
    return { depthMultiplier: (layer as unknown as { depthMultiplier: number }).depthMultiplier };
  }
  if (cell?.className === 'StackedRNNCells') return { cell: { ...cell, config: { ...cell.config, name: 'cells' } } };
  // What comes out of a model inside a wrapper cannot be read from its config.
  return held && isContainer(held) ? { outputShape: layer.inboundNodes[0]?.outputTensors[0].shape } : undefined;
}

function withFrozen(topology: Topology, model: AnyLayer, frozen = false): Topology {
  const all = frozen || model.trainable === false;
  const layers = topology.config.layers.map((spec, i): LayerSpec => {
    const layer = model.layers![i];
    if (isContainer(spec)) return withFrozen(spec, layer, all);
    return all && layer.weights.length > 0 ? freeze(spec) : spec;
  });
  return { ...topology, config: { ...topology.config, layers } };
}

/** A wrapper asks the layer it wraps whether it is trainable. */
function freeze<S extends LayerSpec>(spec: S): S {
  const { layer } = spec.config as { layer?: LayerSpec };
  return { ...spec, config: { ...spec.config, trainable: false, ...(layer && { layer: freeze(layer) }) } };
}

function badModel(place: string, expected: string, got: string, cure: string): PruneError {
  return new PruneError('bad-model', { place, expected, got, cure });
}
