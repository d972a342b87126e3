/**
 * Installs what package-lock.json names, when it is not installed yet. The commands of package.json run this first, so
 * that they work on a fresh clone. Node built-ins only.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lockFile = `${root}package-lock.json`;
/** Lies inside node_modules, so that it goes when node_modules goes. */
const stamp = `${root}node_modules/.tfjs-prune-setup`;

requireNode(20);
const lock = readFileSync(lockFile);
const hash = createHash('sha256').update(lock).digest('hex');
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash) {
  if (!isInstalled()) install();
  writeFileSync(stamp, hash);
}

function requireNode(least) {
  if (Number(process.versions.node.split('.')[0]) >= least) return;
  fail(`tfjs-prune needs Node ${least} or newer, this is ${process.versions.node}. Install a newer Node.`);
}

/** Whether npm has just installed exactly this lock file (`npm install` or `npm ci` by hand). */
function isInstalled() {
  const record = `${root}node_modules/.package-lock.json`;
  if (!existsSync(record)) return false;
  const { packages: installed } = JSON.parse(readFileSync(record, 'utf8'));
  const { packages: wanted } = JSON.parse(lock.toString());
  return Object.entries(wanted).every(
    ([path, { version, optional, devOptional }]) =>
      path === '' || optional || devOptional || installed[path]?.version === version,
  );
}

function install() {
  console.log('Installing the packages of package-lock.json (only this once) ...');
  const options = ['--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  // Set when npm started this script; without it a Windows shell is needed to find npm.cmd.
  const npm = /npm-cli\.js$/.test(process.env.npm_execpath ?? '') ? process.env.npm_execpath : undefined;
  const [command, ...first] = npm ? [process.execPath, npm] : ['npm'];
  const { status, error } = spawnSync(command, [...first, 'ci', ...options], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: !npm && process.platform === 'win32',
  });
  if (status !== 0) fail(`npm ci failed (${error?.message ?? `exit ${status}`}). Its message stands above.`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
