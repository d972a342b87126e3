/** How examples begin. */
import { PruneError } from 'tfjs-prune';

/** A refusal is one line, what nobody foresaw its trace; the exit code tells of both. */
export function start(main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    console.error(error instanceof PruneError ? error.message : error);
    process.exitCode = 1;
  });
}
