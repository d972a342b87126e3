/** A context without an edge: nothing is trained or predicted, everything that is told is kept. */
import type { Checkpoint } from '../../lib/core/checkpoint';
import { unkept, type Context, type Need, type Progress, type RemovedStep } from '../../lib/core/context';

export interface Noted {
  readonly steps: RemovedStep[];
  readonly stages: { name: string; model: Checkpoint }[];
  readonly logs: string[];
  readonly progress: Progress[];
  readonly certified: { place: string; masked: Checkpoint; sliced: Checkpoint }[];
}

export function notedContext({
  original,
  seed = 0,
  signal,
  abilities = {},
}: {
  original?: Checkpoint;
  seed?: number;
  signal?: AbortSignal;
  abilities?: object;
} = {}): { context: Context<Need>; noted: Noted } {
  const noted: Noted = { steps: [], stages: [], logs: [], progress: [], certified: [] };
  const context = {
    original,
    seed,
    signal,
    log: (message: string) => void noted.logs.push(message),
    progress: (event: Progress) => void noted.progress.push(event),
    stage: (name: string, model: Checkpoint) => {
      noted.stages.push({ name, model });
      return Promise.resolve();
    },
    time: () => Promise.reject(new Error('no clock')),
    step: unkept,
    undone: [],
    removed: (step: RemovedStep) => void noted.steps.push(step),
    certify: (place: string, masked: Checkpoint, sliced: Checkpoint) => {
      noted.certified.push({ place, masked, sliced });
      return Promise.resolve({ error: 0, tolerance: 1e-5, probes: 0 });
    },
    ...abilities,
  };
  return { context: context as unknown as Context<Need>, noted };
}
