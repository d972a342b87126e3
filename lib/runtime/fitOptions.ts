/** Options of training, checked and completed. */
import { checkKeyword, checkNumber } from '../core/check';
import type { FitOptions, OptimizerName, Teacher } from '../core/context';
import { PruneError } from '../core/errors';
import type { Splits } from './data';

export interface FitSettings {
  readonly label: string;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly optimizer: OptimizerName;
  readonly fraction: number;
  readonly patience: number;
  readonly restoreBest: boolean;
  readonly carry: boolean;
  readonly l1?: number;
  readonly anneal: (progress: number) => number;
  readonly teacher?: Required<Teacher>;
  readonly regularize?: FitOptions['regularize'];
  readonly loading?: FitOptions['loading'];
}

const optimizers: readonly OptimizerName[] = ['adam', 'momentum'];

/** @throws PruneError `bad-option`; `bad-data` when the best epoch is asked for without a validation split. */
export function readFitOptions(options: FitOptions, { validation }: Pick<Splits, 'validation'>): FitSettings {
  const {
    label = 'fit',
    epochs,
    batchSize = 32,
    optimizer = 'adam',
    fraction = 1,
    carry = false,
    l1,
    anneal = constant,
  } = options;
  checkKeyword('fit', 'optimizer', optimizer, optimizers);
  const {
    learningRate = optimizer === 'adam' ? 1e-3 : 1e-2,
    patience,
    restoreBest = validation !== undefined,
  } = options;
  checkNumber('fit', 'epochs', epochs, { least: 1, integer: true });
  checkNumber('fit', 'batchSize', batchSize, { least: 1, integer: true });
  checkNumber('fit', 'learningRate', learningRate, { above: 0 });
  checkNumber('fit', 'fraction', fraction, { above: 0, most: 1 });
  if (patience !== undefined) checkNumber('fit', 'patience', patience, { least: 1, integer: true });
  if (l1 !== undefined) checkNumber('fit', 'l1', l1, { least: 0 });
  requireValidation(validation, { patience, restoreBest });
  const settings = { label, epochs, batchSize, learningRate, optimizer, fraction, restoreBest, carry, anneal };
  const { teacher, regularize, loading } = options;
  if (regularize) checkPenalty(regularize);
  return {
    ...settings,
    patience: patience ?? Infinity,
    ...(l1 !== undefined && { l1 }),
    ...(teacher && { teacher: readTeacher(teacher) }),
    ...(regularize && { regularize }),
    ...(loading && { loading }),
  };
}

function requireValidation(
  validation: Splits['validation'],
  { patience, restoreBest }: Pick<FitOptions, 'patience' | 'restoreBest'>,
): void {
  if (validation === undefined && (patience !== undefined || restoreBest)) {
    throw new PruneError('bad-data', {
      place: 'fit',
      expected: `a validation split for ${patience !== undefined ? 'patience' : 'restoreBest'}`,
      got: 'none',
      cure: 'Pass data.validation, or leave the option out.',
    });
  }
}

function readTeacher({ model, weight = 0.5, temperature = 4, features = [] }: Teacher): Required<Teacher> {
  checkNumber('fit', 'teacher.weight', weight, { least: 0, most: 1 });
  checkNumber('fit', 'teacher.temperature', temperature, { above: 0 });
  for (const pair of features)
    checkNumber('fit', `the weight of features "${pair.student}"`, pair.weight, { least: 0 });
  return { model, weight, temperature, features };
}

function checkPenalty(penalty: NonNullable<FitOptions['regularize']>): void {
  checkKeyword('fit', 'regularize.kind', penalty.kind, ['groupLasso', 'growing']);
  if (penalty.kind === 'groupLasso') {
    checkNumber('fit', 'regularize.strength', penalty.strength, { least: 0 });
    return;
  }
  checkNumber('fit', 'regularize.delta', penalty.delta, { least: 0 });
  checkNumber('fit', 'regularize.ceiling', penalty.ceiling, { least: 0 });
  checkNumber('fit', 'regularize.every', penalty.every, { least: 1, integer: true });
}

function constant(): number {
  return 1;
}
