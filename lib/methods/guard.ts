/** A step that may cost only so much. */
import { checkNumber } from '../core/check';
import type { Need, Score } from '../core/context';
import { PruneError } from '../core/errors';
import type { Method } from './method';

export interface GuardOptions {
  /** Most accuracy that may be lost, in [0, 1]: 0.02 is two points. */
  readonly maxDrop?: number;
  /** Highest loss that is borne. */
  readonly maxLoss?: number;
}

/**
 * Runs `method` and looks at what it left, on the validation split, else the training split. Where the model fell too far
 * below what it was before the first guarded step of the run, the step is taken back whole, with its cuts and stages, and
 * every `repeat` around it ends; the report says so.
 * @throws PruneError `bad-option`, also when run for `maxDrop` on a model that is no classifier; what `method` throws.
 */
export function guard<N extends Need = never>(method: Method<N>, options: GuardOptions): Method<N | 'data'> {
  checkGuard(options);
  return {
    name: `guard(${method.name})`,
    paper: method.paper,
    needs: [...new Set([...method.needs, 'data' as const])],
    settings: { method: method.settings, options },
    async run(model, context) {
      const before = await context.recall('guard', () => context.data.evaluate(model));
      const takeBack = context.mark();
      const result = await method.run(model, context);
      const after = await context.data.evaluate(result);
      const reason = fallen(before, after, options);
      if (reason === undefined) return result;
      takeBack({ method: method.name, reason, before, after });
      context.log(`${method.name} is taken back: ${reason}`);
      return model;
    },
  };
}

/** @throws PruneError `bad-option`. */
export function checkGuard({ maxDrop, maxLoss }: GuardOptions): void {
  if (maxDrop !== undefined) checkNumber('guard', 'maxDrop', maxDrop, { least: 0, most: 1 });
  if (maxLoss !== undefined) checkNumber('guard', 'maxLoss', maxLoss, { least: 0 });
  if (maxDrop === undefined && maxLoss === undefined) {
    const cure = 'Pass for example maxDrop: 0.02 for two points of accuracy.';
    throw new PruneError('bad-option', { place: 'guard', expected: 'maxDrop or maxLoss', got: 'neither', cure });
  }
}

/** Differences of decimal fractions are a little off. */
const ROUNDING = 1e-9;

/** A loss that is no number is too high. */
function fallen(before: Score, after: Score, { maxDrop, maxLoss }: GuardOptions): string | undefined {
  if (maxLoss !== undefined && !(after.loss <= maxLoss))
    return `the loss is ${after.loss.toFixed(4)}, above ${maxLoss}`;
  if (maxDrop === undefined) return undefined;
  const [was, is] = [before.accuracy, after.accuracy];
  if (was === undefined || is === undefined) throw noAccuracy();
  if (was - is <= maxDrop + ROUNDING) return undefined;
  const [from, to] = [was, is].map(accuracy => `${(100 * accuracy).toFixed(2)} %`);
  return `accuracy fell from ${from} to ${to}, by more than ${Number((100 * maxDrop).toPrecision(6))} points`;
}

function noAccuracy(): PruneError {
  return new PruneError('bad-option', {
    place: 'guard',
    expected: 'a classifier for maxDrop',
    got: 'a model without accuracy',
    cure: 'Pass maxLoss instead.',
  });
}
