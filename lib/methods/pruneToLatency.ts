/** Prunes until the model is measured to be fast enough, on the backend that runs. */
import { costSearch, global, type Budget, type BudgetOptions, type Limits } from '../budgets';
import { checkNumber } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import type { BaseContext, Context, Need } from '../core/context';
import { PruneError } from '../core/errors';
import type { Measured, Trial } from '../core/timing';
import { latencySearch, type Stopwatch } from './latencySearch';
import type { Method } from './method';
import { prune, score, type PruneOptions } from './prune';

export interface PruneToLatencyOptions<N extends Need = never> extends Omit<PruneOptions<N>, 'budget'> {
  /** Most milliseconds that a forward pass may take. */
  readonly milliseconds?: number;
  /** Or how many times as fast as before it has to be. */
  readonly speedup?: number;
  /** Examples per forward pass. Default: 1. */
  readonly batch?: number;
  /** Timed passes of each model and trial. Default: 11. */
  readonly runs?: number;
  /** Trials at most; default 8. */
  readonly trials?: number;
  /** How units are compared, as in `costTarget`: `global` (the default), `uniform`, `isomorphic`, or a function of your own. */
  readonly scope?: (options: BudgetOptions) => Budget;
  /** Default: 1. */
  readonly minimum?: Limits['minimum'];
  /**
   * As in budgets; `auto` (the default) takes the smallest of 1, 2, 4, 8 and 16 whose model, timed beside those of the others
   * at the work the target seems to need, turns what it saves in work into time within 3 % of the best.
   */
  readonly multipleOf?: number | 'auto';
}

/**
 * Removes as few units, in the order of `scope`, as bring the measured time of a forward pass down to the target or just
 * below. Units are scored once; each trial cuts the model and times the result and the original in turns (the median of the
 * rounds' own ratios counts, so that a busy machine slows both), and a line through the trials says how much work the next
 * one may leave. A trial within 10 % of the target is timed twice. What is taken is never slower than the original. The
 * choice of units follows from scores and seed, their number from the clock; the plan tells all trials.
 * @throws PruneError `bad-option`; when run, as `prune`, and `empty-group` where no trial was fast enough: it tells the lowest latency found.
 */
export function pruneToLatency<N extends Need = never>(options: PruneToLatencyOptions<N>): Method<N> {
  const { criterion, milliseconds, speedup } = options;
  check(options);
  const target = milliseconds === undefined ? `${speedup}x as fast` : `${milliseconds} ms`;
  return {
    name: `pruneToLatency(${criterion.name}, ${target})`,
    paper: criterion.paper,
    needs: criterion.needs,
    settings: options,
    async run(model, context) {
      const held = await score(model, options, context);
      const { survivors, measured } = await search(model, held, options, context);
      const scored = held.scored.map(({ scores, standardError }) => ({ values: scores, standardError }));
      const known = { ...criterion, score: () => Promise.resolve(scored) };
      const removed: BaseContext['removed'] = (step, from) => context.removed({ ...step, measured: [measured] }, from);
      return prune({ ...options, criterion: known, budget: () => survivors }).run(model, { ...context, removed });
    },
  };
}

async function search<N extends Need>(
  model: Checkpoint,
  { traced, scored }: Pick<Stopwatch, 'traced' | 'scored'>,
  options: PruneToLatencyOptions<N>,
  context: Context<N>,
) {
  const { batch = 1, runs = 11, trials: most = 8, scope = global, minimum = 1, multipleOf = 'auto' } = options;
  const costs = (multiple: number) =>
    costSearch({ scored, model, example: context.example }, ratio => scope({ ratio, minimum, multipleOf: multiple }));
  const watch: Stopwatch = {
    model,
    traced,
    scored,
    batch,
    runs,
    time: models => context.time('pruneToLatency', models, { batch, runs, atLeast: 2 }),
    tell(trial: Trial, done: number) {
      const detail = `${(100 * trial.units).toFixed(0)} % of units, ${trial.milliseconds.toFixed(2)} ms, ${trial.speedup.toFixed(2)}x`;
      context.progress({ stage: 'latency', done, total: most, detail });
      context.log(`timed ${detail}`);
    },
  };
  const goal = { milliseconds: options.milliseconds, speedup: options.speedup, most };
  const { taken, survivors, ...measured } = await latencySearch(watch, costs, multipleOf, goal);
  if (taken === undefined || survivors === undefined) throw outOfReach(measured);
  context.progress({ stage: 'latency', done: most, total: most });
  return { survivors, measured: { ...measured, result: taken } satisfies Measured };
}

function check<N extends Need>(options: PruneToLatencyOptions<N>): void {
  const { milliseconds, speedup, batch = 1, runs = 11, trials = 8, multipleOf = 'auto', minimum = 1 } = options;
  const place = 'pruneToLatency';
  if ((milliseconds === undefined) === (speedup === undefined)) {
    throw new PruneError('bad-option', {
      place,
      expected: 'one of milliseconds and speedup',
      got: milliseconds === undefined ? 'neither' : 'both',
      cure: 'Pass for example speedup: 2.',
    });
  }
  if (milliseconds !== undefined) checkNumber(place, 'milliseconds', milliseconds, { above: 0 });
  if (speedup !== undefined) checkNumber(place, 'speedup', speedup, { least: 1 });
  checkNumber(place, 'batch', batch, { least: 1, integer: true });
  checkNumber(place, 'runs', runs, { least: 1, integer: true });
  checkNumber(place, 'trials', trials, { least: 1, integer: true });
  if (multipleOf !== 'auto') checkNumber(place, 'multipleOf', multipleOf, { least: 1, integer: true });
  if (typeof minimum === 'number') checkNumber(place, 'minimum', minimum, { least: 0 });
}

function outOfReach({ target, dense, trials }: Omit<Measured, 'result'>): PruneError {
  const least = trials.reduce((a, b) => (b.milliseconds < a.milliseconds ? b : a));
  return new PruneError('empty-group', {
    place: 'pruneToLatency',
    expected: `at most ${target.toFixed(2)} ms (${(dense / target).toFixed(2)}x as fast)`,
    got: `${least.milliseconds.toFixed(2)} ms (${least.speedup.toFixed(2)}x) with ${(100 * least.units).toFixed(0)} % of the units, the fastest of ${trials.length} trials`,
    cure: 'Ask for less, lower minimum, let more groups go, or allow more trials.',
  });
}
