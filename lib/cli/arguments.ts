/** Reads a command line, and refuses what the command does not know. */
import { parseArgs } from 'node:util';
import { PruneError } from '../core/errors';
import { optionsOf, type Command, type Given, type Options } from './command';
import { readConfigFile } from './config';

/** @throws PruneError `bad-option` for an unknown option, a missing value, or the wrong number of paths; what is wrong with --config. */
export async function readArguments(command: Command, args: readonly string[]): Promise<Given> {
  const { name, operands, options } = command;
  const known = optionsOf(command);
  const { values, paths } = readTyped(name, known, args);
  const config = values.get('config');
  // What is typed counts first.
  if (config !== undefined) {
    for (const [option, value] of await readConfigFile(config, known)) if (!values.has(option)) values.set(option, value); // prettier-ignore
  }
  if (paths.length !== operands.length) {
    throw refusal(
      `${operands.join(' and ') || 'no path'} for ${name}`,
      paths.length === 0 ? 'none' : paths.join(' and '),
      name,
    );
  }
  for (const [option, { required, value }] of Object.entries(options)) {
    if (required && !values.has(option)) throw refusal(`--${option} ${value}`, 'none', name);
  }
  return {
    paths,
    has: option => values.has(option),
    word: option => values.get(option),
    number: option => (values.has(option) ? numberFrom(option, values.get(option)!, name) : undefined),
  };
}

function readTyped(name: string, known: Options, args: readonly string[]) {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false, // its own messages are long and speak of other things
    tokens: true,
    options: Object.fromEntries(
      Object.entries(known).map(([option, { value }]) => [option, { type: value ? 'string' : 'boolean' }]),
    ),
  });
  const values = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name: option, rawName, value, inlineValue } = token;
    const takes = Object.hasOwn(known, option) ? known[option] : undefined;
    if (!takes) throw refusal(`an option of ${name}`, `"${rawName}"`, name);
    if (!takes.value && value !== undefined) throw refusal(`${rawName} without a value`, `"${value}"`, name);
    const missing = value === undefined || (!inlineValue && /^-\D/.test(value));
    if (takes.value && missing) throw refusal(`${takes.value} after ${rawName}`, value ? `"${value}"` : 'none', name);
    if (values.has(option)) throw refusal(`${rawName} once`, 'it twice', name);
    values.set(option, value ?? '');
  }
  return { values, paths: tokens.flatMap(token => (token.kind === 'positional' ? [token.value] : [])) };
}

/** A refusal of what was typed; `command` names the help to look at. */
export function refusal(expected: string, got: string, command?: string): PruneError {
  const cure = `See tfjs-prune ${command === undefined ? '' : `${command} `}--help.`;
  return new PruneError('bad-option', { place: 'arguments', expected, got, cure });
}

function numberFrom(option: string, text: string, command: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (Number.isNaN(value)) throw refusal(`--${option} to be a number`, `"${text}"`, command);
  return value;
}
