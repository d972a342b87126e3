/** How long a forward pass takes, before and after: the one measurement of the report that needs a backend. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { checkAborted, checkNumber } from '../core/check';
import { random } from '../core/random';
import { median, type TimeOptions, type Times } from '../core/timing';
import type { Latency, Timing } from './report';

export interface LatencyOptions {
  /** Examples per forward pass. */
  readonly batch?: number;
  /** Timed passes of each model. */
  readonly runs?: number;
  readonly signal?: AbortSignal;
}

/** Stands for a size that the model leaves open (null in its input shape): images survive five halvings. */
const OPEN_SIZE = 32;
const WARM_UP = 3;
const MOST_REPEATS = 100;

/**
 * Times `predict` of both models on random inputs, from the call until all outputs are in memory. The models take turns,
 * and swap who goes first, so that a machine that slows down slows both. Leaves no tensors behind.
 * @throws PruneError `bad-option`, `aborted`.
 */
export async function measureLatency(
  before: LayersModel,
  after: LayersModel,
  { batch = 1, runs = 20, signal }: LatencyOptions = {},
): Promise<Latency> {
  const { backend, rounds } = await timeModels('measureLatency', [before, after], { batch, runs, signal });
  const [first, second] = rounds;
  const speedup = median(first.map((time, run) => time / second[run]));
  return { backend, batch, runs, before: timing(first), after: timing(second), speedup };
}

/**
 * Times any number of models as {@link measureLatency} does: round by round in turns, every other round backwards.
 * @throws PruneError `bad-option`, `aborted`.
 */
export async function timeModels(
  place: string,
  models: readonly LayersModel[],
  { batch = 1, runs = 20, atLeast = 0, signal }: TimeOptions & { readonly signal?: AbortSignal },
): Promise<Times> {
  checkNumber(place, 'batch', batch, { least: 1, integer: true });
  checkNumber(place, 'runs', runs, { least: 1, integer: true });
  const timed = models.map(model => ({ model, inputs: inputsFor(model, batch), times: [] as number[], repeats: 1 }));
  try {
    for (let run = -WARM_UP; run < runs; run++) {
      for (const each of run % 2 === 0 ? timed : [...timed].reverse()) {
        const time = await timePasses(each, batch);
        if (run >= 0) each.times.push(time);
        else each.repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(atLeast / time)));
      }
      // Lets timers run, so that an abort can arrive at all.
      await tf.nextFrame();
      checkAborted(place, signal);
    }
  } finally {
    for (const { inputs } of timed) tf.dispose(inputs);
  }
  return { backend: tf.getBackend(), rounds: timed.map(({ times }) => times) };
}

interface Timed {
  readonly model: LayersModel;
  readonly inputs: tf.Tensor[];
  readonly repeats: number;
}

/** Milliseconds of one pass, the mean of as many as are asked for. */
async function timePasses({ model, inputs, repeats }: Timed, batch: number): Promise<number> {
  let sum = 0;
  for (let i = 0; i < repeats; i++) sum += await timePass(model, inputs, batch);
  return sum / repeats;
}

async function timePass(model: LayersModel, inputs: tf.Tensor[], batch: number): Promise<number> {
  const start = performance.now();
  const outputs = [model.predict(inputs, { batchSize: batch })].flat();
  try {
    await Promise.all(outputs.map(output => output.data()));
    return performance.now() - start;
  } finally {
    tf.dispose(outputs);
  }
}

/** Uniform in [0, 1); whole-number inputs are 0, an index that every table has. */
function inputsFor(model: LayersModel, batch: number): tf.Tensor[] {
  return model.inputs.map(({ shape, dtype }, i) => {
    const sizes = [batch, ...shape.slice(1).map(size => size ?? OPEN_SIZE)];
    if (dtype === 'int32') return tf.zeros(sizes, 'int32');
    const { uniform } = random(0, 'latency', i);
    const values = Float32Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, () => uniform());
    return tf.tensor(values, sizes);
  });
}

function timing(times: readonly number[]): Timing {
  return { median: median(times), least: Math.min(...times), most: Math.max(...times) };
}
