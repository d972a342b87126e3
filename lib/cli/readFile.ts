/** Files that are given beside models. */
import { readFile } from 'node:fs/promises';
import { PruneError } from '../core/errors';

/** @throws PruneError `bad-file` at `place` where `expected` cannot be read. */
export async function readGivenFile(place: string, expected: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const got = missing ? 'no such file' : (cause as Error).message;
    throw new PruneError('bad-file', { place, expected, got, cure: 'Check the path.' }, { cause });
  }
}
