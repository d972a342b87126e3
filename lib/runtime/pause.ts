/** Long work gives the event loop a turn now and then, so that an AbortSignal can fire and a page stays alive. */
import { checkAborted } from '../core/check';
import { deviceCheck } from './deviceErrors';

const MILLISECONDS = 50;

/** Of all work together: many short runs in a row block the event loop as one long run does. */
let last = 0;

/**
 * A function to await between two steps: gives way to the event loop when the last turn is a while ago.
 * It throws PruneError `aborted` once `signal` is, `bad-device` once the graphics device has failed.
 */
export function pause(place: string, signal: AbortSignal | undefined): () => Promise<void> {
  const checkDevice = deviceCheck();
  return async () => {
    checkAborted(place, signal);
    checkDevice();
    if (performance.now() - last < MILLISECONDS) return;
    await new Promise<void>(resolve => setTimeout(resolve));
    last = performance.now();
    checkAborted(place, signal);
  };
}
