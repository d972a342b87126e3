/** A peer in a process of its own, which does one piece of work at a time and waits otherwise. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What bench/peers/torchPruning.py answers: seconds, and parameters. */
export interface PeerRun {
  readonly model: string;
  readonly build: number;
  readonly step: number;
  readonly seconds: number;
  readonly before: number;
  readonly after: number;
}

export interface Peer {
  readonly versions: Readonly<Record<string, string>>;
  run(model: string): Promise<PeerRun>;
  close(): void;
}

/** Starts `script` with one thread and waits until it is ready. */
export async function startPeer(python: string, script: string): Promise<Peer> {
  const env = { ...process.env, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' };
  const child = spawn(python, [script], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${script} ended without an answer`);
    return JSON.parse(value) as T;
  };
  return {
    versions: await answer(),
    run(model) {
      child.stdin.write(`${model}\n`);
      return answer();
    },
    close: () => void child.stdin.end(),
  };
}
