/** Colours of the command: there on a terminal, gone in a pipe, and never more than the words. */
import { spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { join } from 'node:path';
import { painter } from '../../lib/cli/paint';
import { textTable } from '../../lib/report/table';
import { ROOT } from '../house/sources';

const TERMINAL = { isTTY: true, hasColors: () => true };
const [BOLD, DIM, RED, CYAN] = ['\x1b[1m', '\x1b[2m', '\x1b[31m', '\x1b[36m'];
const table = textTable([
  ['group', 'kind', 'units'],
  ['conv', 'channel', '16'],
  ['in', 'frozen: read by something else', '3'],
]);
const answer = `net: 3 layers\n\n${table}\n\nwritten: model.json in out\ncheck:   tfjs-prune verify`;

test('on a terminal heads and titles stand out and what is frozen recedes', () => {
  const { text, refusal, progress } = painter(TERMINAL, {});
  const painted = text(answer);
  expect(stripVTControlCharacters(painted)).toBe(answer);
  const lines = painted.split('\n');
  expect(lines[0].startsWith(`${BOLD}net:`)).toBe(true);
  expect(lines[2].startsWith(`${BOLD}group`)).toBe(true);
  expect(lines[3]).not.toContain('\x1b');
  expect(lines[4]).toContain(`${DIM}frozen: read`);
  expect(refusal('tfjs-prune: expected a model: file').startsWith(`${RED}tfjs-prune:`)).toBe(true);
  expect(progress('train ██░░ 2/4')).toContain(`${CYAN}██`);
});

test.each([
  ['a pipe', {}, {}],
  ['a terminal without colours', { isTTY: true, hasColors: () => false }, {}],
  ['FORCE_COLOR=0', TERMINAL, { FORCE_COLOR: '0' }],
])('%s: words alone', (_, stream, environment) => {
  const { text, refusal, progress } = painter(stream, environment);
  expect(text(answer)).toBe(answer);
  expect(refusal('tfjs-prune: no')).toBe('tfjs-prune: no');
  expect(progress('train ██░░')).toBe('train ██░░');
});

test('data stay data, also where colours are forced', () => {
  const json = JSON.stringify({ name: 'net: 3 layers', rows: [1, 2] }, null, 2);
  expect(painter({}, { FORCE_COLOR: '1' }).text(json)).toBe(json);
});

test('the command itself: plain in a pipe, in colour when told so', () => {
  const run = (environment: Readonly<Record<string, string>>) =>
    spawnSync(process.execPath, ['--import', 'tsx', join(ROOT, 'lib/cli/bin.ts'), 'prune'], {
      cwd: ROOT,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...environment },
    }).stderr;
  const plain = run({});
  expect(plain).toMatch(/^tfjs-prune: .+\n$/);
  expect(plain).not.toContain('\x1b');
  const coloured = run({ FORCE_COLOR: '1' });
  expect(coloured).toContain(RED);
  expect(stripVTControlCharacters(coloured)).toBe(plain);
});
