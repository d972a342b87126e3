/** cli: the tfjs-prune command. Knows every part of the library; reads arguments, prints, and sets the exit code. */
import { version } from '../../package.json';
import { readArguments, refusal } from './arguments';
import type { Streams } from './command';
import { COMMANDS } from './commands';
import { helpOf, helpOfAll } from './help';

const STOPPED = 130;

/** Runs one command line; gives the exit code. A refusal is one line on the error stream. */
export async function main(args: readonly string[], streams: Omit<Streams, 'signal'>): Promise<0 | 1 | typeof STOPPED> {
  return interruptible(async signal => {
    try {
      const text = await answer(args, { ...streams, signal });
      streams.progress?.('');
      streams.out(text);
      return 0;
    } catch (reason) {
      streams.progress?.('');
      streams.error(`tfjs-prune: ${messageOf(reason)}`);
      return signal.aborted ? STOPPED : 1;
    }
  });
}

/** Ctrl-C stops the work in an orderly way: what is half done goes, what was kept stays. A second one stops at once. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const stop = (): void => {
    controller.abort();
    for (const signal of signals) process.off(signal, stop);
  };
  for (const signal of signals) process.on(signal, stop);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of signals) process.off(signal, stop);
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
  return command.run(await readArguments(command, rest), streams);
}

/** Only the first line: what follows is for those who debug. */
function messageOf(reason: unknown): string {
  return (reason instanceof Error ? reason.message : String(reason)).split('\n')[0];
}
