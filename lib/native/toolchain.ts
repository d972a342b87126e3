/** Compiles the addon's sources, as they are, against the library in deps. */
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PruneError } from '../core/errors';
import { compareVersions } from './platform';
import { cacheFolder, type Machine } from './machine';

export interface Toolchain {
  readonly compiler: string;
  /** The folder of node_api.h. */
  readonly headers: string;
}

/** @throws PruneError `no-backend` without a C++ compiler or the headers of Node.js. */
export async function findToolchain(machine: Machine, project: string): Promise<Toolchain> {
  return { compiler: await findCompiler(machine), headers: await findHeaders(machine, project) };
}

export interface Sources {
  /** The folder of the package, with binding/. */
  readonly addon: string;
  /** With deps/; the addon goes to lib/napi-vN below it. */
  readonly root: string;
  readonly napi: number;
}

/** Gives the addon's file. @throws PruneError `no-backend` when the compiler refuses. */
export async function compile(machine: Machine, { compiler, headers }: Toolchain, sources: Sources): Promise<string> {
  const { addon, root, napi } = sources;
  const folder = join(root, 'lib', `napi-v${napi}`);
  const output = join(folder, 'tfjs_binding.node');
  await mkdir(folder, { recursive: true });
  const args = [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', `-DNAPI_VERSION=${napi}`],
    ...['-I', headers, '-I', addon, '-I', join(root, 'deps/include')],
    ...['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc'].map(file => join(addon, file)),
    ...['-L', join(root, 'deps/lib'), '-ltensorflow', '-ltensorflow_framework'],
    // Found from where the addon lies, so that neither LD_LIBRARY_PATH nor an absolute path is needed.
    ...['-Wl,-rpath,$ORIGIN/../../deps/lib', '-o', output],
  ];
  const { code, error } = await machine.run(compiler, args);
  if (code === 0) return output;
  const log = join(cacheFolder(machine), 'compiler.log');
  await mkdir(dirname(log), { recursive: true });
  await writeFile(log, [compiler, ...args].join(' ') + `\n\n${error}`);
  const first =
    error.split('\n').find(line => /error|undefined reference|cannot find/i.test(line)) ?? `exit code ${code}`;
  throw new PruneError('no-backend', {
    place: compiler,
    expected: 'the addon to compile',
    got: `"${first.trim().replace(/\.$/, '')}"`,
    cure: `The whole output is in ${log}; another compiler can be named by CXX.`,
  });
}

async function findCompiler({ env, run }: Machine): Promise<string> {
  const candidates = env.CXX ? [env.CXX] : ['g++', 'c++', 'clang++'];
  for (const candidate of candidates) if ((await run(candidate, ['--version'])).code === 0) return candidate;
  throw new PruneError('no-backend', {
    place: 'setup-native',
    expected: 'a C++ compiler',
    got: env.CXX ? `no program "${env.CXX}", which CXX names` : 'none of g++, c++ and clang++',
    cure: 'Install one (Debian: apt install g++; Fedora: dnf install gcc-c++) or name one by CXX.',
  });
}

/** Node-API is stable across versions, so the headers of any Node.js do. */
async function findHeaders(machine: Machine, project: string): Promise<string> {
  const { execPath, env } = machine;
  const cache = cacheFolder(machine, 'node-gyp');
  const versions = (await readdir(cache).catch((): string[] => [])).sort(compareVersions).reverse();
  const candidates = [
    ...(env.npm_config_nodedir ? [join(env.npm_config_nodedir, 'include/node')] : []),
    join(dirname(dirname(execPath)), 'include/node'),
    '/usr/include/node',
    ...versions.map(version => join(cache, version, 'include/node')),
    join(project, 'node_modules/node-api-headers/include'),
  ];
  for (const folder of candidates) {
    if ((await stat(join(folder, 'node_api.h')).catch(() => undefined))?.isFile()) return folder;
  }
  throw new PruneError('no-backend', {
    place: 'setup-native',
    expected: 'the headers of Node.js (node_api.h)',
    got: `none beside ${execPath}, in /usr/include/node or kept by node-gyp`,
    cure: 'Run npm install --save-dev node-api-headers.',
  });
}
