/** How fast both models are on one backend of this browser. */
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel, measureLatency, PruneError, useBackend, type Latency } from 'tfjs-prune';
import type { BackendName, ModelFiles } from './messages';

export interface Timing {
  readonly backend: BackendName;
  /** Before, after. */
  readonly models: readonly ModelFiles[];
}

const RUNS = 30;
/** The clock of a page goes in steps of a tenth of a millisecond: what is done sooner than this is timed for many at once. */
const [SHORT, MANY] = [2, 32];

/** Medians of one example at a time, or of many, both models in turns. @throws PruneError `no-backend` where the backend cannot be had. */
export async function timeModels({ backend, models }: Timing): Promise<Latency> {
  // WebGL is not a backend to train on, so that the library does not look after it.
  if (backend === 'webgl') await useWebGl();
  else await useBackend(backend);
  const [before, after] = await Promise.all(models.map(({ json, weights }) => loadLayersModel(filesOf(json, weights))));
  const single = await measureLatency(before, after, { runs: RUNS });
  return single.after.median < SHORT ? measureLatency(before, after, { runs: RUNS, batch: MANY }) : single;
}

function filesOf(json: string, weights: ArrayBuffer): File[] {
  return [new File([json], 'model.json'), new File([weights], 'weights.bin')];
}

async function useWebGl(): Promise<void> {
  const known = tf.findBackendFactory('webgl') !== null;
  if (known && (await tf.setBackend('webgl').catch(() => false)) && tf.getBackend() === 'webgl') return;
  const got = known ? 'none in this browser' : 'a page that was built without it';
  throw new PruneError('no-backend', { place: 'webgl', expected: 'a backend that runs', got, cure: 'Use wasm.' });
}
