/** Numbers for people: three digits are enough to see a change. */

/** 840, 84.1 k, 1.25 M; "?" when it is not known. */
export function count(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '?';
  if (value < 1000) return String(value);
  return scaled(value, ['k', 'M', 'G', 'T']);
}

/** 840 B, 84.1 kB, 1.25 MB: powers of 1000. */
export function bytes(value: number): string {
  return value < 1000 ? `${value} B` : scaled(value, ['kB', 'MB', 'GB', 'TB']);
}

/** 0.081 ms, 2.31 ms, 120 ms. */
export function milliseconds(value: number): string {
  return `${value < 0.1 ? value.toFixed(3) : threeDigits(value)} ms`;
}

/** 84.1 % of a fraction. */
export function percent(fraction: number | undefined, digits = 2): string {
  return fraction === undefined ? '?' : `${(100 * fraction).toFixed(digits)} %`;
}

/** 84 % of a fraction, with digits only where it has them. */
export function wholePercent(fraction: number): string {
  return `${Number((100 * fraction).toFixed(2))} %`;
}

/** How much smaller, -65.0 %; "same" when nothing changed, "" when it cannot be said. */
export function change(before: number | undefined, after: number | undefined): string {
  if (before === undefined || after === undefined || before === 0) return '';
  if (before === after) return 'same';
  return signed((100 * (after - before)) / before, 1, '%');
}

/** A difference of two fractions in percentage points: -0.43 points. */
export function points(before: number, after: number): string {
  return before === after ? 'same' : signed(100 * (after - before), 2, 'points');
}

/** 3.0e-8; 0 stays 0. */
export function tiny(value: number): string {
  return value === 0 ? '0' : value.toExponential(1);
}

function signed(value: number, digits: number, unit: string): string {
  const text = value.toFixed(digits);
  return `${value > 0 ? '+' : ''}${text} ${unit}`;
}

/** The largest prefix that leaves at least 1, after rounding: 999,950 is 1.00 M, not 1000 k. */
function scaled(value: number, prefixes: readonly string[]): string {
  let rest = value / 1000;
  let index = 0;
  while (rest >= 999.5 && index < prefixes.length - 1) {
    rest /= 1000;
    index++;
  }
  return `${threeDigits(rest)} ${prefixes[index]}`;
}

function threeDigits(value: number): string {
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return value.toFixed(digits);
}
