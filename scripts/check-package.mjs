/**
 * Looks at the package as users get it: the tarball's files, its entry points (publint, attw), and a project that installs
 * it, requires it, imports it, type-checks against it and runs its command. Needs dist/; `npm run check:package` builds it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { checkBundle } from './check-bundle.mjs';
import { install, modules, pack, root, run } from './consumer.mjs';

/** How users' compilers find a package's types; the file's name says whether it is CommonJS or ESM. */
const COMPILERS = {
  'node10, as notebooks': { moduleResolution: 'node10', module: 'commonjs', file: 'types.ts' },
  'node16, CommonJS': { moduleResolution: 'node16', module: 'node16', file: 'types.ts' },
  'node16, ESM': { moduleResolution: 'node16', module: 'node16', file: 'types.mts' },
  bundler: { moduleResolution: 'bundler', module: 'esnext', file: 'types.ts' },
};
/** 8 neurons, half of which prune takes. */
const SAVE_A_MODEL = `
  const { layers, sequential } = require('@tensorflow/tfjs-layers');
  const { saveLayersModel, useBackend } = require('tfjs-prune');
  const dense = [layers.dense({ units: 8, inputShape: [3] }), layers.dense({ units: 2 })];
  useBackend('wasm').then(() => saveLayersModel(sequential({ layers: dense }), 'model'));
`;
const folder = mkdtempSync(join(tmpdir(), 'tfjs-prune-package-'));
let failures = 0;

try {
  const { tarball, files } = pack(folder);
  await check('files of the tarball', () => checkFiles(files));
  await check('publint', () => checkEntryPoints(tarball));
  await check('attw', () =>
    run(process.execPath, [join(modules, '@arethetypeswrong/cli/dist/index.js'), tarball], folder),
  );
  const consumer = project(tarball);
  await check('require', () => run(process.execPath, ['run.cjs'], consumer));
  await check('import', () => run(process.execPath, ['run.mjs'], consumer));
  for (const [name, options] of Object.entries(COMPILERS)) {
    await check(`types, ${name}`, () => compile(consumer, options));
  }
  await check('bundle for browsers', () => checkBundle(consumer));
  await check('command', () => checkCommand(consumer));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;

function checkFiles(files) {
  const paths = files.map(({ path }) => path);
  for (const path of [
    'dist/index.js',
    'dist/index.mjs',
    'dist/index.d.ts',
    'dist/index.d.mts',
    'dist/browser/index.mjs',
    'dist/browser/index.cjs',
    'dist/cli.js',
    'bin/tfjs-prune.cjs',
    'LICENSE',
  ]) {
    if (!paths.includes(path)) throw new Error(`${path} is missing`);
  }
  const odd = paths.filter(
    path =>
      !/^(bin\/tfjs-prune\.cjs|dist\/[\w.-]+|dist\/browser\/([\w-]+\/)*\w+\.mjs|dist\/browser\/index\.cjs|dist\/browser\/package\.json|package\.json|README\.md|CHANGELOG\.md|LICENSE|NOTICE)$/.test(
        path,
      ),
  );
  if (odd.length > 0) throw new Error(`these do not belong there: ${odd.join(', ')}`);
}

async function checkEntryPoints(tarball) {
  const bytes = readFileSync(tarball);
  const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
  if (messages.length > 0) throw new Error(messages.map(message => formatMessage(message, pkg)).join('\n'));
}

/** A project that has installed the tarball. */
function project(tarball) {
  const consumer = join(folder, 'consumer');
  mkdirSync(consumer);
  install(tarball, consumer);
  for (const file of ['job.cjs', 'run.cjs', 'run.mjs', 'types.ts']) {
    cpSync(join(root, 'spec/consumer', file), join(consumer, file));
  }
  cpSync(join(consumer, 'types.ts'), join(consumer, 'types.mts'));
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  return consumer;
}

function compile(consumer, { file, ...resolution }) {
  // Errors inside tf.js's own declarations are not ours; ours show as misuse that compiles.
  const options = { ...resolution, strict: true, noEmit: true, skipLibCheck: true, types: [] };
  const config = { compilerOptions: { ...options, target: 'es2022', lib: ['es2022', 'dom'] }, files: [file] };
  writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify(config));
  run(process.execPath, [join(modules, 'typescript/lib/tsc.js'), '-p', 'tsconfig.json'], consumer);
}

function checkCommand(consumer) {
  const command = join(consumer, 'node_modules/tfjs-prune/bin/tfjs-prune.cjs');
  if (!readFileSync(command, 'utf8').startsWith('#!/usr/bin/env node\n')) throw new Error('no #! line');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const said = run(process.execPath, [command, '--version'], consumer).trim();
  if (said !== version) throw new Error(`--version says ${said}, package.json says ${version}`);
  const { status, stderr } = spawnSync(process.execPath, [command, 'inspect', 'nothing'], { cwd: consumer });
  if (status !== 1 || !/no such file/.test(String(stderr)))
    throw new Error(`inspect of nothing: exit ${status}, ${stderr}`);
  run(process.execPath, ['-e', SAVE_A_MODEL], consumer);
  run(process.execPath, [command, 'prune', 'model', '--out', 'small'], consumer);
  const verified = JSON.parse(run(process.execPath, [command, 'verify', 'model', 'small', '--json'], consumer));
  if (!(verified.removed === 4 && verified.error < 1e-5)) throw new Error(`verify says ${JSON.stringify(verified)}`);
}

async function check(name, action) {
  try {
    const said = await action();
    console.log(
      `  ok      ${name}${typeof said === 'object' ? `\n${said.join('\n')}`.replace(/\n/g, '\n          ') : ''}`,
    );
  } catch (error) {
    failed(name, error);
  }
}

function failed(name, { message, stdout = '', stderr = '' }) {
  failures++;
  const text = stdout || stderr ? `${stdout}${stderr}` : message;
  console.log(`  FAILED  ${name}\n${text.trimEnd().replace(/^/gm, '          ')}`);
}
