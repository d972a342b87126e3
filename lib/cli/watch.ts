/** How long work shows itself on a terminal, and is stopped. */
import type { Progress } from '../core/context';
import type { Streams } from './command';

interface Watched {
  readonly signal?: AbortSignal;
  readonly log?: (message: string) => void;
  readonly progress?: (event: Progress) => void;
}

/** For `compress` and the like. */
export function watched({ progress, signal }: Streams): Watched {
  return { signal, ...(progress && { log: progress, progress: event => progress(lineOf(event)) }) };
}

const WIDTH = 20;

function lineOf({ stage, done, total, detail = '' }: Progress): string {
  const full = total > 0 ? Math.round((WIDTH * Math.min(done, total)) / total) : 0;
  return `${stage} ${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${done}/${total} ${detail}`;
}
