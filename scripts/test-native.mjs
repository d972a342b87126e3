/**
 * Runs the specs on TensorFlow's native kernels, which it builds in .native/ by `tfjs-prune setup-native`: `npm run test:native`,
 * with arguments for jest if need be. With --ci it runs the part that belongs to every change, in some three minutes, and a
 * machine that cannot build the addon, as it reaches no package index, passes with a line that says so.
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

/** What a machine may lack without the project being wrong. */
const NOT_OURS =
  /the package (index|registry) is not reachable|an index without|expected (a C\+\+ compiler|Python with pip|the headers of|Linux|a Linux|[\d.]+ GB)/;

const root = fileURLToPath(new URL('..', import.meta.url));
const home = `${root}.native`;
const ci = process.argv.includes('--ci');
const given = process.argv.slice(2).filter(argument => argument !== '--ci');

if (setUp()) process.exitCode = test(ci ? [...OF_EVERY_CHANGE, ...given] : given);

function setUp() {
  console.log('Setting TensorFlow up in .native/ (the first time it is downloaded and the addon compiled) ...');
  mkdirSync(home, { recursive: true });
  if (!existsSync(`${home}/package.json`)) writeFileSync(`${home}/package.json`, '{ "private": true }\n');
  const options = { cwd: home, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 26 };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`${root}bin/tfjs-prune.cjs`, 'setup-native'],
    options,
  );
  if (status === 0) {
    console.log(stdout.split('\n')[0]);
    return true;
  }
  const reason = stderr.trim().split('\n').at(-1);
  const skipped = ci && NOT_OURS.test(reason);
  console.log(`native suite ${skipped ? 'skipped' : 'not run'}: ${reason.replace(/^tfjs-prune: /, '')}`);
  process.exitCode = skipped ? 0 : 1;
  return false;
}

function test(args) {
  const jest = fileURLToPath(import.meta.resolve('jest/bin/jest'));
  const env = { ...process.env, TFJS_PRUNE_NATIVE: '1', TF_CPP_MIN_LOG_LEVEL: '2' };
  const command = [jest, '--config', `${root}jest.native.config.js`, ...args];
  return spawnSync(process.execPath, command, { cwd: root, env, stdio: 'inherit' }).status ?? 1;
}
