/** Optional packages: whether they are there, and whether they load. */
import * as tf from '@tensorflow/tfjs-core';
import { PruneError } from '../core/errors';
import { importModule } from './importModule';

/** A backend in use, or why it cannot be. */
export type Loaded =
  { readonly description: string } | { readonly problem: string; readonly cure: string; readonly installed: boolean };

export interface LoadOptions {
  readonly threads?: number;
  readonly software?: boolean;
}

/** Makes tf.js run on the registered backend `name`; false when it cannot, and then it stays where it was. */
export async function start(name: string): Promise<boolean> {
  if (tf.findBackendFactory(name) === null) return false;
  const before = tf.getBackend();
  const started = await tf.setBackend(name).catch(() => false);
  if (started && tf.getBackend() === name) return true;
  if (before) await tf.setBackend(before); // tf.js would fall to any other
  return false;
}

/** Undefined when `name` loads. */
export async function tryImport(name: string): Promise<{ problem: string; installed: boolean } | undefined> {
  try {
    await importModule(name);
    return undefined;
  } catch (error) {
    const { code, message = String(error) } = Object(error) as { code?: string; message?: string };
    const missing =
      /MODULE_NOT_FOUND$/.test(code ?? '') && [name, packageOf(name)].some(at => message.includes(`'${at}'`));
    if (missing) return { problem: 'it is not installed', installed: false };
    return { problem: `it does not load: ${message.split('\n')[0].replace(/\.$/, '')}`, installed: true };
  }
}

/** The module `name` of a package that does what `purpose` says. @throws PruneError `bad-file` at `place` where it is not there. */
export async function importPackage(place: string, name: string, purpose: string): Promise<unknown> {
  const problem = await tryImport(name);
  if (problem === undefined) return importModule(name);
  const expected = `the package ${packageOf(name)}, which ${purpose}`;
  const cure = `Run "npm install ${packageOf(name)}".`;
  throw new PruneError('bad-file', { place, expected, got: problem.problem, cure });
}

/** Without the path inside it. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}
