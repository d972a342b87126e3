/** What the addon needs of a wheel or of a C library, put where it looks for it: deps/include, deps/lib, deps/nvidia. */
import { cp, mkdir, readdir, stat, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PruneError } from '../core/errors';
import { requireSpace } from './download';
import type { Machine } from './machine';
import { TENSORFLOW } from './wheel';
import { withZip } from './zip';

const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
/** The compiler and the folders of its C interface; the other 99 % of the headers are of no use here. */
const HEADERS =
  /^tensorflow\/include\/((?:tensorflow\/c|tensorflow\/core\/platform|tsl\/platform|xla\/tsl\/c)\/.+\.h)$/;
/** Beside deps/lib as Python has them beside TensorFlow, which looks for them there (../nvidia/cudnn/lib, ../nvidia/cuda_nvcc). */
const CUDA = /^(nvidia\/[^/]+\/lib\/.+\.so[.\d]*|nvidia\/cuda_nvcc\/(?:bin|nvvm)\/.+[^/])$/;

/** Room for the addon itself and for what the disk keeps to itself. */
const SPARE = 2 ** 27;

/** Where a file of a wheel goes below deps/; undefined for one that stays packed. */
export function placeOf(name: string): string | undefined {
  if (name.split('/').includes('..')) return undefined;
  const library = LIBRARIES.find(file => name === `tensorflow/${file}`);
  if (library !== undefined) return `lib/${library}`;
  const header = HEADERS.exec(name);
  return header ? `include/${header[1]}` : CUDA.exec(name)?.[1];
}

/** @throws PruneError `bad-file` for a damaged wheel or one without TensorFlow's library, `no-backend` for a full disk. */
export async function unpackWheels(machine: Machine, wheels: readonly string[], deps: string): Promise<void> {
  await mkdir(join(deps, 'lib'), { recursive: true });
  for (const [i, wheel] of wheels.entries()) {
    await withZip(wheel, async ({ entries, extract }) => {
      const chosen = entries.flatMap(entry => {
        const place = placeOf(entry.name);
        return place === undefined ? [] : [{ entry, place }];
      });
      if (i === 0) requireLibraries(wheel, new Set(chosen.map(({ place }) => basename(place))));
      await requireSpace(
        machine,
        deps,
        chosen.reduce((sum, { entry }) => sum + entry.size, SPARE),
      );
      for (const { entry, place } of chosen) await extract(entry, join(deps, place), machine.signal);
    });
  }
  // The names that the linker looks for.
  await symlink(LIBRARIES[0], join(deps, 'lib/libtensorflow.so'));
  await symlink(LIBRARIES[1], join(deps, 'lib/libtensorflow_framework.so'));
}

/** Takes TensorFlow's C library, which is a folder with include/ and lib/. @throws PruneError `bad-file` for another folder. */
export async function copyLibrary(machine: Machine, directory: string, deps: string): Promise<void> {
  const needed = ['include/tensorflow/c/c_api.h', 'lib/libtensorflow.so', 'lib/libtensorflow_framework.so'];
  for (const file of needed) {
    if (await stat(join(directory, file)).catch(() => undefined)) continue;
    throw new PruneError('bad-file', {
      place: directory,
      expected: needed.join(', '),
      got: `no ${file}`,
      cure: 'Give the folder that the libtensorflow archive was unpacked into.',
    });
  }
  const libraries = (await readdir(join(directory, 'lib'))).filter(name => /^libtensorflow.*\.so[.\d]*$/.test(name));
  const sizes = await Promise.all(libraries.map(async name => (await stat(join(directory, 'lib', name))).size));
  await requireSpace(machine, deps, Math.max(...sizes) + SPARE);
  await cp(join(directory, 'include'), join(deps, 'include'), { recursive: true });
  for (const name of libraries) {
    machine.signal.throwIfAborted();
    await cp(join(directory, 'lib', name), join(deps, 'lib', name), { verbatimSymlinks: true, recursive: true });
  }
}

function requireLibraries(wheel: string, names: ReadonlySet<string>): void {
  const missing = LIBRARIES.find(name => !names.has(name));
  if (missing === undefined) return;
  throw new PruneError('bad-file', {
    place: basename(wheel),
    expected: `tensorflow/${missing} in it`,
    got: 'none',
    cure: `Take a wheel of TensorFlow ${TENSORFLOW}.`,
  });
}
