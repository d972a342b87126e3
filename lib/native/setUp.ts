/** The whole set-up: installs, downloads, unpacks, compiles, puts in place, tries out; or finds that all of that is there. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { checkAborted } from '../core/check';
import { PruneError } from '../core/errors';
import { findAddon, installAddon, type Addon } from './addon';
import { cudaWheels, tensorFlowWheel } from './download';
import type { Machine } from './machine';
import { platformOf, type Platform } from './platform';
import { compile, findToolchain, type Toolchain } from './toolchain';
import { tryOut, type Tried } from './tryOut';
import { copyLibrary, unpackWheels } from './unpack';
import { isWanted, parseWheelName } from './wheel';

export interface SetUpOptions {
  /** The folder of the user's package.json. */
  readonly project: string;
  readonly gpu?: boolean;
  /** A wheel of TensorFlow instead of a download. */
  readonly wheel?: string;
  /** A folder with TensorFlow's C library instead of a wheel. */
  readonly libtensorflow?: string;
}

export interface SetUp extends Tried {
  readonly package: string;
  readonly version: string;
  readonly folder: string;
  /** The wheel or folder that it was built against. */
  readonly source: string;
  /** False when it was all there. */
  readonly built: boolean;
}

/**
 * Makes useBackend('node') (with `gpu` 'node-gpu') work in `project`. Until the new addon is complete the old one stays.
 * @throws PruneError `no-backend`, `bad-file`, `aborted`; what was there before is unchanged.
 */
export async function setUpNative(machine: Machine, options: SetUpOptions): Promise<SetUp> {
  const { project, gpu = false, libtensorflow } = options;
  const platform = platformOf(machine, gpu);
  try {
    // What was given is looked at first: refusing it should not take an installation.
    const given = await givenSource(machine, platform, options);
    const found = await findAddon(machine, project, gpu);
    const fits = (record: BuildRecord): boolean => isSatisfied(record, given, platform, gpu);
    const there = found && (await whatIsThere(machine, found, fits));
    if (there) return there;
    const toolchain = await findToolchain(machine, project);
    const addon = found ?? (await installAddon(machine, project, gpu));
    const source = given ?? (await wheelSource(await tensorFlowWheel(machine, { platform, gpu })));
    const cuda = gpu && libtensorflow === undefined ? await cudaWheels(machine, source.path, platform) : [];
    return await build(machine, { addon, toolchain, source, cuda });
  } catch (reason) {
    checkAborted('setup-native', machine.signal);
    throw reason instanceof PruneError ? reason : notWritten(reason);
  }
}

function notWritten(cause: unknown): PruneError {
  const complaint = {
    place: 'setup-native',
    expected: 'files to be read and written',
    got: cause instanceof Error ? cause.message.split('\n')[0] : String(cause),
    cure: 'Check permissions and space; what was there before is unchanged.',
  };
  return new PruneError('no-backend', complaint, { cause });
}

interface Source {
  readonly path: string;
  readonly kind: 'wheel' | 'library';
  /** Changes with the content. */
  readonly hash: string;
}

/** Lies in deps and says what was built, so that a second run finds it. */
interface BuildRecord {
  readonly source: string;
  readonly kind: 'wheel' | 'library';
  readonly hash: string;
  readonly version: string;
  /** The hash of the addon, which is put in place last. */
  readonly binding: string;
}

const RECORD = 'deps/tfjs-prune.json';
const UNFINISHED = '.tfjs-prune-';

async function givenSource(machine: Machine, platform: Platform, options: SetUpOptions): Promise<Source | undefined> {
  const { gpu = false, wheel, libtensorflow } = options;
  if (libtensorflow !== undefined) return librarySource(resolve(libtensorflow));
  if (wheel === undefined) return undefined;
  return wheelSource(await tensorFlowWheel(machine, { platform, gpu, given: wheel }));
}

function isSatisfied(record: BuildRecord, given: Source | undefined, platform: Platform, gpu: boolean): boolean {
  if (given) return record.hash === given.hash;
  const wheel = parseWheelName(record.source);
  return record.kind === 'wheel' && wheel !== undefined && isWanted(wheel, platform, gpu);
}

