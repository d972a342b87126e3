import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { optionsOf } from '../../lib/cli/command';
import { COMMANDS } from '../../lib/cli/commands';
import { useBackend } from '../../lib/runtime/backend';
import manifest from '../../package.json';
import { WASM } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { refusalOf, run, savedNet } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
afterEach(removeFolders);

const NAMES = COMMANDS.map(({ name }) => name);
const ON_MODELS = COMMANDS.filter(({ operands, about }) => operands.length > 0 && !about).map(({ name }) => name);

test('--version', async () => {
  for (const option of ['--version', '-v']) expect((await run(option)).out).toEqual([manifest.version]);
});

test('--help lists every command', async () => {
  expect(NAMES).toEqual([
    'inspect',
    'plan',
    'prune',
    'slim',
    'finetune',
    'distill',
    'verify',
    'report',
    'bench',
    'export',
    'llm',
    'setup-native',
    'completion',
  ]);
  for (const option of ['--help', '-h']) {
    const { code, out } = await run(option);
    expect(code).toBe(0);
    for (const { name, summary } of COMMANDS) expect(out[0]).toMatch(new RegExp(`tfjs-prune ${name} .* ${summary}`));
  }
});

test.each(COMMANDS)('$name --help names its paths and options, with an example that parses', async command => {
  const { name, operands, help } = command;
  const { code, out, error } = await run(name, '--help');
  expect([code, error]).toEqual([0, []]);
  const [text] = out;
  expect(text).toContain(`tfjs-prune ${name} ${operands.join(' ')}`);
  for (const option of Object.keys(optionsOf(command))) expect(text).toContain(`\n  --${option} `);
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(110);
  expect(text).toContain(help.example);
  expect((await run(name, '-h')).out).toEqual(out);
  // Whatever is wrong with the example, it is not how it is typed.
  const [program, ...args] = help.example.split(' ');
  expect(program).toBe('tfjs-prune');
  const ran = await run(...args);
  if (ran.code !== 0) expect(ran.error).toEqual([expect.not.stringContaining('arguments: ')]);
});

describe('a refusal is one line on the error stream and exit code 1:', () => {
  test.each([
    [
      [],
      /^tfjs-prune: arguments: expected a command \(inspect, plan, .*, completion\), got none\. See tfjs-prune --help\.$/,
    ],
    [['shrink'], /got "shrink"/],
    [['--json', 'inspect', 'a'], /got "--json"/],
    [['inspect'], /expected MODEL for inspect, got none\. See tfjs-prune inspect --help\.$/],
    [['inspect', 'a', 'b'], /expected MODEL for inspect, got a and b/],
    [['verify', 'a'], /expected ORIGINAL and PRUNED for verify, got a\. See tfjs-prune verify --help\.$/],
    [['inspect', 'a', '--fast'], /expected an option of inspect, got "--fast"/],
    [['inspect', 'a', '--ratio', '0.5'], /expected an option of inspect, got "--ratio"/],
    [['inspect', 'a', '--json=yes'], /expected --json without a value, got "yes"/],
    [['inspect', 'a', '-x'], /expected an option of inspect, got "-x"/],
    [['inspect', 'a', '--constructor'], /expected an option of inspect, got "--constructor"/],
    [['prune', 'a'], /expected --out DIR, got none/],
    [['prune', 'a', '--out'], /expected DIR after --out, got none/],
    [['prune', 'a', '--out', '--json'], /expected DIR after --out, got "--json"/],
    [['prune', 'a', '--out', 'b', '--out', 'c'], /expected --out once, got it twice/],
    [['report'], /expected DIR for report, got none\. See tfjs-prune report --help\.$/],
    [['report', 'a', '--backend', 'wasm'], /expected an option of report, got "--backend"/],
    [['setup-native', 'a'], /expected no path for setup-native, got a\./],
    [['setup-native', '--backend', 'node'], /expected an option of setup-native, got "--backend"/],
    [['setup-native', '--wheel', 'a', '--libtensorflow', 'b'], /expected one of --wheel and --libtensorflow, got both/],
    [['inspect', 'a', '--backend', 'gpu'], /expected name to be one of auto, .*wasm.*, got "gpu"/],
  ])('%j', async (args, message) => {
    expect(await refusalOf(...args)).toMatch(message);
  });

  test('no such model, and one that is damaged', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'model.json'), '{');
    expect(await refusalOf('inspect', join(folder, 'none'))).toMatch(/expected a model file, got no such file/);
    expect(await refusalOf('inspect', folder)).toMatch(/expected JSON, got "\{"/);
  });

  test.each(ON_MODELS)('%s of a GraphModel', async name => {
    const [graph, net] = [newFolder(), await savedNet('perceptron')];
    writeFileSync(join(graph, 'model.json'), JSON.stringify({ format: 'graph-model', modelTopology: { node: [] } }));
    const out = ['--out', join(graph, 'out')];
    const training = [...out, '--data', 'none.csv'];
    const rest: Record<string, string[]> = {
      prune: out,
      export: out,
      slim: training,
      finetune: training,
      distill: [graph, ...training],
      verify: [pruned(net)],
      bench: [net],
    };
    if (name === 'verify') await run('prune', net, '--out', pruned(net));
    expect(await refusalOf(name, graph, ...(rest[name] ?? []))).toMatch(/got a graph-model, .*layers/);
  });
});

const pruned = (folder: string): string => join(folder, 'pruned');
