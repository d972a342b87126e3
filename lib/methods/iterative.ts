/** Little by little: cut, mend, train, and look again. */
import { counting, global, ratiosOf, sizesOf, type Budget, type BudgetOptions, type Schedule } from '../budgets';
import { checkRatio } from '../core/check';
import type { Need, RecalibrateOptions } from '../core/context';
import { groups } from '../graph/group';
import { fineTune, recalibrate, type FineTuneOptions } from './fineTune';
import { guard, type GuardOptions } from './guard';
import { chain, repeat, type Method } from './method';
import { prune, type PruneOptions } from './prune';
import { repair, type RepairOptions } from './repair';

export interface IterativeOptions<N extends Need = never> extends Omit<PruneOptions<N>, 'budget'>, BudgetOptions {
  /** Number of cuts. */
  readonly steps: number;
  /** How much is gone after each; default: cubic. */
  readonly schedule?: Schedule;
  /** How units are compared: `global` (the default), `uniform`, `isomorphic`, or a function that gives a budget for a ratio. */
  readonly scope?: (options: BudgetOptions) => Budget;
  /** Fits what is left to what the layers gave before each cut, without training; default: false. */
  readonly repair?: boolean | RepairOptions;
  /** Measures BatchNormalization statistics anew after each cut; default: true. */
  readonly recalibrate?: boolean | RecalibrateOptions;
  /** Training after each cut; default: none. */
  readonly fineTune?: FineTuneOptions;
  /** Takes back the first round that costs more than this, and ends there; default: none. */
  readonly guard?: GuardOptions;
}

/**
 * Scores, cuts, mends and trains `steps` times. `ratio`, `minimum` (default: 1) and `multipleOf` mean the model as it is at
 * first: what is left in the end is as much as one cut would leave, to the unit, but each cut knows what the one before did.
 * Paper: the cubic schedule is Zhu & Gupta 2017, 1710.01878, equation 1.
 * Differs: the paper masks weights, and a mask may open again; here units go for good.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, what `prune`, `repair` and `fineTune` throw.
 */
export function iterative<N extends Need = never>(options: IterativeOptions<N>): Method<N | 'data' | 'training'> {
  const { ratio, steps, schedule = 'cubic', scope = global, minimum = 1, multipleOf, criterion } = options;
  checkRatio('iterative', ratio);
  const ratios = ratiosOf(schedule, ratio, steps);
  round(options, scope({ ratio, minimum, multipleOf })); // refuses now what it would refuse later
  return {
    name: `iterative(${criterion.name})`,
    paper: criterion.paper,
    needs: [...new Set([...criterion.needs, 'data' as const, 'training' as const])],
    settings: options,
    run(model, context) {
      const sizes = sizesOf(groups(model));
      const budgets = ratios.map(reached => counting(sizes, scope, { ratio: reached, minimum, multipleOf }));
      return repeat(steps, index => round(options, budgets[index])).run(model, context);
    },
  };
}

/** One cut, and what comes after it. */
function round<N extends Need>(options: IterativeOptions<N>, budget: Budget): Method<N | 'data' | 'training'> {
  const { criterion, groups: select, protect, fold, deadGamma } = options;
  const cut = prune({ criterion, budget, groups: select, protect, fold, deadGamma });
  const mended = options.repair ? repair(cut, given(options.repair)) : cut;
  const after: Method<'data' | 'training'>[] = [];
  if (options.recalibrate !== false) after.push(recalibrate(given(options.recalibrate)));
  if (options.fineTune) after.push(fineTune(options.fineTune));
  const whole = chain<N | 'data' | 'training'>(mended, ...after);
  return options.guard ? guard(whole, options.guard) : whole;
}

function given<T extends object>(options: boolean | T | undefined): T | undefined {
  return typeof options === 'object' ? options : undefined;
}
