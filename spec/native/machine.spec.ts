import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, thisMachine } from '../../lib/native/machine';

const controller = new AbortController();
const said: string[] = [];
const machine = thisMachine({ signal: controller.signal, say: line => said.push(line) });
const node = (script: string, options = {}) => machine.run(process.execPath, ['-e', script], options);

test('programs run to their end, with what they wrote', async () => {
  const script = 'console.log(process.env.WORD + process.cwd()); console.error("é"); process.exit(3)';
  const cwd = process.cwd();
  expect(await node(script, { cwd, env: { WORD: 'in ' } })).toEqual({ code: 3, out: `in ${cwd}\n`, error: 'é\n' });
  expect((await node('process.kill(process.pid, "SIGKILL")')).code).toBe(1);
});

test('a program that is not there has no exit code', async () => {
  expect(await machine.run('no-such-program-anywhere', [])).toMatchObject({ code: undefined, out: '' });
});

test('it knows this machine', async () => {
  expect(machine).toMatchObject({ platform: process.platform, arch: process.arch, execPath: process.execPath });
  if (process.platform === 'linux') expect(machine.glibc ?? '2.0').toMatch(/^\d+\.\d+$/);
  expect(machine.napi).toBeGreaterThanOrEqual(8);
  expect(await machine.freeBytes(tmpdir())).toBeGreaterThan(0);
});

test('downloads are kept where the system wants caches', () => {
  expect(cacheFolder({ ...machine, env: {}, home: '/h' })).toBe(join('/h', '.cache', 'tfjs-prune'));
  expect(cacheFolder({ ...machine, env: { XDG_CACHE_HOME: '/c' }, home: '/h' })).toBe(join('/c', 'tfjs-prune'));
});

test('a signal ends what runs', async () => {
  const endless = node('setInterval(() => {}, 1000)');
  controller.abort();
  await expect(endless).rejects.toThrow(/abort/);
});
