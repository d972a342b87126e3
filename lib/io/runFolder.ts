/** A folder that keeps what a run has finished. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PruneError } from '../core/errors';
import type { RunStore } from '../core/store';
import { replaceFiles } from './atomic';

/** What a run that was killed while it wrote leaves behind. */
const UNFINISHED = /^\.(run\.json|(step-\d+|training)\.bin)\.\d+-\d+\.tmp$/;

/**
 * Keeps each file of a run in `directory`, which is made if need be, under its own name; a file is there whole or not at
 * all. Other files are left alone. One run at a time.
 * @throws PruneError `bad-file` when it cannot be read or written.
 */
export function runFolder(directory: string): RunStore {
  const place = `resume "${directory}"`;
  return {
    name: directory,
    async read(name) {
      try {
        return await readFile(join(directory, name));
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        const [expected, got] = ['a folder that can be read', (cause as Error).message];
        throw new PruneError('bad-file', { place, expected, got, cure: 'Check path and permissions.' }, { cause });
      }
    },
    async write(name, bytes) {
      const main = { name, parts: [bytes] };
      const isObsolete = (file: string): boolean => UNFINISHED.test(file);
      await replaceFiles(place, directory, { main, isObsolete });
    },
  };
}
