/** Training as a step: fine-tuning after a cut, slimming before it, and fresh BatchNormalization statistics. */
import type { Checkpoint } from '../core/checkpoint';
import type { BaseContext, Context, FitOptions, RecalibrateOptions, Teacher } from '../core/context';
import { checkNumber } from '../core/check';
import type { Method } from './method';

export interface FineTuneOptions extends Omit<FitOptions, 'l1' | 'anneal' | 'label' | 'teacher' | 'regularize'> {
  /** Learns from a teacher too; default: no. */
  readonly distill?: Distillation;
}

/** How much to learn from a teacher. */
export interface Distillation extends Omit<Teacher, 'model'> {
  /** As `capture` gives it; default: the model that the run began with. */
  readonly teacher?: Checkpoint;
}

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
    run: (model, context) => trained(model, fitOptions(options, 'fine-tune', context), 'fine-tuned', context),
  };
}

export type DistillOptions = Omit<FineTuneOptions, 'distill'> & Distillation;

/**
 * Trains as {@link fineTune} does, on the answers of a teacher and on the targets: `weight` times T^2 times the divergence of
 * both models' answers, softened by `temperature` T, plus (1 - weight) times the task's loss; `features` are added.
 * Papers: Hinton et al. 2015, 1503.02531; features: Romero et al. 2015, 1412.6550.
 * @throws PruneError `bad-option`; when run, also for layers or shapes that do not match; `bad-data`, `aborted`.
 */
export function distill(options: DistillOptions): Method<'training'> {
  const { teacher, weight, temperature, features, ...rest } = options;
  const settings: FineTuneOptions = { ...rest, distill: { teacher, weight, temperature, features } };
  checkFit('distill', settings);
  return {
    name: 'distill',
    paper: 'Hinton 2015, 1503.02531',
    needs: ['training'],
    settings: options,
    run: (model, context) => trained(model, fitOptions(settings, 'distill', context), 'distilled', context),
  };
}

function fitOptions({ distill, ...options }: FineTuneOptions, label: string, { original }: BaseContext): FitOptions {
  if (distill === undefined) return { ...options, label };
  const { teacher: model = original, ...how } = distill;
  return { ...options, label, teacher: { model, ...how } };
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
    run: (model, context) => trained(model, { ...options, restoreBest: false, label: 'slim' }, 'slimmed', context),
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

/** `model` after training, which is a stage of the report. */
export async function trained(
  model: Checkpoint,
  options: FitOptions,
  stage: string,
  context: Context<'training'>,
): Promise<Checkpoint> {
  const result = await context.training.fit(model, options);
  await context.stage(stage, result);
  return result;
}

export function checkFit(place: string, options: FitOptions & Pick<FineTuneOptions, 'distill'>): void {
  const { epochs, batchSize = 1, learningRate = 1, fraction = 1, distill = {} } = options;
  checkNumber(place, 'epochs', epochs, { least: 1, integer: true });
  checkNumber(place, 'batchSize', batchSize, { least: 1, integer: true });
  checkNumber(place, 'learningRate', learningRate, { above: 0 });
  checkNumber(place, 'fraction', fraction, { above: 0, most: 1 });
  const { weight = 0, temperature = 1 } = distill;
  checkNumber(place, 'weight', weight, { least: 0, most: 1 });
  checkNumber(place, 'temperature', temperature, { above: 0 });
}
