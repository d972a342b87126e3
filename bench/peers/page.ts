/** What runs in the browser: it fetches its task, times both models in turns with stock tf.js, and posts the times. */
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';

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

const WARM_UP = 3;

async function measure(): Promise<PageAnswer> {
  const { backend, models: addresses, rounds } = (await (await fetch('/task.json')).json()) as PageTask;
  if (!(await tf.setBackend(backend))) return { problem: `the backend ${backend} does not start` };
  const models = [await loadLayersModel(addresses[0]), await loadLayersModel(addresses[1])];
  const image = tf.randomUniform([1, ...(models[0].inputs[0].shape.slice(1) as number[])], 0, 1, 'float32', 0);
  const times: [number[], number[]] = [[], []];
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const start = performance.now();
      const output = models[i].predict(image) as tf.Tensor;
      await output.data();
      if (round >= 0) times[i].push(performance.now() - start);
      output.dispose();
    }
  }
  return { description: tf.getBackend(), dense: times[0], small: times[1] };
}

void measure()
  .catch((error: unknown): PageAnswer => ({ problem: String(error) }))
  .then(answer => fetch('/answer', { method: 'POST', body: JSON.stringify(answer) }));
