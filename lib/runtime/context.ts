/** The abilities behind a method's context, bound to one run. */
import type {
  BaseContext,
  Abilities,
  Certificate,
  Context,
  FitOptions,
  Need,
  Progress,
  RemovedStep,
} from '../core/context';
import type { Checkpoint } from '../core/checkpoint';
import { checkAborted } from '../core/check';
import { takeSlices, type RemovedSlice } from '../edit/restore';
import { certify } from './certify';
import type { Splits } from './data';
import { evaluate } from './evaluate';
import { fit } from './fit';
import { gateGradients, weightGradients } from './gradients';
import { observe } from './observe';
import { recalibrate } from './recalibrate';
import { time } from './time';

export interface RunOptions {
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly log: (message: string) => void;
  readonly progress: (event: Progress) => void;
  /** Keep what each step takes away. */
  readonly keepRemoved?: boolean;
}

/** What the context noted on the way, for plan and report. */
export interface Notes {
  readonly steps: RemovedStep[];
  /** What each step took away, where that is to be kept. */
  readonly slices: (readonly RemovedSlice[])[];
  readonly certificates: (Certificate & { readonly place: string })[];
}

/** Without `splits` the abilities that need data are absent; the types of `compress` keep methods from asking for them. */
export function createContext(
  { seed, signal, log, progress, keepRemoved = false }: RunOptions,
  splits: Splits | undefined,
  stage: BaseContext['stage'],
): { readonly context: Context<Need>; readonly notes: Notes } {
  const notes: Notes = { steps: [], slices: [], certificates: [] };
  const base: BaseContext = {
    seed,
    signal,
    log,
    progress,
    stage,
    removed(step, model) {
      notes.steps.push(step);
      if (keepRemoved) notes.slices.push(takeSlices(model, step.sites));
    },
    time: (place, models, options) => time(place, models, { ...options, signal }),
    async certify(place, masked, sliced) {
      checkAborted(place, signal);
      const certificate = await certify(place, masked, sliced, { seed });
      notes.certificates.push({ ...certificate, place });
      return certificate;
    },
  };
  return { notes, context: { ...base, ...(splits && abilities(splits, { seed, signal, progress })) } as Context<Need> };
}

function abilities(splits: Splits, run: Pick<RunOptions, 'seed' | 'signal' | 'progress'>): Abilities {
  const { train, validation = train, loss } = splits;
  return {
    data: {
      train,
      evaluate: (model: Checkpoint) => evaluate(model, validation, loss, { signal: run.signal }),
      recalibrate: (model, options) => recalibrate(model, train, options, run),
      observe: (watched, see, options) => observe(watched, train, see, options, run),
    },
    gradients: {
      weights: (model, see, options) => weightGradients(model, splits, see, options, run),
      gates: (model, gates, see, options) => gateGradients(model, splits, gates, see, options, run),
    },
    training: {
      fit: (model: Checkpoint, options: FitOptions) => fit(model, splits, options, run),
    },
  };
}
