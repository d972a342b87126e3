/**
 * Runs the specs on TensorFlow's native kernels, which it builds in .native/ by `tfjs-prune setup-native`: `npm run test:native`,
 * with arguments for jest if need be. With --ci it runs the part that belongs to every change, in some three minutes, and a
 * machine without the package index passes with a line that says so.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where tensors are trained, measured and cut; the rest moves plain data. */
const OF_EVERY_CHANGE = [
  'spec/compress.spec.ts',
  'spec/plan.spec.ts',
  'spec/conformance/compress.spec.ts',
  'spec/layers/',
  'spec/methods/',
  'spec/native/',
  'spec/runtime/',
];

const root = fileURLToPath(new URL('..', import.meta.url));
const home = `${root}.native`;
const ci = process.argv.includes('--ci');
const given = process.argv.slice(2).filter(argument => argument !== '--ci');

if (setUp()) process.exitCode = test(ci ? [...OF_EVERY_CHANGE, ...given] : given);

function setUp() {
  mkdirSync(home, { recursive: true });
  if (!existsSync(`${home}/package.json`)) writeFileSync(`${home}/package.json`, '{ "private": true }\n');
  const options = { cwd: home, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`${root}bin/tfjs-prune.cjs`, 'setup-native'],
    options,
  );
  process.stderr.write(stdout + stderr);
  if (status === 0) return true;
  if (/the package index is not reachable/.test(stderr)) {
    console.log('native suite skipped: the package index is not reachable');
    process.exitCode = ci ? 0 : 1;
  } else {
    console.log('native suite not run: setup-native failed, its reason stands above');
    process.exitCode = 1;
  }
  return false;
}

function test(args) {
  const jest = fileURLToPath(import.meta.resolve('jest/bin/jest'));
  const env = { ...process.env, TFJS_PRUNE_NATIVE: '1', TF_CPP_MIN_LOG_LEVEL: '2' };
  const command = [jest, '--config', `${root}jest.native.config.js`, ...args];
  return spawnSync(process.execPath, command, { cwd: root, env, stdio: 'inherit' }).status ?? 1;
}
