/** Data as a tf.js model. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { NdArray } from '../core/array';
import { requireUniquePaths, weightsOf, type Checkpoint, type Topology } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { inCallOrder } from './callOrder';
import { onSoundDevice } from './deviceErrors';
import { layersOf, unwrapCall, type AnyLayer, type Leaf } from './leaves';
import { toTensor } from './tensors';

/**
 * A new LayersModel with the layers, names and weights of `checkpoint`. The caller owns it: one `dispose()` frees it
 * whole, also where layers or nested models are called several times.
 * @throws PruneError `bad-weights` naming the layer whose weights do not fit its topology, `bad-model` for a topology that
 * tf.js cannot read; nothing is left behind then.
 */
export function materialize(checkpoint: Checkpoint): LayersModel {
  return disposeOnFailure(() => {
    const model = constructFor(checkpoint);
    for (const { path, layer } of layersOf(model)) setWeights(layer, weightsOf(checkpoint, path));
    return model;
  });
}

/** The model of `checkpoint`, whose weights fit but have no values yet; one `dispose()` frees it whole. Throws as {@link materialize}. */
export function constructFor(checkpoint: Checkpoint): LayersModel {
  requireUniquePaths(checkpoint.topology);
  return disposeOnFailure(() => {
    const model = construct(inCallOrder(checkpoint.topology));
    checkWeights(checkpoint, layersOf(model));
    ownOnce(model as unknown as AnyLayer);
    return model;
  });
}

/** A model of that `topology` in which all weights are 0, for what depends on shapes alone; one `dispose()` frees it whole. */
export function constructZeros(topology: Topology): LayersModel {
  return disposeOnFailure(() => {
    const model = construct(inCallOrder(topology));
    for (const weight of layersOf(model).flatMap(({ layer }) => layer.weights)) {
      const zeros = tf.zeros(weight.val.shape, weight.val.dtype);
      weight.write(zeros);
      zeros.dispose();
    }
    ownOnce(model as unknown as AnyLayer);
    return model;
  });
}

/** Lends `use` the model of `checkpoint` and frees it afterwards, whatever happens. */
export function withModel<T>(checkpoint: Checkpoint, use: (model: LayersModel) => Promise<T>): Promise<T> {
  return withModels([checkpoint], ([model]) => use(model));
}

/** The same for several models at once; `make` says how one is made. */
export async function withModels<T>(
  checkpoints: readonly Checkpoint[],
  use: (models: readonly LayersModel[]) => Promise<T>,
  make: (checkpoint: Checkpoint) => LayersModel = materialize,
): Promise<T> {
  const models: LayersModel[] = [];
  try {
    for (const checkpoint of checkpoints) models.push(make(checkpoint));
    return await onSoundDevice(() => use(models));
  } finally {
    for (const model of models) {
      model.dispose();
      // tf.js remembers the layers of models it has run, and with them all that was hung around their calls.
      for (const { layer } of layersOf(model)) unwrapCall(layer);
    }
  }
}

/** What `make` returns; when it throws, the variables that it made are gone. */
export function disposeOnFailure<T>(make: () => T): T {
  const scope = new Set(registered());
  try {
    return make();
  } catch (error) {
    for (const variable of registered()) if (!scope.has(variable)) variable.dispose();
    throw error;
  }
}

function registered(): tf.Variable[] {
  return Object.values(tf.engine().state.registeredVariables);
}

/** A built model whose weights have no values yet. @throws PruneError `bad-model`. */
export function construct({ className, config }: Topology): LayersModel {
  const known = tf.serialization.SerializationMap.getMap().classNameMap[className];
  if (known === undefined) throw unreadable(config.name, `a model of the unknown class ${className}`);
  const [type, fromConfig] = known;
  try {
    const copy = JSON.parse(JSON.stringify(config)) as tf.serialization.ConfigDict; // tf.js edits what it is given
    return withoutValues(() => {
      const model = fromConfig(type, copy) as unknown as LayersModel;
      if (!model.built) (model as unknown as AnyLayer).build();
      return model;
    });
  } catch (error) {
    throw unreadable(config.name, error instanceof Error ? error.message : String(error), error);
  }
}

/**
 * The weights are overwritten anyhow, so every layer built by `make` leaves them without values. tf.js's own switch for
 * zeros does not reach into nested models, where costly initializers would run, one of which (orthogonal) needs the union
 * package; and zeros of a large model take longer to write than all else here.
 */
function withoutValues<T>(make: () => T): T {
  const prototype = layers.layers.Layer.prototype as unknown as { addWeight: (...given: unknown[]) => unknown };
  const { addWeight } = prototype;
  prototype.addWeight = function (name, shape, dtype, _initializer, ...rest) {
    return addWeight.call(this, name, shape, dtype, { apply: reserved }, ...rest);
  };
  try {
    return make();
  } finally {
    prototype.addWeight = addWeight;
  }
}

/** A tensor of `shape` whose values nobody may read: it has the memory of one. */
function reserved(shape: number[], dtype: tf.DataType): tf.Tensor {
  const backend = tf.backend();
  const dataId = backend.write(null as never, [1], dtype);
  return tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype }, backend);
}

function unreadable(name: string, got: string, cause?: unknown): PruneError {
  return new PruneError(
    'bad-model',
    {
      place: `model "${name}"`,
      expected: 'a topology that tf.js can build',
      got: got.replace(/\.$/, ''),
      cure: 'Register custom layer classes with tf.serialization.registerClass, and check the layer configs.',
    },
    { cause },
  );
}

function checkWeights(checkpoint: Checkpoint, found: readonly Leaf[]): void {
  const paths = new Set(found.map(({ path }) => path));
  for (const path of checkpoint.weights.keys()) {
    if (!paths.has(path)) throw misfit(path, 'a layer of that path in the topology', 'none');
  }
  for (const { path, layer } of found) {
    const shapes = layer.weights.map(weight => describe(weight.val));
    const given = weightsOf(checkpoint, path).map(describe);
    if (shapes.join() !== given.join()) throw misfit(path, list(shapes), list(given));
  }
}

function describe({ shape, dtype }: { readonly shape: readonly number[]; readonly dtype: string }): string {
  return `${dtype} [${shape.join(', ')}]`;
}

function list(shapes: readonly string[]): string {
  return shapes.length === 0 ? 'no weights' : `weights ${shapes.join(' and ')}`;
}

function misfit(path: string, expected: string, got: string): PruneError {
  const cure = 'Take topology and weights from the same checkpoint.';
  return new PruneError('bad-weights', { place: `layer "${path}"`, expected, got, cure });
}

/** Gives `layer` its weights, `arrays` in the order of `getWeights()`. */
export function setWeights(layer: AnyLayer, arrays: readonly NdArray[]): void {
  if (arrays.length === 0) return;
  tf.tidy(() => layer.setWeights(arrays.map(toTensor)));
}

/** Frees the memory of the weights of `layer`, which then has none to compute with. */
export function dropWeights(layer: AnyLayer): void {
  for (const weight of layer.weights) tf.tidy(() => weight.write(reserved(weight.val.shape, weight.val.dtype)));
}

/**
 * tf.js counts every call of a layer or nested model as an owner but gives up only one of them per `dispose()` of the model,
 * so that whatever is called twice would stay. Here the model is the one owner of everything in it. A functional model
 * disposes its nested models twice.
 */
export function ownOnce(model: AnyLayer): void {
  const twice = model.getClassName() !== 'Sequential';
  for (const layer of model.layers!) {
    layer._refCount = twice && layer.layers !== undefined ? 2 : 1;
    if (layer.layers !== undefined) ownOnce(layer);
  }
}
