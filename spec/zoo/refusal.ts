/** Errors as values, so that a spec can look at code and message. */
import { PruneError } from '../../lib/core/errors';

/** The PruneError that `action` throws; anything else fails the spec. */
export function refusal(action: () => unknown): PruneError {
  try {
    action();
  } catch (error) {
    return asPruneError(error);
  }
  throw new Error('expected a PruneError, but nothing was thrown');
}

/** The PruneError that `promise` rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<PruneError> {
  try {
    await promise;
  } catch (error) {
    return asPruneError(error);
  }
  throw new Error('expected a PruneError, but the promise was kept');
}

function asPruneError(error: unknown): PruneError {
  if (error instanceof PruneError) return error;
  throw error;
}
