/** The package of the addon in the user's project: there, or put there by npm without running its installer. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PruneError } from '../core/errors';
import type { Machine } from './machine';

/** The release whose sources are known to compile against {@link TENSORFLOW}. */
export const ADDON = '4.22.0';

export interface Addon {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  /** Of Node-API, for which the package looks for its addon. */
  readonly napi: number;
}

/** The package as `project` sees it, if it does. @throws PruneError `no-backend` when another release is there. */
export async function findAddon(machine: Machine, project: string, gpu: boolean): Promise<Addon | undefined> {
  const name = nameOf(gpu);
  const manifest = await resolveManifest(resolve(project), name);
  if (manifest === undefined) return undefined;
  const folder = dirname(manifest);
  const { version, binary } = JSON.parse(await readFile(manifest, 'utf8')) as Manifest;
  if (!/^4\.(2[2-9]|[3-9]\d)\./.test(version)) {
    throw new PruneError('no-backend', {
      place: folder,
      expected: `${name} ${ADDON}`,
      got: version,
      cure: `Run npm install --ignore-scripts ${name}@${ADDON}.`,
    });
  }
  return { name, version, folder, napi: Math.max(...binary.napi_versions.filter(napi => napi <= machine.napi)) };
}

/** Has npm put the package into `project`; package.json is not changed. @throws PruneError `no-backend` when npm cannot. */
export async function installAddon(machine: Machine, project: string, gpu: boolean): Promise<Addon> {
  const name = nameOf(gpu);
  await requireNpmProject(project, name);
  machine.say(`Installing ${name} ${ADDON} ...`);
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--fetch-retries=1'];
  const args = ['install', '--prefix', project, ...options, `${name}@${ADDON}`];
  const { code, error } = await machine.run('npm', args, { cwd: project });
  const found = code === 0 ? await findAddon(machine, project, gpu) : undefined;
  if (found) return found;
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET|ENOTCACHED/.test(error)) {
    throw notInstalled(name, 'the package registry is not reachable');
  }
  const said =
    error.split('\n').find(line => /^npm (error|ERR!) (?!code )/.test(line)) ?? `exit code ${code ?? 'none'}`;
  throw notInstalled(name, `"${said.replace(/^npm (error|ERR!)\s*/, '').replace(/\.$/, '')}"`);
}

function nameOf(gpu: boolean): string {
  return gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
}

function notInstalled(name: string, got: string): PruneError {
  return new PruneError('no-backend', {
    place: `npm install ${name}`,
    expected: 'the package to be installed',
    got,
    cure: 'Install it with --ignore-scripts, then run setup-native again.',
  });
}

interface Manifest {
  readonly version: string;
  readonly binary: { readonly napi_versions: readonly number[] };
}

/** As Node.js looks for it, but anew each time: require remembers that there was none. */
async function resolveManifest(folder: string, name: string): Promise<string | undefined> {
  const manifest = join(folder, 'node_modules', name, 'package.json');
  if (await stat(manifest).catch(() => undefined)) return manifest;
  return dirname(folder) === folder ? undefined : resolveManifest(dirname(folder), name);
}

/** npm in a folder of another package manager, or in none, would do harm. */
async function requireNpmProject(project: string, name: string): Promise<void> {
  const has = async (file: string): Promise<boolean> =>
    (await stat(join(project, file)).catch(() => undefined)) !== undefined;
  const others: Readonly<Record<string, string>> = {
    'pnpm-lock.yaml': 'pnpm add --ignore-scripts',
    'yarn.lock': 'yarn add --ignore-scripts',
    'bun.lock': 'bun add --ignore-scripts',
  };
  for (const [file, command] of Object.entries(others)) {
    if (!(await has(file))) continue;
    const cure = `Run ${command} ${name}@${ADDON}, then setup-native again.`;
    throw new PruneError('no-backend', { place: project, expected: `${name} to be installed`, got: 'none', cure });
  }
  if (await has('package.json')) return;
  throw new PruneError('no-backend', {
    place: project,
    expected: 'the folder of a project',
    got: 'no package.json',
    cure: 'Change to the folder of your project, or run npm init -y first.',
  });
}
