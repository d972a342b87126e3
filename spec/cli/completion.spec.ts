/** Scripts for shells, run by the shells that are here. */
import { spawnSync } from 'node:child_process';
import { COMMANDS } from '../../lib/cli/commands';
import { optionsOf } from '../../lib/cli/command';
import { refusalOf, run } from './run';

async function script(shell: string): Promise<string> {
  const { code, out } = await run('completion', '--shell', shell);
  expect(code).toBe(0);
  return out[0];
}

/** What bash offers for the last of `words`. */
async function offered(...words: readonly string[]): Promise<string[]> {
  const line = ['tfjs-prune', ...words].map(word => `'${word}'`).join(' ');
  const asked = `${await script('bash')}\nCOMP_WORDS=(${line})\nCOMP_CWORD=${words.length}\n_tfjs_prune\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', asked], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter(Boolean);
}

test('bash offers commands, and the options of each', async () => {
  expect(await offered('')).toEqual([...COMMANDS.map(({ name }) => name), '--help', '--version']);
  expect(await offered('pr')).toEqual(['prune']);
  for (const command of COMMANDS) {
    expect(await offered(command.name, '--')).toEqual(Object.keys(optionsOf(command)).map(name => `--${name}`));
  }
  expect(await offered('inspect', 'packag')).toEqual(['package-lock.json', 'package.json']);
});

test('zsh takes what bash takes; fish has a line for every option', async () => {
  expect(await script('zsh')).toBe(`autoload -U +X bashcompinit && bashcompinit\n${await script('bash')}`);
  const fish = await script('fish');
  for (const command of COMMANDS) {
    for (const name of Object.keys(optionsOf(command))) {
      expect(fish).toContain(`'__fish_seen_subcommand_from ${command.name}' -l ${name} `);
    }
  }
  expect(await refusalOf('completion', '--shell', 'csh')).toMatch(/--shell to be one of bash, zsh, fish, got "csh"/);
});