/** What an earlier run has built, if it still works. */
async function whatIsThere(
  machine: Machine,
  addon: Addon,
  fits: (record: BuildRecord) => boolean,
): Promise<SetUp | undefined> {
  try {
    const record = JSON.parse(await readFile(join(addon.folder, RECORD), 'utf8')) as BuildRecord;
    if (!fits(record) || record.version !== addon.version) return undefined;
    if ((await hashOfFile(bindingIn(addon.folder, addon))) !== record.binding) return undefined;
    return result(addon, record.source, await tryOut(machine, addon), false);
  } catch (reason) {
    if (machine.signal.aborted) throw reason;
    return undefined;
  }
}

interface Parts {
  readonly addon: Addon;
  readonly toolchain: Toolchain;
  readonly source: Source;
  readonly cuda: readonly string[];
}

async function build(machine: Machine, { addon, toolchain, source, cuda }: Parts): Promise<SetUp> {
  await removeUnfinished(addon.folder);
  // On the same disk as the place it goes to, so that moving it is a renaming.
  const root = await mkdtemp(join(addon.folder, `${UNFINISHED}${process.pid}-`));
  try {
    const deps = join(root, 'deps');
    await mkdir(join(deps, 'lib'), { recursive: true });
    machine.say(`Unpacking ${basename(source.path)}${cuda.length > 0 ? ' and CUDA' : ''} ...`);
    if (source.kind === 'library') await copyLibrary(machine, source.path, deps);
    else await unpackWheels(machine, [source.path, ...cuda], deps);
    machine.say(`Compiling with ${toolchain.compiler} ...`);
    const binding = await compile(machine, toolchain, { addon: addon.folder, root, napi: addon.napi });
    const { kind, hash, path } = source;
    const record: BuildRecord = {
      source: basename(path),
      kind,
      hash,
      version: addon.version,
      binding: await hashOfFile(binding),
    };
    await writeFile(join(root, RECORD), JSON.stringify(record, null, 2) + '\n');
    machine.say('Training a small net with it ...');
    return await putInPlace(root, addon, async () => result(addon, record.source, await tryOut(machine, addon), true));
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Swaps the new addon in; swaps the old one back if `test` throws. */
async function putInPlace<T>(root: string, addon: Addon, test: () => Promise<T>): Promise<T> {
  const undo: (() => Promise<void>)[] = [];
  const swap = async (from: string, to: string, aside: string): Promise<void> => {
    await mkdir(dirname(to), { recursive: true });
    if (await stat(to).catch(() => undefined)) {
      await rename(to, aside);
      undo.push(() => rename(aside, to));
    }
    await rename(from, to);
    undo.push(() => rename(to, from));
  };
  try {
    await swap(join(root, 'deps'), join(addon.folder, 'deps'), join(root, 'old-deps'));
    await swap(bindingIn(root, addon), bindingIn(addon.folder, addon), join(root, 'old-binding'));
    return await test();
  } catch (reason) {
    for (const step of undo.reverse()) await step();
    throw reason;
  }
}

function bindingIn(folder: string, { napi }: Addon): string {
  return join(folder, 'lib', `napi-v${napi}`, 'tfjs_binding.node');
}

function result({ name, version, folder }: Addon, source: string, tried: Tried, built: boolean): SetUp {
  return { package: name, version, folder, source, built, ...tried };
}

/** Of runs that were killed; not of one that is still at it. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(UNFINISHED) || isRunning(Number.parseInt(name.slice(UNFINISHED.length), 10))) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

async function wheelSource(path: string): Promise<Source> {
  return { path, kind: 'wheel', hash: await hashOfFile(path) };
}

/** By names, sizes and times: the library is large, and nobody edits it. */
async function librarySource(path: string): Promise<Source> {
  const hash = createHash('sha256');
  const folder = join(path, 'lib');
  for (const name of (await readdir(folder).catch((): string[] => [])).sort()) {
    const { size, mtimeMs } = await stat(join(folder, name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
  return { path, kind: 'library', hash: hash.digest('hex') };
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
