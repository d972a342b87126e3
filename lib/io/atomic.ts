/** Replaces a set of files so that at every moment either the old or the new set is whole. */
import { copyFile, link, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { PruneError } from '../core/errors';
import type { Json } from '../core/json';

export interface NewFile {
  readonly name: string;
  /** Its bytes; made while they are written where there are too many to hold. */
  readonly parts: readonly Uint8Array[] | AsyncIterable<Uint8Array>;
}

/** One whose bytes are all there. */
export interface WholeFile extends NewFile {
  readonly parts: readonly Uint8Array[];
}

export function textFile(name: string, text: string): WholeFile {
  return { name, parts: [new TextEncoder().encode(text)] };
}

export function jsonFile(name: string, json: Json): WholeFile {
  return textFile(name, `${JSON.stringify(json, undefined, 2)}\n`);
}

export interface Replacement {
  /** Names the others, so it goes last: with it the new set becomes valid. */
  readonly main: NewFile;
  /** Their names must tell their content, so that they never overwrite a file of the old set with other bytes. */
  readonly others?: readonly NewFile[];
  /** Files that keep their name from set to set; swapped right before `main`, and back again if that fails. */
  readonly beside?: readonly NewFile[];
  /** Files of the old set; those that are not of the new one go. Default: none is. */
  readonly isObsolete?: (name: string) => boolean;
}

let uses = 0;

/**
 * Writes the set into `directory`, making it if need be; after a failure the folder is as it was.
 * @throws PruneError `bad-file` when something cannot be written; what making the parts throws as it is.
 */
export async function replaceFiles(place: string, directory: string, replacement: Replacement): Promise<void> {
  const { main, others = [], beside = [], isObsolete = () => false } = replacement;
  const undo: Undo = [];
  // Temporary files: gone in the end, whether it worked or not.
  const rest: string[] = [];
  let before: string[] = [];
  try {
    const made = await mkdir(directory, { recursive: true });
    if (made) undo.push(() => removeEmpty(resolve(directory), resolve(made)));
    before = await readdir(directory);
    await swapAll({ directory, before, undo, rest }, { main, others, beside });
  } catch (cause) {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    if (cause instanceof PruneError) throw cause;
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
  } finally {
    for (const file of rest) await rm(file, { force: true }).catch(() => undefined);
  }
  const current = new Set([...others, ...beside, main].map(({ name }) => name));
  const gone = before.filter(name => isObsolete(name) && !current.has(name));
  // The new set is in place: a leftover of the old one does no harm.
  for (const name of gone) await rm(join(directory, name), { force: true }).catch(() => undefined);
}

/** The same for the one file at `path`. */
export async function replaceFile(place: string, path: string, bytes: Uint8Array): Promise<void> {
  await replaceFiles(place, dirname(path), { main: { name: basename(path), parts: [bytes] } });
}

type Undo = (() => Promise<void>)[];

interface Work {
  readonly directory: string;
  readonly before: readonly string[];
  readonly undo: Undo;
  readonly rest: string[];
}

/** What takes long, the writing, is done before the first file that has been there changes. */
async function swapAll(
  { directory, before, undo, rest }: Work,
  { main, others, beside }: Required<Omit<Replacement, 'isObsolete'>>,
): Promise<void> {
  const written = new Map<NewFile, string>();
  for (const file of [...others, ...beside, main]) {
    const unfinished = unfinishedName(directory, file.name);
    rest.push(unfinished);
    await write(unfinished, file);
    written.set(file, unfinished);
  }
  for (const file of [...others, ...beside, main]) {
    const path = join(directory, file.name);
    if (!before.includes(file.name)) undo.push(() => rm(path, { force: true }));
    else if (beside.includes(file)) {
      const old = unfinishedName(directory, file.name);
      rest.push(old);
      // A second name costs nothing; not every file system has them.
      await link(path, old).catch(() => copyFile(path, old));
      undo.push(() => rename(old, path));
    }
    await rename(written.get(file)!, path);
  }
}

/** Removes `directory` and its parents up to `top`; one that others have written into stays. */
async function removeEmpty(directory: string, top: string): Promise<void> {
  await rmdir(directory);
  if (directory !== top) await removeEmpty(dirname(directory), top);
}

/** Another name until a file is complete, so that nobody reads half of it. */
function unfinishedName(directory: string, name: string): string {
  return join(directory, `.${name}.${process.pid}-${++uses}.tmp`);
}

async function write(path: string, { parts }: NewFile): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for await (const part of parts) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
}
