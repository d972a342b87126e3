/** Models on disk in Node: tf.js turns a model into data and back, io/ writes and reads it. */
import { io } from '@tensorflow/tfjs-core';
import { loadLayersModel as loadPlain, type LayersModel } from '@tensorflow/tfjs-layers';
import { PruneError } from '../core/errors';
import { readModelFiles, writeModelFiles, type ModelArtifacts } from '../io/modelFiles';

export interface SaveOptions {
  /** Kept in the file beside the model's own `getUserDefinedMetadata()`; anything that JSON can hold. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/**
 * Writes `model` as `model.json` and weight shards into `directory`, for `tf.loadLayersModel` anywhere. A model already
 * there is replaced only by a whole one. The same model gives the same bytes. Optimizer state is not saved.
 * @throws PruneError `bad-file` when the folder cannot be written, `bad-model` when two weights share a name.
 */
export async function saveLayersModel(
  model: LayersModel,
  directory: string,
  { metadata }: SaveOptions = {},
): Promise<void> {
  const handler = io.withSaveHandler(async artifacts => {
    await writeModelFiles(withMetadata(artifacts, metadata), directory);
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
  });
  await model.save(handler);
}

/**
 * Reads a model from its `model.json` or the folder that holds it; the caller disposes it. It is not compiled.
 * @throws PruneError `bad-file` when a file is missing, damaged, of another format or contradicts another.
 */
export async function loadLayersModel(path: string): Promise<LayersModel> {
  const artifacts = await readModelFiles(path);
  try {
    return await loadPlain(io.fromMemory(artifacts));
  } catch (cause) {
    const [line] = (cause as Error).message.split('\n');
    const isUnknown = line.startsWith('Unknown layer');
    throw new PruneError(
      'bad-file',
      {
        place: `loadLayersModel "${path}"`,
        expected: 'a model that tf.js can build',
        got: `"${line.replace(/\.$/, '')}"`,
        cure: isUnknown
          ? 'Register the class of that layer with tf.serialization.registerClass first.'
          : 'Topology and weights disagree; save the model again.',
      },
      { cause },
    );
  }
}

function withMetadata(artifacts: io.ModelArtifacts, metadata: SaveOptions['metadata']): ModelArtifacts {
  const { modelTopology, weightSpecs = [], weightData = [], generatedBy, convertedBy, userDefinedMetadata } = artifacts;
  const merged = { ...userDefinedMetadata, ...metadata };
  return {
    modelTopology: modelTopology as object,
    weightSpecs: weightSpecs as ModelArtifacts['weightSpecs'],
    weightData: Array.isArray(weightData) ? weightData : [weightData],
    generatedBy,
    convertedBy,
    ...(Object.keys(merged).length > 0 && { userDefinedMetadata: merged }),
  };
}
