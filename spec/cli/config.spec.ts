import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useBackend } from '../../lib/runtime/backend';
import { WASM } from '../backend';
import { contents, newFolder, removeFolders } from '../io/folder';
import { refusalOf, run, savedNet } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
afterEach(removeFolders);

function config(text: string, name = 'prune.yaml'): string {
  const file = join(newFolder(), name);
  writeFileSync(file, text);
  return file;
}

test.each([
  ['YAML', 'macs: 0.5 # half\ncriterion: l2\nno-latency: true\njson: false\n', 'prune.yaml'],
  ['JSON', '{"macs": "0.5", "criterion": "l2", "no-latency": true}', 'prune.json'],
])('%s says what flags say', async (_, text, name) => {
  const net = await savedNet('residual');
  const [typed, told] = [newFolder(), newFolder()];
  const flags = await run('prune', net, '--macs', '0.5', '--criterion', 'l2', '--no-latency', '--out', typed);
  const file = await run('prune', net, '--config', config(text, name), '--out', told);
  expect([file.code, file.error]).toEqual([0, []]);
  expect(contents(told)).toEqual(contents(typed));
  expect(file.out[0].replaceAll(told, typed)).toBe(flags.out[0]);
});

test('what is typed counts first, and what is required may stand in the file', async () => {
  const [net, out] = [await savedNet('perceptron'), newFolder()];
  const file = config(`ratio: 0.2\nno-latency: true\nout: ${JSON.stringify(out)}\n`);
  const { code, out: said } = await run('prune', net, '--config', file, '--ratio', '0.5', '--json');
  expect(code).toBe(0);
  expect((JSON.parse(said[0]) as { settings: object }).settings).toMatchObject({ ratio: 0.5 });
});

test.each([
  ['ratios: 0.5', /expected options of the command, got "ratios"/],
  ['config: other.yaml', /got "config"/],
  ['constructor: 1', /got "constructor"/],
  ['ratio: [0.5]', /expected R for ratio, got \[0\.5\]/],
  ['ratio: yes', /expected --ratio to be a number, got "yes"/],
  ['no-latency: 1', /expected no-latency true or false, got 1/],
  ['- ratio', /expected options by name, got \["ratio"\]/],
  ['', /expected options by name, got null/],
  ['a: b: c', /expected JSON or YAML, got "/],
  ['ratio: 0.5\nratio: 0.6', /expected JSON or YAML, got "Map keys must be unique/],
])('%j is refused in one line', async (text, message) => {
  expect(await refusalOf('prune', 'a', '--out', 'b', '--config', config(text))).toMatch(message);
});

test('so is a file that is not there', async () => {
  expect(await refusalOf('prune', 'a', '--config', join(newFolder(), 'none'))).toMatch(
    /a JSON or YAML file, got no such file/,
  );
});
