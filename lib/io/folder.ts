/** What a path leads to. */
import { stat } from 'node:fs/promises';

/** False for a file, and where there is nothing. */
export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
