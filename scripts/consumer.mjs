/** The package as users get it, in a folder of theirs. Needs dist/. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const modules = join(root, 'node_modules');

/** Makes the tarball in `folder`. */
export function pack(folder) {
  const output = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root);
  const [{ filename, files }] = JSON.parse(output);
  return { tarball: join(folder, filename), files: files.map(({ path, size }) => ({ path, size })) };
}

/** Unpacks the tarball where npm would put it below `folder`, beside the peers of this checkout. */
export function install(tarball, folder) {
  rmSync(join(folder, 'node_modules'), { recursive: true, force: true });
  const target = join(folder, 'node_modules/tfjs-prune');
  mkdirSync(target, { recursive: true });
  run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'], folder);
  const manifest = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    if (manifest.peerDependenciesMeta?.[name]?.optional) continue;
    const link = join(folder, 'node_modules', name);
    mkdirSync(join(link, '..'), { recursive: true });
    symlinkSync(join(modules, name), link, 'junction');
  }
}

export function run(command, args, cwd) {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
