/** Questions to a worker, as promises. */
import type { Failure, FromWorker, Step, ToWorker, Work } from './messages';

/** What the library or the worker refused. */
export class Refused extends Error {
  readonly code: string | undefined;

  constructor({ message, code }: Failure) {
    super(message);
    this.code = code;
  }
}

export interface Helper {
  ask<K extends keyof Work>(
    what: K,
    question: Work[K]['question'],
    onStep?: (step: Step) => void,
  ): Promise<Work[K]['answer']>;
  /** Asks the run that is under way to stop; it then fails with the code `aborted`. */
  stop(): void;
  /** Ends the worker, and fails what it has not answered. */
  end(): void;
}

interface Open {
  readonly settle: (answer: unknown) => void;
  readonly fail: (error: Refused) => void;
  readonly onStep?: (step: Step) => void;
}

export function startWorker(): Helper {
  const worker = new Worker('worker.js', { type: 'module' });
  const open = new Map<number, Open>();
  let asked = 0;
  const failAll = (failure: Failure): void => {
    for (const { fail } of open.values()) fail(new Refused(failure));
    open.clear();
  };
  worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
    const waiting = open.get(data.id);
    if ('step' in data) return waiting?.onStep?.(data.step);
    open.delete(data.id);
    if ('failure' in data) waiting?.fail(new Refused(data.failure));
    else waiting?.settle(data.answer);
  });
  worker.addEventListener('error', ({ message }) => failAll({ message: message || 'The worker did not start.' }));
  const post = (message: ToWorker): void => worker.postMessage(message);
  return {
    ask: (what, question, onStep) =>
      new Promise((settle, fail) => {
        const id = ++asked;
        open.set(id, { settle: settle as (answer: unknown) => void, fail, onStep });
        post({ ...question, ask: what, id } as ToWorker);
      }),
    stop: () => post({ ask: 'stop' }),
    end() {
      worker.terminate();
      failAll({ message: 'Stopped.', code: 'aborted' });
    },
  };
}
