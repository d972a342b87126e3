/** Gets wheels: a given file, what an earlier run has kept, or a download by pip. */
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { PruneError } from '../core/errors';
import { cacheFolder, type Machine } from './machine';
import { compareVersions, type Platform } from './platform';
import {
  checkTensorFlowWheel,
  cudaRequirements,
  distributionFor,
  isWanted,
  parseWheelName,
  pipTarget,
  TENSORFLOW,
} from './wheel';
import { withZip } from './zip';

/** What the message says when pip finds no index to ask. */
export const NO_INDEX = 'the package index is not reachable';

const GIGABYTE = 2 ** 30;

/**
 * A TensorFlow wheel that runs on `platform`.
 * @throws PruneError `bad-file` for a given file of another kind, `no-backend` when none can be had.
 */
export async function tensorFlowWheel(
  machine: Machine,
  { platform, gpu, given }: { platform: Platform; gpu: boolean; given?: string },
): Promise<string> {
  if (given !== undefined) {
    checkTensorFlowWheel(given, platform);
    await requireFile(given);
    return resolve(given);
  }
  const folder = join(cacheFolder(machine), 'wheels');
  const find = async (): Promise<string | undefined> => {
    const wheels = (await filesIn(folder)).flatMap(file => parseWheelName(file) ?? []);
    const wanted = wheels.filter(wheel => isWanted(wheel, platform, gpu));
    return wanted.sort((a, b) => compareVersions(b.version, a.version))[0]?.file;
  };
  if ((await find()) === undefined) {
    const distribution = distributionFor(platform, gpu);
    machine.say(`Downloading ${distribution} ${TENSORFLOW} with pip (${gpu ? 600 : 280} MB, kept in ${folder}) ...`);
    await download(machine, folder, [`${distribution}==${TENSORFLOW}.*`], { platform, bytes: GIGABYTE });
  }
  const file = await find();
  if (file === undefined) throw noWheel('nothing that setup-native knows', platform);
  checkTensorFlowWheel(file, platform);
  return join(folder, file);
}

/**
 * The wheels of CUDA that the TensorFlow in `wheel` asks for: those that lie beside it, or else downloads.
 * @throws PruneError `bad-file` for a wheel without them, `no-backend` when they cannot be had.
 */
export async function cudaWheels(machine: Machine, wheel: string, platform: Platform): Promise<readonly string[]> {
  const requirements = await requirementsIn(wheel);
  const names = requirements.map(requirement => /^[\w-]+/.exec(requirement)![0].replace(/-/g, '_'));
  const complete = async (folder: string): Promise<string[] | undefined> => {
    const files = (await filesIn(folder)).filter(file => parseWheelName(file) !== undefined);
    const found = names.map(name => files.find(file => parseWheelName(file)!.distribution === name));
    return found.every(file => file !== undefined) ? found.map(file => join(folder, file)) : undefined;
  };
  // Kept by the TensorFlow that asked for them, as another version asks for others.
  const folder = join(cacheFolder(machine), 'cuda', basename(wheel, '.whl'));
  const there = (await complete(dirname(wheel))) ?? (await complete(folder));
  if (there) return there;
  machine.say(`Downloading ${names.length} packages of CUDA with pip (2 to 3 GB, kept in ${folder}) ...`);
  await download(machine, folder, requirements, { platform, bytes: 4 * GIGABYTE });
  const found = await complete(folder);
  if (!found) throw noWheel('only some of the packages of CUDA', platform);
  return found;
}

async function requirementsIn(wheel: string): Promise<readonly string[]> {
  const metadata = await withZip(wheel, async zip => {
    const entry = zip.entries.find(({ name }) => /^[^/]+\.dist-info\/METADATA$/.test(name));
    return entry ? zip.text(entry) : '';
  });
  const requirements = cudaRequirements(metadata);
  if (requirements.length > 0) return requirements;
  throw new PruneError('bad-file', {
    place: basename(wheel),
    expected: 'a wheel of tensorflow that asks for CUDA',
    got: 'one for CPUs',
    cure: 'Give a wheel of tensorflow (not tensorflow_cpu), or leave out --gpu.',
  });
}

/** Everything into `folder`, or nothing. */
async function download(
  machine: Machine,
  folder: string,
  requirements: readonly string[],
  { platform, bytes }: { platform: Platform; bytes: number },
): Promise<void> {
  const pip = await findPip(machine);
  await mkdir(folder, { recursive: true });
  await requireSpace(machine, folder, bytes);
  const unfinished = await mkdtemp(join(folder, '.unfinished-'));
  try {
    const options = ['--dest', unfinished, '--disable-pip-version-check', '--progress-bar', 'off', '--retries', '2'];
    const [command, ...first] = pip;
    const args = [...first, 'download', ...options, ...pipTarget(platform.architecture), ...requirements];
    const { code, error } = await machine.run(command, args);
    if (code !== 0) throw refusedByPip(error, requirements, platform);
    for (const file of await readdir(unfinished)) await rename(join(unfinished, file), join(folder, file));
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** @throws PruneError `no-backend` when fewer than `bytes` are free. */
export async function requireSpace(machine: Machine, folder: string, bytes: number): Promise<void> {
  const free = await machine.freeBytes(folder);
  if (free >= bytes) return;
  throw new PruneError('no-backend', {
    place: folder,
    expected: `${(bytes / GIGABYTE).toFixed(1)} GB of free space`,
    got: `${(free / GIGABYTE).toFixed(1)} GB`,
    cure: 'Free some space, or set XDG_CACHE_HOME to a folder on another disk for the downloads.',
  });
}

async function findPip({ run }: Machine): Promise<readonly string[]> {
  const candidates = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']];
  for (const candidate of candidates) {
    const [command, ...args] = candidate;
    if ((await run(command, [...args, '--version'])).code === 0) return candidate;
  }
  throw new PruneError('no-backend', {
    place: 'setup-native',
    expected: 'Python with pip, to download the wheel',
    got: 'none on the path',
    cure: 'Install it (Debian: apt install python3-pip), or download the wheel elsewhere and give it as --wheel FILE.',
  });
}

function refusedByPip(error: string, requirements: readonly string[], platform: Platform): PruneError {
  if (/NewConnectionError|ConnectionError|ConnectTimeout|ReadTimeout|NameResolution|ProxyError|SSLError/i.test(error)) {
    return noWheel(NO_INDEX, platform);
  }
  if (/No matching distribution/i.test(error)) {
    return noWheel(`an index without ${requirements.length === 1 ? requirements[0] : 'them'}`, platform);
  }
  const said = error.split('\n').filter(line => line.startsWith('ERROR:'));
  const got = (said.at(-1) ?? error.trim().split('\n').at(-1) ?? '').replace(/^ERROR:\s*/, '').replace(/\.$/, '');
  return noWheel(`"${got}" from pip`, platform);
}

function noWheel(got: string, { architecture }: Platform): PruneError {
  return new PruneError('no-backend', {
    place: 'pip download',
    expected: `wheels for ${architecture}`,
    got,
    cure: 'Check the connection and the index that pip is set to, or give a downloaded wheel as --wheel FILE.',
  });
}

async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return;
  const got = found ? 'a folder' : 'no such file';
  throw new PruneError('bad-file', { place: path, expected: 'a wheel', got, cure: 'Check the path.' });
}

async function filesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
