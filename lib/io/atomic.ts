/** Replaces a set of files so that at every moment either the old or the new set is whole. */
import { mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PruneError } from '../core/errors';

export interface NewFile {
  readonly name: string;
  readonly parts: readonly Uint8Array[];
}

export interface Replacement {
  /** Names the others, so it goes last: with it the new set becomes valid. */
  readonly main: NewFile;
  /** Their names must tell their content, so that they never overwrite a file of the old set with other bytes. */
  readonly others: readonly NewFile[];
  /** Files of the old set; those that are not of the new one go. */
  readonly isObsolete: (name: string) => boolean;
}

let uses = 0;

/**
 * Writes the set into `directory`, making it if need be; after a failure the folder is as it was.
 * @throws PruneError `bad-file` when something cannot be written.
 */
export async function replaceFiles(
  place: string,
  directory: string,
  { main, others, isObsolete }: Replacement,
): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  let before: string[] = [];
  try {
    const made = await mkdir(directory, { recursive: true });
    if (made) undo.push(() => removeEmpty(resolve(directory), resolve(made)));
    before = await readdir(directory);
    for (const file of [...others, main]) {
      if (!before.includes(file.name)) undo.push(() => rm(join(directory, file.name), { force: true }));
      await writeWhole(directory, file);
    }
  } catch (cause) {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    throw new PruneError(
      'bad-file',
      {
        place,
        expected: 'a folder to write into',
        got: (cause as Error).message,
        cure: 'Check path, permissions and space; what was there before is unchanged.',
      },
      { cause },
    );
  }
  const current = new Set([...others, main].map(({ name }) => name));
  const gone = before.filter(name => isObsolete(name) && !current.has(name));
  // The new set is in place: a leftover of the old one does no harm.
  for (const name of gone) await rm(join(directory, name), { force: true }).catch(() => undefined);
}

/** Removes `directory` and its parents up to `top`; one that others have written into stays. */
async function removeEmpty(directory: string, top: string): Promise<void> {
  await rmdir(directory);
  if (directory !== top) await removeEmpty(dirname(directory), top);
}

/** Under another name until it is complete, so that nobody reads half a file. */
async function writeWhole(directory: string, { name, parts }: NewFile): Promise<void> {
  const unfinished = join(directory, `.${name}.${process.pid}-${++uses}.tmp`);
  try {
    const file = await open(unfinished, 'wx');
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, join(directory, name));
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw error;
  }
}
