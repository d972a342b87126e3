/** A tf.js model from the data of a model file, without ever giving tf.js more to build than the file has weights for. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Topology } from '../core/checkpoint';
import type { Refuse } from '../core/json';
import type { ModelArtifacts } from '../io/modelFiles';
import { matchWeights } from '../io/weightNames';
import { inCallOrder } from './callOrder';
import { layersOf, type AnyLayer, type Leaf } from './leaves';
import { construct, disposeOnFailure, ownOnce } from './materialize';

/** More elements than this in one example at one place no backend can hold. */
const MOST_ELEMENTS = 2 ** 28;

/**
 * A new model with the weights of `artifacts`; the caller owns it, and one `dispose()` frees it whole.
 * @throws what `refuse` throws when topology and weights contradict each other, or what tf.js throws at the topology;
 * nothing is left behind then.
 */
export function buildModel(artifacts: ModelArtifacts, topology: Topology, refuse: Refuse): LayersModel {
  const own = artifacts.weightSpecs.filter(({ group }) => group !== 'optimizer');
  return disposeOnFailure(() => {
    const model = withinWeights(own, refuse, () => construct(inCallOrder(topology)));
    const found = layersOf(model);
    for (const leaf of found) requireSizes(leaf, refuse);
    tf.tidy(() => assignWeights(artifacts, found, topology, refuse));
    ownOnce(model as unknown as AnyLayer);
    if (artifacts.userDefinedMetadata) model.setUserDefinedMetadata(artifacts.userDefinedMetadata);
    return model;
  });
}

/** Whether a layer class is one of models; undefined for one that is not registered. */
export function isModelClass(className: string): boolean | undefined {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  if (!Object.hasOwn(classNameMap, className)) return undefined;
  const [type] = classNameMap[className];
  return (type as unknown) === layers.LayersModel || type.prototype instanceof layers.LayersModel;
}

/** Refuses each weight that a layer wants to make while `make` runs, and that the file does not hold, before it is made. */
function withinWeights<T>(specs: ModelArtifacts['weightSpecs'], refuse: Refuse, make: () => T): T {
  const left = new Map<string, number>();
  for (const { shape } of specs) left.set(String(shape), (left.get(String(shape)) ?? 0) + 1);
  const prototype = layers.layers.Layer.prototype as unknown as {
    addWeight: (this: AnyLayer, name: string, shape: unknown, ...rest: unknown[]) => unknown;
  };
  const { addWeight } = prototype;
  prototype.addWeight = function (name, shape, ...rest) {
    const count = left.get(String(shape)) ?? 0;
    if (!Array.isArray(shape) || count === 0) {
      refuse(`a weight of shape [${String(shape)}] for ${name} of layer "${this.name}"`, 'no other one of that shape');
    }
    left.set(String(shape), count - 1);
    let weight: unknown;
    // Where the name is none for tf.js, it would leave the first value behind.
    tf.tidy(() => void (weight = addWeight.call(this, name, shape, ...rest)));
    return weight;
  };
  try {
    return make();
  } finally {
    prototype.addWeight = addWeight;
  }
}

/** tf.js lets sizes pass that are no sizes, or that no memory holds, until the model is run. */
function requireSizes({ path, layer }: Leaf, refuse: Refuse): void {
  for (const { outputTensors } of layer.inboundNodes) {
    for (const { shape } of outputTensors) {
      const sizes = shape.filter(size => size != null);
      const sound = sizes.every(size => Number.isSafeInteger(size) && size > 0);
      if (sound && sizes.reduce((product, size) => product * size, 1) <= MOST_ELEMENTS) continue;
      refuse(`an output of a sensible size from layer "${path}"`, `[${shape.map(size => size ?? '?').join(', ')}]`);
    }
  }
}

function assignWeights(
  { weightSpecs, weightData }: ModelArtifacts,
  found: readonly Leaf[],
  topology: Topology,
  refuse: Refuse,
): void {
  const variables = found.flatMap(({ path, layer }) => layer.weights.map((weight, index) => ({ path, index, weight })));
  const slots = variables.map(({ path, index, weight }) => ({
    name: weight.originalName,
    path,
    index,
    shape: weight.val.shape,
    dtype: weight.val.dtype,
  }));
  const own = weightSpecs.flatMap((spec, i) => (spec.group === 'optimizer' ? [] : [{ ...spec, key: String(i) }]));
  const matches = matchWeights(own, slots, topology, refuse);
  // Names of a file could be those of anything; numbers cannot.
  const specs = weightSpecs.map((spec, i) => ({ ...spec, name: String(i) })) as tf.io.WeightsManifestEntry[];
  const tensors = tf.io.decodeWeights([...weightData], specs);
  own.forEach(({ key }, i) => variables[matches[i]].weight.write(tensors[key]));
}
