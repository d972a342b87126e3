/** Help as text, from what the commands say of themselves. */
import { optionsOf, type Command, type Options } from './command';

export function helpOf(command: Command): string {
  const { operands, help } = command;
  const {
    about = `${operands.join(', ')}: a model.json, the folder that holds it, its http(s) address, or an .h5 file of Keras`,
  } = command;
  return [
    `${usageOf(command)} [options]`,
    help.about,
    ...(operands.length > 0 ? [about] : []),
    optionLines(optionsOf(command)),
    `Example:\n  ${help.example}`,
  ].join('\n\n');
}

export function helpOfAll(commands: readonly Command[], version: string): string {
  return [
    `tfjs-prune ${version}: structured pruning for TensorFlow.js`,
    columns(commands.map(command => [usageOf(command), command.summary] as const)),
    'tfjs-prune COMMAND --help tells the options of a command; --version prints the version.',
    'Exit code: 0, 1 for a refusal or a proof that fails, 130 when stopped by Ctrl-C.',
  ].join('\n\n');
}

function usageOf({ name, operands, options }: Command): string {
  const required = Object.entries(options).filter(([, option]) => option.required);
  return ['tfjs-prune', name, ...operands, ...required.map(([option, { value }]) => `--${option} ${value}`)].join(' ');
}

function optionLines(options: Options): string {
  return columns(
    Object.entries(options).map(([name, { value, help }]) => [`--${name}${value ? ` ${value}` : ''}`, help] as const),
  );
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([first]) => first.length));
  const below = `\n${' '.repeat(width + 5)}`;
  return rows.map(([first, second]) => `  ${first.padEnd(width)}   ${second.replace(/\n/g, below)}`).join('\n');
}
