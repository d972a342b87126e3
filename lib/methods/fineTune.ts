/** Training as a step: fine-tuning after a cut, slimming before it, and fresh BatchNormalization statistics. */
import type { FitOptions, RecalibrateOptions } from '../core/context';
import { checkNumber } from '../core/check';
import type { Method } from './method';

export type FineTuneOptions = Omit<FitOptions, 'l1' | 'anneal' | 'label'>;

/**
 * Trains with a fresh optimizer and a cosine rate on a `fraction` of the training examples (default: all), and keeps
 * the weights of the best validation epoch where there is a validation split.
 * @throws PruneError `bad-option`; when run, `bad-data`, `aborted`.
 */
export function fineTune(options: FineTuneOptions): Method<'training'> {
  checkFit('fineTune', options);
  return {
    name: 'fineTune',
    needs: ['training'],
    settings: options,
    async run(model, context) {
      const tuned = await context.training.fit(model, { ...options, label: 'fine-tune' });
      await context.stage('fine-tuned', tuned);
      return tuned;
    },
  };
}

export interface SlimOptions extends Omit<FitOptions, 'label' | 'restoreBest' | 'patience'> {
  readonly l1: number;
}

/**
 * Trains with an L1 penalty of strength `l1` on every BatchNormalization gamma, so that channels the task does not need
 * go to zero. Returns stock layers.
 * Paper: 1708.06519, equation 1. Differs: the penalty's gradient at exactly zero is zero.
 */
export function slim(options: SlimOptions): Method<'training'> {
  checkFit('slim', options);
  checkNumber('slim', 'l1', options.l1, { least: 0 });
  return {
    name: 'slim',
    paper: 'Liu 2017, 1708.06519',
    needs: ['training'],
    settings: options,
    async run(model, context) {
      const slimmed = await context.training.fit(model, { ...options, restoreBest: false, label: 'slim' });
      await context.stage('slimmed', slimmed);
      return slimmed;
    },
  };
}

/** Measures BatchNormalization statistics anew by forward passes; after a cut the old ones are stale. */
export function recalibrate(options: RecalibrateOptions = {}): Method<'data'> {
  return {
    name: 'recalibrate',
    needs: ['data'],
    settings: options,
    async run(model, context) {
      const fresh = await context.data.recalibrate(model, options);
      await context.stage('recalibrated', fresh);
      return fresh;
    },
  };
}

function checkFit(place: string, { epochs, batchSize = 1, learningRate = 1, fraction = 1 }: FitOptions): void {
  checkNumber(place, 'epochs', epochs, { least: 1, integer: true });
  checkNumber(place, 'batchSize', batchSize, { least: 1, integer: true });
  checkNumber(place, 'learningRate', learningRate, { above: 0 });
  checkNumber(place, 'fraction', fraction, { above: 0, most: 1 });
}
