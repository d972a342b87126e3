/** What users and their tools read in package.json, and what the lock file must not hold. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesUnder, hasSideEffects, importsOf, ROOT, textOf } from './house/sources';

const manifest = JSON.parse(textOf('package.json'));
const lock = JSON.parse(textOf('package-lock.json'));
/** Loaded by name when they are installed. */
const optional = Object.keys(manifest.peerDependenciesMeta);
const required = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter(
  name => !optional.includes(name),
);

const BROWSER = ['./dist/browser/index.mjs', './dist/browser/index.cjs'];

/** Every string at any depth. */
function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return value && typeof value === 'object' ? Object.values(value).flatMap(strings) : [];
}

test('tf.js is a peer, so that the user has one copy of it', () => {
  expect(manifest.peerDependencies).toMatchObject({
    '@tensorflow/tfjs-core': '^4.22.0',
    '@tensorflow/tfjs-layers': '^4.22.0',
  });
  for (const name of Object.keys(manifest.peerDependencies)) expect(manifest.dependencies).not.toHaveProperty(name);
});

test('the union package and native add-ons are not required', () => {
  expect(required).not.toEqual(expect.arrayContaining([expect.stringMatching(/tfjs($|-node)/)]));
  expect(Object.values(manifest.peerDependenciesMeta)).toEqual(optional.map(() => ({ optional: true })));
});

test('lib imports only what is declared', () => {
  const targets = filesUnder('lib').flatMap(file => importsOf(textOf(file)).map(({ target }) => target));
  const packages = targets.filter(target => !/^(\.|node:)/.test(target));
  const names = packages.map(target => target.split('/').slice(0, target.startsWith('@') ? 2 : 1).join('/')); // prettier-ignore
  expect([...new Set(names)].sort()).toEqual([...required].sort());
});

test('every entry point is one that the build makes', () => {
  const built = ['./dist/index.js', './dist/index.mjs', './dist/index.d.ts', './dist/index.d.mts', ...BROWSER];
  expect(manifest.main).toBe('./dist/index.js');
  expect(manifest.module).toBe('./dist/index.mjs');
  // Notebooks on tslab resolve `types`, not `exports`.
  expect(manifest.types).toBe('./dist/index.d.ts');
  expect(manifest.bin).toEqual({ 'tfjs-prune': 'bin/tfjs-prune.cjs' });
  expect(strings(manifest.exports).sort()).toEqual(['./package.json', ...built].sort());
  expect(Object.keys(manifest.exports['.'].require)).toEqual(['types', 'browser', 'default']);
  expect(Object.keys(manifest.exports['.'].import)).toEqual(['types', 'browser', 'default']);
});

test('bundlers for pages keep what registers something when it is imported, and need not keep the rest', () => {
  const effective = filesUnder('lib')
    .filter(file => !/^lib\/(cli|native)\//.test(file) && hasSideEffects(textOf(file)))
    .map(file => file.replace(/^lib/, '.').replace(/\.ts$/, '.mjs'));
  const [, list] = /SIDE_EFFECTS = \[(.*)\]/.exec(textOf('scripts/build-browser.mjs'))!;
  const listed = list.split(', ').map(glob => glob.slice(1, -1));
  expect(effective.length).toBeGreaterThan(5);
  expect(
    effective.filter(
      file => !listed.some(glob => file === glob || (glob.endsWith('/*.mjs') && dirname(file) === dirname(glob))),
    ),
  ).toEqual([]);
  expect(listed).toContain('./index.mjs');
  // Here, and in the builds for Node.js, all is loaded.
  expect(manifest.sideEffects).toBe(true);
});

test('the tarball holds the build, the licence and what explains it', () => {
  expect(manifest.files).toEqual(expect.arrayContaining(['bin', 'dist', 'README.md', 'LICENSE']));
  expect(manifest.license).toBe('Apache-2.0');
  expect(readFileSync(join(ROOT, 'LICENSE'), 'utf8')).toMatch(
    /Apache License\s+Version 2\.0.*2026 The tfjs-prune authors/s,
  );
});

test('the commands of the README install by themselves', () => {
  for (const command of ['demo', 'test', 'types', 'lint', 'build', 'bench']) {
    expect(manifest.scripts[command]).toMatch(/^node scripts\/setup\.mjs && /);
  }
  const setup = textOf('scripts/setup.mjs');
  const imported = [...setup.matchAll(/from '([^']+)'/g)].map(([, name]) => name);
  expect(imported.length).toBeGreaterThan(0);
  expect(imported.filter(name => !name.startsWith('node:'))).toEqual([]);
  for (const script of strings(manifest.scripts).flatMap(text => text.match(/scripts\/\S+\.mjs/g) ?? [])) {
    expect(existsSync(join(ROOT, script))).toBe(true);
  }
});

test('the lock file is in step and names no registry', () => {
  expect(lock.version).toBe(manifest.version);
  for (const kind of ['dependencies', 'devDependencies', 'peerDependencies', 'peerDependenciesMeta']) {
    expect(lock.packages[''][kind]).toEqual(manifest[kind]);
  }
  const resolved = Object.entries<{ resolved?: string }>(lock.packages).filter(([, entry]) => entry.resolved);
  expect(resolved).toEqual([]);
});

test('the lock file knows every optional dependency, without which npm ci refuses it', () => {
  const entries = Object.entries<{ optionalDependencies?: Record<string, string> }>(lock.packages);
  const missing = entries.flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(name => {
      const places = [`${path}/node_modules/${name}`, `node_modules/${name}`];
      return !places.some(place => place in lock.packages);
    }),
  );
  expect(missing).toEqual([]);
});
