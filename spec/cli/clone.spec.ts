/** The command as people start it: in a process of its own, and through npx in a clone that is set up. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Inspection } from '../../lib/cli/inspect';
import { useBackend } from '../../lib/runtime/backend';
import manifest from '../../package.json';
import { WASM } from '../backend';
import { ROOT } from '../house/sources';
import { removeFolders } from '../io/folder';
import { savedNet } from './run';

let clone: string;

beforeAll(async () => {
  await useBackend(WASM);
  clone = mkdtempSync(join(tmpdir(), 'tfjs-prune-clone-'));
  for (const name of ['bin', 'lib', 'package.json', 'package-lock.json', 'tsconfig.json']) {
    cpSync(join(ROOT, name), join(clone, name), { recursive: true });
  }
});
afterEach(removeFolders);
afterAll(() => rmSync(clone, { recursive: true, force: true }));

/** The packages of this checkout, as if installed there. */
function setUp(): void {
  const modules = join(ROOT, 'node_modules');
  mkdirSync(join(clone, 'node_modules'));
  for (const name of readdirSync(modules)) {
    if (name !== '.bin') symlinkSync(join(modules, name), join(clone, 'node_modules', name), 'junction');
  }
}

function node(...args: string[]) {
  return spawnSync(process.execPath, [join(clone, 'bin/tfjs-prune.cjs'), ...args], { encoding: 'utf8' });
}

/** Without a registry, and with a cache of its own. */
function npx(...args: string[]) {
  const env = { ...process.env, npm_config_cache: join(clone, '.cache'), npm_config_registry: 'http://127.0.0.1:9' };
  const options = { cwd: clone, env, encoding: 'utf8', shell: process.platform === 'win32' } as const;
  return spawnSync('npx', ['--no-install', 'tfjs-prune', ...args], options);
}

test('in a clone that is not set up one line says what to do', () => {
  const { status, stdout, stderr } = node('--version');
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toBe('tfjs-prune: expected an installed clone, got one without node_modules. Run npm run setup.\n');
});

describe('in a clone that is set up', () => {
  beforeAll(setUp);

  test('npx finds it, the second time too, without a build and without a network', () => {
    for (let time = 0; time < 2; time++) {
      const { status, stdout, stderr } = npx('--version');
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
    }
  });

  test('it runs what the sources say now', () => {
    const file = join(clone, 'lib/cli/help.ts');
    writeFileSync(file, 'export const helpOf = () => "new"; export const helpOfAll = () => "new";');
    expect(node('--help').stdout).toBe('new\n');
  });

  test('JSON alone on stdout, exit code 0 or 1, and no progress where nobody watches', async () => {
    const net = await savedNet('residual');
    const small = join(clone, 'small');
    const inspected = node('inspect', net, '--json');
    expect([inspected.status, inspected.stderr]).toEqual([0, '']);
    expect((JSON.parse(inspected.stdout) as Inspection).name).toBe('net');
    const pruned = node('prune', net, '--out', small, '--json');
    expect([pruned.status, pruned.stderr]).toEqual([0, '']);
    expect(JSON.parse(pruned.stdout)).toMatchObject({ model: net, out: small });
    expect(npx('verify', net, small)).toMatchObject({ status: 0, stderr: '' });
    const bad = node('inspect', join(net, 'none'));
    expect([bad.status, bad.stdout]).toEqual([1, '']);
    expect(bad.stderr.trim().split('\n').length).toBe(1);
  });
});
