/** Which machines TensorFlow's wheels are for. */
import { PruneError } from '../core/errors';
import type { Machine } from './machine';

/** As wheels name it. */
export type Architecture = 'x86_64' | 'aarch64';

export interface Platform {
  readonly architecture: Architecture;
  readonly glibc: string;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = { x64: 'x86_64', arm64: 'aarch64' };

/** @throws PruneError `no-backend` where there is no wheel to build against. */
export function platformOf(
  { platform, arch, glibc }: Pick<Machine, 'platform' | 'arch' | 'glibc'>,
  gpu: boolean,
): Platform {
  const place = `setup-native${gpu ? ' --gpu' : ''}`;
  const architecture = Object.hasOwn(ARCHITECTURES, arch) ? ARCHITECTURES[arch] : undefined;
  if (platform !== 'linux' || architecture === undefined || (gpu && architecture !== 'x86_64')) {
    const expected = gpu ? 'Linux on x64' : 'Linux on x64 or arm64';
    throw new PruneError('no-backend', {
      place,
      expected,
      got: `${platform} on ${arch}`,
      cure: cureFor(platform, gpu),
    });
  }
  if (glibc === undefined) {
    throw new PruneError('no-backend', {
      place,
      expected: 'a Linux with glibc',
      got: 'one without, such as Alpine',
      cure: 'Use an image based on Debian, Ubuntu or Fedora, or useBackend("wasm").',
    });
  }
  return { architecture, glibc };
}

/** Negative when `a` is the older; versions are numbers with dots. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map(text => text.split('.').map(part => Number.parseInt(part, 10) || 0));
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function cureFor(platform: string, gpu: boolean): string {
  if (platform === 'linux') return gpu ? 'Leave out --gpu.' : 'Use useBackend("wasm").';
  if (platform === 'win32') return 'Use Node.js inside WSL 2, or useBackend("wasm").';
  return gpu
    ? 'Use a Linux with an NVIDIA GPU, or useBackend("wasm").'
    : 'Use a Linux container, or useBackend("wasm").';
}
