/** cli: the tfjs-prune command. Knows every part of the library; reads arguments, prints, and sets the exit code. */
import { version } from '../../package.json';
import { readArguments, refusal } from './arguments';
import type { Streams } from './command';
import { COMMANDS } from './commands';
import { helpOf, helpOfAll } from './help';

/** Runs one command line; gives the exit code. A refusal is one line on the error stream. */
export async function main(args: readonly string[], streams: Streams): Promise<0 | 1> {
  try {
    const text = await answer(args, streams);
    streams.progress?.('');
    streams.out(text);
    return 0;
  } catch (reason) {
    streams.progress?.('');
    streams.error(`tfjs-prune: ${messageOf(reason)}`);
    return 1;
  }
}

async function answer([name, ...rest]: readonly string[], streams: Streams): Promise<string> {
  if (name === '--version' || name === '-v') return version;
  if (name === '--help' || name === '-h') return helpOfAll(COMMANDS, version);
  const names = COMMANDS.map(command => command.name).join(', ');
  if (name === undefined) throw refusal(`a command (${names})`, 'none');
  const command = COMMANDS.find(known => known.name === name);
  if (!command) throw refusal(`a command (${names})`, `"${name}"`);
  if (rest.includes('--help') || rest.includes('-h')) return helpOf(command);
  return command.run(readArguments(command, rest), streams);
}

/** Only the first line: what follows is for those who debug. */
function messageOf(reason: unknown): string {
  return (reason instanceof Error ? reason.message : String(reason)).split('\n')[0];
}
