/** Packages that only one command needs, in a folder of their own beside node_modules. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Whether `packages` (name to version) are in `folder`, after installing them where they are not. tf.js itself is found in the folder
 * above: there must be one copy of it.
 */
export function haveIn(folder, packages, stderr = 'ignore') {
  if (Object.keys(packages).every(name => existsSync(join(folder, 'node_modules', name)))) return true;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: packages }));
  const options = ['--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', ['install', '--prefix', folder, ...options], {
    stdio: ['ignore', 'ignore', stderr],
    shell: process.platform === 'win32',
  });
  return status === 0;
}
