/** Checks of what people pass in. Each throws one PruneError that names the place and the cure. */
import { PruneError } from './errors';

/** @throws PruneError `bad-ratio` unless `ratio` is in [0, 1). */
export function checkRatio(place: string, ratio: number, name = 'ratio'): number {
  if (typeof ratio === 'number' && ratio >= 0 && ratio < 1) return ratio;
  throw new PruneError('bad-ratio', {
    place,
    expected: `${name} in [0, 1), the fraction of units to remove`,
    got: String(ratio),
    cure: ratio >= 1 && ratio <= 100 ? `For ${ratio} % write ${ratio / 100}.` : 'Pass for example 0.5.',
  });
}

/** @throws PruneError `bad-option` unless `value` is a finite number of at least `least` (and at most `most`). */
export function checkNumber(
  place: string,
  name: string,
  value: number,
  {
    least = -Infinity,
    most = Infinity,
    integer = false,
    above = -Infinity,
  }: {
    least?: number;
    most?: number;
    integer?: boolean;
    above?: number;
  } = {},
): number {
  const fits = Number.isFinite(value) && value >= least && value <= most && value > above;
  if (fits && (!integer || Number.isInteger(value))) return value;
  const bounds = [
    least > -Infinity ? `>= ${least}` : '',
    above > -Infinity ? `> ${above}` : '',
    most < Infinity ? `<= ${most}` : '',
  ].filter(Boolean);
  throw new PruneError('bad-option', {
    place,
    expected: `${name} to be ${integer ? 'an integer' : 'a number'} ${bounds.join(' and ')}`.trim(),
    got: String(value),
    cure: `Change ${name}.`,
  });
}

/** @throws PruneError `bad-option` that lists `allowed` unless `value` is one of them. */
export function checkKeyword<T extends string>(place: string, name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw new PruneError('bad-option', {
    place,
    expected: `${name} to be one of ${allowed.join(', ')}`,
    got: JSON.stringify(value) ?? String(value),
    cure: `Use one of the words listed.`,
  });
}

/** @throws PruneError `aborted` when `signal` has been aborted. */
export function checkAborted(place: string, signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new PruneError(
    'aborted',
    {
      place,
      expected: 'to run to the end',
      got: 'an abort signal',
      cure: 'Nothing was changed; call again to start over.',
    },
    { cause: signal.reason },
  );
}
