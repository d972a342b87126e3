/** The abilities behind a method's context, bound to one run. */
import type {
  BaseContext,
  Abilities,
  Context,
  FitOptions,
  ImitateOptions,
  Moments,
  Need,
  Progress,
  RemovedStep,
  ShearOptions,
} from '../core/context';
import type { Checkpoint } from '../core/checkpoint';
import { checkAborted } from '../core/check';
import { PruneError } from '../core/errors';
import { exampleSizes } from '../core/shapes';
import type { RunStore } from '../core/store';
import { takeAway } from '../edit/restore';
import { gatherSites } from '../edit/slice';
import { certify } from './certify';
import type { Splits } from './data';
import { evaluate } from './evaluate';
import { fit, type FitRun } from './fit';
import { gateGradients, weightGradients } from './gradients';
import { imitate } from './imitate';
import { newJournal, wayBack, type Journal } from './journal';
import { unfitness } from './moments';
import { observe, observeOrder } from './observe';
import { recalibrate } from './recalibrate';
import { keptSteps, type Fingerprint, type Kept } from './resume';
import { shear } from './shear';
import { time } from './time';

export interface RunOptions {
  /** The model that the run begins with. */
  readonly original: Checkpoint;
  /** Default: 0. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly log?: (message: string) => void;
  readonly progress?: (event: Progress) => void;
  /** Keep what each step takes away. */
  readonly keepRemoved?: boolean;
}

/** What a run is about, and where it keeps what it has finished. */
export interface Keeping {
  readonly store?: RunStore;
  readonly fingerprint: Fingerprint;
}

/**
 * Without `splits` the abilities that need data are absent; the types of `compress` keep methods from asking for them.
 * `measure` makes a stage of the report; one that repeats the model of the last stage is not measured again.
 */
export async function createContext<S>(
  { original, seed = 0, signal, log = ignore, progress = ignore, keepRemoved = false }: RunOptions,
  splits: Splits | undefined,
  measure: (name: string, model: Checkpoint) => Promise<S>,
  { store, fingerprint }: Keeping = { fingerprint: {} },
): Promise<{ readonly context: Context<Need>; readonly journal: Journal<S> }> {
  const journal = newJournal<S>();
  const { notes } = journal;
  const { step, training } = await keptSteps(store, fingerprint, journal, log);
  const base: BaseContext = {
    original,
    ...(splits && { example: exampleSizes(splits.train.inputs) }),
    seed,
    signal,
    log,
    progress,
    ...history(journal),
    step,
    async stage(name, model) {
      if (model === journal.last) return;
      journal.last = model;
      notes.stages.push(await measure(name, model));
    },
    removed(step, model) {
      if (keepRemoved && step.turned) throw notRestorable();
      notes.steps.push(step);
      if (keepRemoved) notes.taken.push(takeAway(model, step));
      journal.moments = cutMoments(journal.moments, model, step);
    },
    time: (place, models, options) => time(place, models, { ...options, signal }),
    async certify(place, masked, sliced, tolerance) {
      checkAborted(place, signal);
      const certificate = await certify(place, masked, sliced, { seed, tolerance });
      notes.certificates.push({ ...certificate, place });
      return certificate;
    },
  };
  const given = splits && abilities(splits, journal, { seed, signal, log, progress, training });
  return { journal, context: { ...base, ...given } as Context<Need> };
}

function history(journal: Journal): Pick<BaseContext, 'undone' | 'mark' | 'recall'> {
  return {
    undone: journal.notes.undone,
    mark() {
      const back = wayBack(journal);
      return undone => {
        back();
        journal.notes.undone.push(undone);
      };
    },
    async recall(name, make) {
      const known = Object.hasOwn(journal.recalled, name) ? journal.recalled[name] : undefined;
      const score = known ?? (await make());
      if (!known) journal.recalled = { ...journal.recalled, [name]: score };
      return score;
    },
  };
}

/** Moments of another model than the one that is cut are of no use. */
function cutMoments(
  moments: Moments | undefined,
  { weights }: Checkpoint,
  { sites, blocks = [], turned }: RemovedStep,
): Moments | undefined {
  if (moments === undefined || turned || unfitness(moments, weights) !== undefined) return undefined;
  const gone = new Set(blocks.flatMap(({ layers }) => layers));
  const left = (slot: Checkpoint['weights']) => new Map([...slot].filter(([path]) => !gone.has(path)));
  return { ...moments, slots: moments.slots.map(slot => gatherSites(left(slot), sites)) };
}

type AbilityRun = Required<Pick<RunOptions, 'seed' | 'log' | 'progress'>> &
  Pick<RunOptions, 'signal'> &
  Pick<Kept, 'training'>;

function abilities(splits: Splits, journal: Journal, { training, ...run }: AbilityRun): Abilities {
  const { train, validation = train, loss } = splits;
  return {
    data: {
      train,
      evaluate: (model, order) => evaluate(model, validation, loss, { order, signal: run.signal }),
      sample(model, { batches = 16, batchSize = 64 } = {}) {
        const order = observeOrder(run.seed, train.inputs[0].shape[0]).subarray(0, batches * batchSize);
        return evaluate(model, train, loss, { batchSize, order, signal: run.signal });
      },
      recalibrate: (model, options) => recalibrate(model, train, options, run),
      observe: (watched, see, options) => observe(watched, train, see, options, run),
    },
    gradients: {
      weights: (model, see, options) => weightGradients(model, splits, see, options, run),
      gates: (model, gates, see, options) => gateGradients(model, splits, gates, see, options, run),
    },
    training: {
      async fit(model, options) {
        const halfway = options.loading ? undefined : await training(model);
        return notedFit(model, splits, options, journal, { ...run, halfway });
      },
      async imitate(model: Checkpoint, options: ImitateOptions) {
        journal.moments = undefined; // of another training
        return imitate(model, splits, options, run);
      },
      async shear(model: Checkpoint, options: ShearOptions) {
        journal.moments = undefined; // of another training
        return shear(model, splits, options, run);
      },
    },
  };
}

/** What the training learnt of the optimizer and of gammas goes into the journal. */
async function notedFit(
  model: Checkpoint,
  splits: Splits,
  options: FitOptions,
  journal: Journal,
  run: FitRun,
): Promise<Checkpoint> {
  const { moments, notes } = journal;
  let ended: Moments | undefined;
  const fitted = await fit(model, splits, options, {
    ...run,
    moments,
    onMoments: found => (ended = found),
    onGammas: found => notes.gammas.push(found),
  });
  journal.moments = ended;
  return fitted;
}

function notRestorable(): PruneError {
  return new PruneError('bad-option', {
    place: 'compress',
    expected: 'keepRemoved with methods that remove units or blocks',
    got: 'one that turns streams to another basis',
    cure: 'Leave keepRemoved out, and keep the original model.',
  });
}

function ignore(): void {}
