/** HDF5, in which Keras keeps models: what of the optional package `h5wasm` is used. */
import { open } from 'node:fs/promises';
import { PruneError } from '../core/errors';
import { importPackage } from './optional';

export interface Hdf5Attributes {
  readonly attrs: Readonly<Record<string, { readonly value: unknown }>>;
  create_attribute(name: string, value: string | readonly string[]): void;
}

export interface Hdf5Dataset extends Hdf5Attributes {
  readonly shape: readonly number[];
  readonly value: unknown;
}

export interface Hdf5Group extends Hdf5Attributes {
  create_group(name: string): Hdf5Group;
  create_dataset(options: { name: string; data: ArrayLike<number>; shape: readonly number[]; dtype: string }): unknown;
  /** Null where there is none. */
  get(path: string): Hdf5Group | Hdf5Dataset | null;
}

interface Hdf5File extends Hdf5Group {
  /** Below zero for what is no such file. */
  readonly file_id: bigint | number;
  close(): unknown;
}

interface Hdf5 {
  readonly ready: Promise<unknown>;
  readonly File: new (path: string, mode: 'r' | 'w') => Hdf5File;
}

/** Under Node it reads and writes the files of the machine. */
const PACKAGE = 'h5wasm/node';

const SIGNATURE = Uint8Array.from('\x89HDF\r\n\x1a\n', character => character.charCodeAt(0));

/** Lends `use` the file at `path`. @throws PruneError `bad-file` where the package is missing, or it is no such file. */
export async function withHdf5<T>(
  place: string,
  path: string,
  mode: 'r' | 'w',
  use: (file: Hdf5Group) => T,
): Promise<T> {
  const { ready, File } = (await importPackage(place, PACKAGE, 'reads and writes HDF5')) as Hdf5;
  await ready;
  // The library would print pages about it.
  if (mode === 'r' && !(await beginsAsHdf5(path))) throw noFile(place, path);
  const file = new File(path, mode);
  if (Number(file.file_id) < 0) throw noFile(place, path);
  try {
    return use(file);
  } finally {
    file.close();
  }
}

async function beginsAsHdf5(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  const begin = new Uint8Array(SIGNATURE.length);
  await file?.read(begin, 0, begin.length, 0).catch(() => undefined); // a folder cannot be read
  await file?.close();
  return SIGNATURE.every((byte, i) => begin[i] === byte);
}

function noFile(place: string, path: string): PruneError {
  return new PruneError('bad-file', {
    place,
    expected: 'an HDF5 file',
    got: `"${path}", which is none`,
    cure: 'Save the model in Keras with model.save("model.h5").',
  });
}
