/** Models as HDF5 files of Keras, in both directions. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { PruneError } from '../core/errors';
import { parseObject, type Json, type Refuse } from '../core/json';
import { replaceFile } from '../io/atomic';
import { readTopology } from '../io/keras';
import { inWordsOfKeras } from '../io/kerasWords';
import { completeTopology } from '../io/topology';
import { buildModel, isModelClass } from './fileModel';
import { withHdf5, type Hdf5Dataset, type Hdf5Group } from './hdf5';
import { inSavedOrder } from './savedOrder';

/** As whose files Keras 3 reads them: those of its own have other configs. */
const KERAS_VERSION = '2.15.0';
const [MODEL, WEIGHTS] = ['model_config', 'model_weights'];
/** The topology as tf.js has it, which Keras passes over and does not write again. */
const OWN = 'tfjs_config';

/**
 * Writes `model` as one HDF5 file that `keras.models.load_model` of Keras 3 reads, with architecture and weights but no optimizer.
 * Needs the package `h5wasm` and Node. A file of that name stays whole until the new one is.
 * @throws PruneError `bad-model` for layers that Keras does not have, `bad-file` without the package or where it cannot be written.
 */
export async function saveKeras(model: LayersModel, path: string): Promise<void> {
  const place = `saveKeras "${path}"`;
  const values = await Promise.all(model.layers.map(valuesOf));
  const shapes = values.flatMap(({ weights }) => weights);
  const topology = completeTopology(inSavedOrder(model.toJSON(null, false) as unknown as Json), shapes);
  const refuse: Refuse = (expected, got, cure = 'Keep it in tf.js.') => {
    throw new PruneError('bad-model', { place, expected, got, cure });
  };
  const words = inWordsOfKeras(topology, refuse);
  const folder = await mkdtemp(join(tmpdir(), 'tfjs-prune-'));
  try {
    const file = join(folder, 'model.h5');
    await withHdf5(place, file, 'w', root =>
      write(root, { [MODEL]: JSON.stringify(words), [OWN]: JSON.stringify(topology) }, values),
    );
    await replaceFile(place, path, new Uint8Array(await readFile(file)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Reads what Keras 2 or 3 wrote by `model.save("model.h5")`; the caller disposes the model. Needs the package `h5wasm` and Node.
 * @throws PruneError `bad-file` where file and model contradict each other, or tf.js has no such layer.
 */
export async function loadKeras(path: string): Promise<LayersModel> {
  const place = `loadKeras "${path}"`;
  const refuse: Refuse = (expected, got, cure = 'Save it again in Keras with model.save("model.h5").') => {
    throw new PruneError('bad-file', { place, expected, got, cure });
  };
  const { config, version, weights } = await withHdf5(place, path, 'r', root => read(root, refuse));
  const modelTopology = { model_config: config, keras_version: version };
  const topology = readTopology(modelTopology, isModelClass, refuse);
  const weightSpecs = weights.map(({ name, shape }) => ({ name, shape: [...shape], dtype: 'float32' as const }));
  const weightData = weights.map(({ data }) => data.buffer);
  return buildModel({ modelTopology, weightSpecs, weightData }, topology, refuse);
}

interface Values {
  readonly layer: string;
  readonly weights: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: ArrayLike<number>;
  }[];
}

/** Keras reads the weights of a layer, or of a model that is one, by their order: those that are trained come first. */
async function valuesOf(layer: LayersModel['layers'][number]): Promise<Values> {
  const weights = await Promise.all(
    [...layer.trainableWeights, ...layer.nonTrainableWeights].map(async weight => {
      const value = weight.read();
      return { name: weight.originalName, shape: value.shape, data: await value.data() };
    }),
  );
  return { layer: layer.name, weights };
}

function write(root: Hdf5Group, topologies: Readonly<Record<string, string>>, values: readonly Values[]): void {
  const told = { keras_version: KERAS_VERSION, backend: 'tensorflow' };
  for (const [name, value] of Object.entries({ ...told, ...topologies })) root.create_attribute(name, value);
  const all = root.create_group(WEIGHTS);
  for (const [name, value] of Object.entries(told)) all.create_attribute(name, value);
  all.create_attribute(
    'layer_names',
    values.map(({ layer }) => layer),
  );
  for (const { layer, weights } of values) {
    const group = all.create_group(layer);
    group.create_attribute('weight_names', weights.map(({ name }) => name)); // prettier-ignore
    for (const { name, shape, data } of weights) {
      makeFolders(group, name);
      group.create_dataset({ name, shape, data, dtype: '<f4' });
    }
  }
}

/** Names have slashes, which are groups here. */
function makeFolders(group: Hdf5Group, name: string): void {
  const words = name.split('/').slice(0, -1);
  words.forEach((_, i) => {
    const path = words.slice(0, i + 1).join('/');
    if (group.get(path) === null) group.create_group(path);
  });
}

function read(root: Hdf5Group, refuse: Refuse) {
  const text = (root.attrs[OWN] ?? root.attrs[MODEL])?.value;
  if (typeof text !== 'string') return refuse(`an attribute ${MODEL}`, 'none', 'Weights alone are no model: save it with model.save("model.h5").'); // prettier-ignore
  const config = parseObject(text, refuse, 'a model that Keras saved');
  const group = root.get(WEIGHTS) as Hdf5Group | null;
  if (group === null) return refuse(`a group ${WEIGHTS}`, 'none');
  const version = String(root.attrs.keras_version?.value ?? '');
  const weights = namesIn(group, 'layer_names').flatMap(layer => {
    const own = group.get(layer) as Hdf5Group;
    return namesIn(own, 'weight_names').map(name => {
      const { shape, value } = own.get(name) as Hdf5Dataset;
      return {
        name: name.startsWith(`${layer}/`) ? name : `${layer}/${name}`,
        shape,
        data: Float32Array.from(value as ArrayLike<number>),
      };
    });
  });
  return { config, version, weights };
}

/** A list that is too long for one attribute goes on in those with a number. */
function namesIn({ attrs }: Hdf5Group, name: string): readonly string[] {
  if (attrs[name] !== undefined) return listed(attrs[name].value);
  const parts: string[] = [];
  for (let i = 0; attrs[`${name}${i}`] !== undefined; i++) parts.push(...listed(attrs[`${name}${i}`].value));
  return parts;
}

function listed(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as string[]) : typeof value === 'string' ? [value] : [];
}
