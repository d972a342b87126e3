/** Wheels (Python packages) by their names: which TensorFlow is in one, and whether it runs here. */
import { basename } from 'node:path';
import { PruneError } from '../core/errors';
import { compareVersions, type Architecture, type Platform } from './platform';

/** The TensorFlow that the addon of tfjs-node 4.22 is known to work with. */
export const TENSORFLOW = '2.21';

/** Any Python's wheel would do, as only the C library in it is used; this one exists for every TensorFlow of these years. */
const PYTHON = { version: '3.11', abi: 'cp311' };

export interface WheelName {
  readonly file: string;
  /** With "_", such as "tensorflow_cpu". */
  readonly distribution: string;
  readonly version: string;
  /** Such as "manylinux_2_27_x86_64"; any one of them is enough. */
  readonly platforms: readonly string[];
}

/** Undefined when that is not how a wheel is called. */
export function parseWheelName(path: string): WheelName | undefined {
  const file = basename(path);
  const parts = /^([^-]+)-([^-]+)(?:-\d[^-]*)?-[^-]+-[^-]+-([^-]+)\.whl$/.exec(file);
  if (!parts) return undefined;
  const [, distribution, version, platforms] = parts;
  return {
    file,
    distribution: distribution.toLowerCase().replace(/[-.]/g, '_'),
    version,
    platforms: platforms.split('.'),
  };
}

/** What to ask the index for: on arm64 there is no wheel of its own for CPUs. */
export function distributionFor({ architecture }: Platform, gpu: boolean): string {
  return gpu || architecture === 'aarch64' ? 'tensorflow' : 'tensorflow_cpu';
}

/** Options of `pip download` for wheels of `architecture`, whatever Python runs pip and however old the glibc here is. */
export function pipTarget(architecture: Architecture): readonly string[] {
  const platforms = ['manylinux1', 'manylinux2010', 'manylinux2014'];
  for (let minor = 5; minor <= 45; minor++) platforms.push(`manylinux_2_${minor}`);
  return [
    ...['--no-deps', '--only-binary=:all:'],
    ...[
      '--python-version',
      PYTHON.version,
      '--implementation',
      'cp',
      '--abi',
      PYTHON.abi,
      '--abi',
      'abi3',
      '--abi',
      'none',
    ],
    ...platforms.flatMap(platform => ['--platform', `${platform}_${architecture}`]),
  ];
}

/** @throws PruneError `bad-file` unless `path` is named as a wheel of TensorFlow that runs on `platform`. */
export function checkTensorFlowWheel(path: string, platform: Platform): WheelName {
  const wheel = parseWheelName(path);
  if (wheel === undefined || !/^(tensorflow|tensorflow_cpu|tf_nightly|tf_nightly_cpu)$/.test(wheel.distribution)) {
    throw new PruneError('bad-file', {
      place: basename(path),
      expected: 'a wheel of tensorflow_cpu or tensorflow under its own name',
      got: wheel ? `one of ${wheel.distribution}` : 'another name',
      cure: `Get it with pip download tensorflow_cpu==${TENSORFLOW}.*.`,
    });
  }
  checkPlatform(wheel, platform);
  return wheel;
}

/** Whether `wheel` is what setup-native would download. */
export function isWanted({ distribution, version, platforms }: WheelName, platform: Platform, gpu: boolean): boolean {
  const here = platforms.some(tag => tag.endsWith(`_${platform.architecture}`));
  return here && distribution === distributionFor(platform, gpu) && `${version}.`.startsWith(`${TENSORFLOW}.`);
}

/** Oldest glibc that a platform tag asks for; undefined for another system or architecture. */
export function glibcOfTag(tag: string, architecture: Architecture): string | undefined {
  const legacy: Readonly<Record<string, string>> = { manylinux1: '2.5', manylinux2010: '2.12', manylinux2014: '2.17' };
  const suffix = `_${architecture}`;
  if (!tag.endsWith(suffix)) return undefined;
  const name = tag.slice(0, -suffix.length);
  if (Object.hasOwn(legacy, name)) return legacy[name];
  const parts = /^manylinux_(\d+)_(\d+)$/.exec(name);
  return parts ? `${parts[1]}.${parts[2]}` : undefined;
}

/** What TensorFlow's wheel wants of CUDA, as requirements that pip reads; none for a CPU wheel. */
export function cudaRequirements(metadata: string): readonly string[] {
  return metadata.split(/\r?\n/).flatMap(line => {
    const parts = /^Requires-Dist:\s*(nvidia-[\w-]+)\s*([^;]*);.*extra\s*==\s*["']and-cuda["']/.exec(line);
    return parts ? [`${parts[1]}${parts[2].replace(/[\s()]/g, '')}`] : [];
  });
}

function checkPlatform({ file, platforms }: WheelName, { architecture, glibc }: Platform): void {
  const needed = platforms.flatMap(tag => glibcOfTag(tag, architecture) ?? []).sort(compareVersions)[0];
  if (needed === undefined) {
    throw new PruneError('bad-file', {
      place: file,
      expected: `a wheel for Linux on ${architecture}`,
      got: platforms.join(' or '),
      cure: 'Give the wheel for this machine, or leave out --wheel to download it.',
    });
  }
  if (compareVersions(glibc, needed) >= 0) return;
  throw new PruneError('no-backend', {
    place: file,
    expected: `glibc ${needed} or newer`,
    got: glibc,
    cure: 'Use a newer Linux, or useBackend("wasm").',
  });
}
