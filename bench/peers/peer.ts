/** A process beside this one that does one piece of work for each line it is given, and waits otherwise. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

export interface Peer<Greeting, Answer> {
  /** What it said when it was ready. */
  readonly greeting: Greeting;
  run(line: string): Promise<Answer>;
  close(): void;
}

/** Starts a program that writes one line of JSON when it is ready and one for each line that it reads. */
export async function startPeer<Greeting, Answer>(
  command: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Peer<Greeting, Answer>> {
  const env = { ...process.env, ...variables };
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${args.join(' ')} ended without an answer`);
    return JSON.parse(value) as T;
  };
  return {
    greeting: await answer<Greeting>(),
    run(line) {
      child.stdin.write(`${line}\n`);
      return answer<Answer>();
    },
    close: () => void child.stdin.end(),
  };
}

/** Starts the TypeScript `file` of this folder. */
export function startScript<Greeting, Answer>(
  file: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<Peer<Greeting, Answer>> {
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  return startPeer(process.execPath, ['--import', tsx, join(__dirname, file), ...args], variables);
}
