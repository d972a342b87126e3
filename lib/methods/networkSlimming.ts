/** Network Slimming, end to end. */
import { counting, global, ratiosOf, sizesOf } from '../budgets';
import { checkNumber, checkRatio } from '../core/check';
import { gamma } from '../criteria';
import { groups } from '../graph/group';
import { fineTune, recalibrate, slim, type FineTuneOptions, type SlimOptions } from './fineTune';
import { chain, repeat, type Method } from './method';
import { prune, type PruneOptions } from './prune';

export interface NetworkSlimmingOptions extends Pick<PruneOptions, 'protect' | 'fold' | 'deadGamma'> {
  /** Fraction of all prunable channels to remove in the end, in [0, 1). */
  readonly ratio: number;
  /** Training with the penalty before each cut. */
  readonly slim: SlimOptions;
  /** Training after each cut. */
  readonly fineTune: FineTuneOptions;
  /** Cuts on the way to `ratio`, each removing the same share of what is left. */
  readonly steps?: number;
  /** Least number of channels per group in the end; below 1 a fraction of what the group has at the start. Default 1. */
  readonly minimum?: number;
  readonly multipleOf?: number;
}

/**
 * Trains with L1 on gamma, removes the channels with the smallest gammas over the whole network, measures the
 * BatchNormalization statistics anew, and fine-tunes; `steps` times.
 * Paper: Liu et al. 2017, 1708.06519.
 * Differs: a floor per group, gammas of residual streams averaged (the paper leaves them whole), statistics measured
 * anew after the cut, fine-tuning on a subset if asked.
 */
export function networkSlimming(options: NetworkSlimmingOptions): Method<'data' | 'training'> {
  const { ratio, steps = 1, minimum = 1, multipleOf, protect, fold = 'exact', deadGamma } = options;
  checkRatio('networkSlimming', ratio);
  checkNumber('networkSlimming', 'steps', steps, { least: 1, integer: true });
  return {
    name: 'networkSlimming',
    paper: 'Liu 2017, 1708.06519',
    needs: ['data', 'training'],
    settings: options,
    run(model, context) {
      const sizes = sizesOf(groups(model));
      const ratios = ratiosOf('exponential', ratio, steps);
      const step = (index: number) => {
        const budget = counting(sizes, global, { ratio: ratios[index], minimum, multipleOf });
        return chain<'data' | 'training'>(
          slim(options.slim),
          prune({ criterion: gamma(), budget, protect, fold, deadGamma }),
          recalibrate(),
          fineTune(options.fineTune),
        );
      };
      return repeat(steps, step).run(model, context);
    },
  };
}
