/** What runs in the browser: it fetches its task, times both models in turns with stock tf.js, and posts the times. */
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { inTurns } from './inTurns';

/** `task.json`. */
export interface PageTask {
  readonly backend: string;
  /** Addresses of two model.json. */
  readonly models: readonly [string, string];
  readonly rounds: number;
}

/** What comes back: milliseconds, round by round, or why there are none. */
export type PageAnswer =
  { readonly description: string; readonly dense: number[]; readonly small: number[] } | { readonly problem: string };

async function measure(): Promise<PageAnswer> {
  const { backend, models: addresses, rounds } = (await (await fetch('/task.json')).json()) as PageTask;
  if (!(await tf.setBackend(backend))) return { problem: `the backend ${backend} does not start` };
  const models = [await loadLayersModel(addresses[0]), await loadLayersModel(addresses[1])];
  return { description: tf.getBackend(), ...(await inTurns(models, { rounds })) };
}

void measure()
  .catch((error: unknown): PageAnswer => ({ problem: String(error) }))
  .then(answer => fetch('/answer', { method: 'POST', body: JSON.stringify(answer) }));
