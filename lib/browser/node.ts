/**
 * browser: what the build for browsers has in place of Node.js. Knows core alone.
 * This file: stands for `node:fs/promises`, `node:path`, `node:os` and `node:crypto`. Names of files can be taken apart as ever;
 * whatever would touch a file refuses.
 */
import { PruneError } from '../core/errors';

/** Throws at once, not as a promise, so that nobody takes it for a file that is missing. */
function refuse(path?: unknown): never {
  throw new PruneError('bad-file', {
    place: typeof path === 'string' ? `"${path}"` : 'files',
    expected: 'Node.js, which has files and folders',
    got: 'a browser',
    cure: 'Load a model from its http(s) address or from File objects; save it with model.save("downloads://name").',
  });
}

export {
  refuse as copyFile,
  refuse as createHash,
  refuse as link,
  refuse as mkdir,
  refuse as mkdtemp,
  refuse as open,
  refuse as readdir,
  refuse as readFile,
  refuse as rename,
  refuse as rm,
  refuse as rmdir,
  refuse as stat,
};

export function tmpdir(): string {
  return '/tmp';
}

export function join(...parts: readonly string[]): string {
  const path = parts.filter(Boolean).join('/');
  const inside: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && inside.length > 0 && inside[inside.length - 1] !== '..') inside.pop();
    else if (part !== '..' || !path.startsWith('/')) inside.push(part);
  }
  const [root, end] = [path.startsWith('/') ? '/' : '', path.endsWith('/') ? '/' : ''];
  return inside.length === 0 ? root || `.${end}` : root + inside.join('/') + end;
}

/** A page is in no folder: relative paths are taken from the root. */
export function resolve(...parts: readonly string[]): string {
  const last = Math.max(0, ...parts.map((part, i) => (part.startsWith('/') ? i : 0)));
  return join('/', ...parts.slice(last)).replace(/(?<=.)\/$/, '');
}

export function dirname(path: string): string {
  const end = path.replace(/(?<=.)\/+$/, '');
  const at = end.lastIndexOf('/');
  if (at < 0) return '.';
  return end.slice(0, at).replace(/\/+$/, '') || '/';
}

export function basename(path: string): string {
  return path.replace(/\/+$/, '').split('/').pop()!;
}

export const posix = { isAbsolute: (path: string): boolean => path.startsWith('/') };
export const win32 = { isAbsolute: (path: string): boolean => /^([a-z]:)?[\\/]/i.test(path) };
