/** `tfjs-prune completion`: a script that makes a shell complete the commands and options. */
import { checkKeyword } from '../core/check';
import { optionsOf, type Command } from './command';

/** Gives the command, which has to know all others; by `list`, so that they may be listed with it. */
export function completionFor(list: () => readonly Command[]): Command {
  return {
    name: 'completion',
    summary: 'a script for bash, zsh or fish that completes commands and options',
    operands: [],
    options: { shell: { value: 'NAME', help: Object.keys(SHELLS).join(', '), required: true } },
    help: {
      about:
        'bash and zsh: put eval "$(tfjs-prune completion --shell bash)" into ~/.bashrc or ~/.zshrc.\nfish: tfjs-prune completion --shell fish | source',
      example: 'tfjs-prune completion --shell bash',
    },
    async run({ word, has }) {
      const shell = checkKeyword('arguments', '--shell', word('shell')!, Object.keys(SHELLS));
      const script = SHELLS[shell](list());
      return has('json') ? JSON.stringify({ shell, script }) : script;
    },
  };
}

const SHELLS: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash,
  // It understands what bash does.
  zsh: commands => `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`,
  fish,
};

const words = (command: Command): string[] => Object.keys(optionsOf(command)).map(name => `--${name}`);

function bash(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  return [
    '_tfjs_prune() {',
    '  local word="${COMP_WORDS[COMP_CWORD]}" options=""',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${names} --help --version" -- "$word"))`,
    '    return',
    '  fi',
    '  case "${COMP_WORDS[1]}" in',
    ...commands.map(command => `    ${command.name}) options="${words(command).join(' ')}" ;;`),
    '  esac',
    '  case "$word" in',
    '    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;',
    '    *) COMPREPLY=($(compgen -f -- "$word")) ;;',
    '  esac',
    '}',
    'complete -o filenames -F _tfjs_prune tfjs-prune',
  ].join('\n');
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string): string => `'${text.split('\n')[0].replace(/[\\']/g, '\\$&')}'`;
  return commands
    .flatMap(command => [
      `complete -c tfjs-prune -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.summary)}`,
      ...Object.entries(optionsOf(command)).map(
        ([name, { value, help }]) =>
          `complete -c tfjs-prune -n '__fish_seen_subcommand_from ${command.name}' -l ${name}${value ? ' -r' : ''} -d ${quoted(help)}`,
      ),
    ])
    .join('\n');
}
