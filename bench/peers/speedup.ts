/** From times of a net and of a smaller one, taken in turns, to how much faster that is. */
import { summary, type Timing } from '../harness';

export interface Speedup {
  readonly net: string;
  readonly form: string;
  readonly backend: string;
  /** Multiply-accumulates before over after. */
  readonly macs: number;
  readonly dense: Timing;
  readonly small: Timing;
  /** Of the rounds' own ratios: median, and distance of the quartiles over it. */
  readonly measured: Timing;
  /** What of the ratio of MACs arrives: 1 = all of it. */
  readonly quotient: number;
}

export interface Measured {
  readonly net: string;
  readonly form: string;
  readonly description: string;
  readonly macs: readonly [number, number];
  readonly dense: readonly number[];
  readonly small: readonly number[];
}

export function speedup({ net, form, description, macs, dense, small }: Measured): Speedup {
  const measured = summary('ratio', dense.map((ms, round) => ms / small[round])); // prettier-ignore
  const ratio = macs[0] / macs[1];
  return {
    net,
    form,
    backend: description,
    macs: ratio,
    dense: summary('dense', dense),
    small: summary('small', small),
    measured,
    quotient: measured.median / ratio,
  };
}

export const headers = ['', 'form', 'backend', 'MACs ratio', 'measured', 'spread', 'quotient', 'dense ms', 'small ms'];

export function rowOf(result: Speedup): (string | number)[] {
  const { net, form, backend, macs, measured, quotient, dense, small } = result;
  return [net, form, backend, macs, measured.median, measured.spread, quotient, dense.median, small.median];
}
