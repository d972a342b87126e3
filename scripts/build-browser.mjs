/**
 * Builds dist/browser/, which bundlers take for pages: a file for each module, so that they keep only what is used, one file for
 * `require`, and lib/browser/node.ts in place of the modules of Node.js. Runs behind tsup, which empties dist/.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const shared = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
  // The user's own copies, as in the other builds.
  external: Object.keys({ ...dependencies, ...peerDependencies }),
};

/** What registers something when it is loaded. Bundlers look for the list in the nearest package.json. */
const SIDE_EFFECTS = ['./index.mjs', './layers/*.mjs', './rules/index.mjs'];

/** The source of what `path` names in a module that lies in `folder`. */
function sourceOf(path, folder) {
  if (path.startsWith('node:')) return join(root, 'lib/browser/node.ts');
  const file = join(folder, path);
  return existsSync(`${file}.ts`) ? `${file}.ts` : join(file, 'index.ts');
}

/** All modules behind lib/index.ts. */
const reachable = {
  name: 'reachable',
  setup({ onResolve }) {
    onResolve({ filter: /^node:/ }, ({ path, resolveDir }) => ({ path: sourceOf(path, resolveDir) }));
  },
};

/** Imports stay imports, of the files that are made of those modules. */
const keepModules = {
  name: 'keep-modules',
  setup({ onResolve }) {
    onResolve({ filter: /^(\.|node:)/ }, ({ path, resolveDir, kind }) => {
      if (kind === 'entry-point') return undefined;
      const target = relative(resolveDir, sourceOf(path, resolveDir)).replace(/\\/g, '/').replace(/\.ts$/, '.mjs');
      return { path: target.startsWith('.') ? target : `./${target}`, external: true };
    });
  },
};

const { metafile } = await build({
  ...shared,
  entryPoints: ['lib/index.ts'],
  plugins: [reachable],
  metafile: true,
  format: 'cjs',
  outfile: 'dist/browser/index.cjs',
});
await build({
  ...shared,
  entryPoints: Object.keys(metafile.inputs),
  plugins: [keepModules],
  outbase: 'lib',
  outdir: 'dist/browser',
  outExtension: { '.js': '.mjs' },
});
writeFileSync(join(root, 'dist/browser/package.json'), JSON.stringify({ type: 'module', sideEffects: SIDE_EFFECTS }));
