/** Models of the command line: read, lent, freed. */
import '../layers/registered'; // what a file may hold
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Checkpoint } from '../core/checkpoint';
import { unwrap } from '../edit/slim';
import { useBackend } from '../runtime/backend';
import { capture } from '../runtime/capture';
import { loadLayersModel } from '../runtime/files';
import { loadKeras } from '../runtime/kerasFiles';
import type { Given } from './command';

const HDF5 = /\.(h5|hdf5|keras)$/i;

/** Lends `use` the model at `path` on the backend that was asked for. */
export async function withModelFile<T>(
  path: string,
  given: Given,
  use: (model: LayersModel) => Promise<T>,
): Promise<T> {
  await useBackendOf(given);
  const model = await (HDF5.test(path) ? loadKeras(path) : loadLayersModel(path));
  try {
    return await use(model);
  } finally {
    model.dispose();
  }
}

export async function useBackendOf(given: Given): Promise<void> {
  await useBackend((given.word('backend') ?? 'auto') as Parameters<typeof useBackend>[0]);
}

/** The model at `path` as data, in stock layers. */
export function readCheckpoint(path: string, given: Given): Promise<Checkpoint> {
  return withModelFile(path, given, async model => unwrap(await capture(model)));
}

/** The file `name` beside the model at `path`; where that is a folder, the folder. */
export function fileBeside(path: string, name: string): string {
  return path.replace(/[^/\\]+\.(json|h5|hdf5|keras)(?=$|\?)/i, name);
}
