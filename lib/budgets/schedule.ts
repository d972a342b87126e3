/** Several cuts on the way to one ratio. */
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import type { Group } from '../graph/group';
import { withSettings, type Budget, type BudgetOptions, type Scored } from './budget';

/** How much is gone on the way: a keyword, or the share in [0, 1] of the final ratio at a progress in (0, 1], never falling. */
export type Schedule = 'linear' | 'exponential' | 'cubic' | ((progress: number) => number);

const SHARES = {
  linear: progress => progress,
  // (1 - (1 - ratio)^progress) / ratio, also where 1 - ratio rounds to 1.
  exponential: (progress, ratio) => (ratio === 0 ? progress : -Math.expm1(progress * Math.log1p(-ratio)) / ratio),
  cubic: progress => 1 - (1 - progress) ** 3,
} as const satisfies Record<string, (progress: number, ratio: number) => number>;

/**
 * The ratio reached after each of `steps` cuts, of the units there were at first; the last is `ratio`, to the bit. `linear`:
 * as many units each time; `exponential`: the same share of what is left; `cubic`: many at first, few in the end.
 * Paper: cubic is Zhu & Gupta 2017, 1710.01878, equation 1, from 0 on.
 * @throws PruneError `bad-option`.
 */
export function ratiosOf(schedule: Schedule, ratio: number, steps: number): readonly number[] {
  checkNumber('schedule', 'steps', steps, { least: 1, integer: true });
  const share = typeof schedule === 'function' ? schedule : SHARES[schedule];
  if (typeof share !== 'function') throw unknown(schedule);
  let reached = 0;
  return Array.from({ length: steps }, (_, step) => {
    if (step === steps - 1) return ratio;
    const progress = (step + 1) / steps;
    reached = checkNumber('schedule', `schedule(${progress})`, share(progress, ratio), { least: reached, most: 1 });
    return reached * ratio;
  });
}

/** How many units each group has. */
export function sizesOf(groups: readonly Group[]): ReadonlyMap<string, number> {
  return new Map(groups.map(({ name, units }) => [name, units.length]));
}

/**
 * `scope` for a model that has lost units before: all options mean the groups as they were at first, `sizes`, so that
 * several cuts end exactly where one would. To `scope` what is gone are units with the lowest score there is.
 */
export function counting(
  sizes: ReadonlyMap<string, number>,
  scope: (options: BudgetOptions) => Budget,
  options: BudgetOptions,
): Budget {
  const budget = scope(options);
  const whole: Budget = (scored, model, example) => {
    const survivors = budget(
      scored.map(item => padded(item, sizes.get(item.group.name) ?? 0)),
      model,
      example,
    );
    return new Map(
      scored.map(({ group, scores }) => [
        group.name,
        (survivors.get(group.name) ?? []).filter(unit => unit < scores.length),
      ]),
    );
  };
  return withSettings(whole, { sizes, scope, options });
}

/** Units gone by come last, so that of equal scores those that are there stay. */
function padded({ group, scores, standardError }: Scored, size: number): Scored {
  const gone = Math.max(0, size - scores.length);
  const longer = (values: Float64Array, filler: number): Float64Array => {
    const all = new Float64Array(values.length + gone).fill(filler);
    all.set(values);
    return all;
  };
  const units = [...group.units, ...Array.from({ length: gone }, (_, i) => -1 - i)];
  const errors = standardError && { standardError: longer(standardError, 0) };
  return { group: { ...group, units }, scores: longer(scores, -Infinity), ...errors };
}

function unknown(schedule: unknown): PruneError {
  return new PruneError('bad-option', {
    place: 'schedule',
    expected: `one of ${Object.keys(SHARES).join(', ')}, or a function from progress to share`,
    got: JSON.stringify(schedule) ?? String(schedule),
    cure: 'Use one of the words listed.',
  });
}
