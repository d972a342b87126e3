/** Numbers for people. */
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const plain = new Intl.NumberFormat('en');

/** 840, 84.1 k, 1.25 M. */
export function count(value: number | undefined): string {
  if (value === undefined) return 'unknown';
  return short.format(value).replace(/[KMBT]$/, unit => `\u00a0${{ K: 'k', B: 'G' }[unit] ?? unit}`);
}

export function whole(value: number): string {
  return plain.format(value);
}

/** 840 B, 84.1 kB, 1.25 MB: powers of 1000. */
export function bytes(value: number): string {
  return value < 1000 ? `${value}\u00a0B` : `${count(value)}B`;
}

export function milliseconds(value: number): string {
  return `${value.toPrecision(3)}\u00a0ms`;
}

export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)}\u00a0%`;
}

/** Less is shown as less: "-48.2 %". */
export function change(before: number | undefined, after: number | undefined): string | undefined {
  if (!before || after === undefined) return undefined;
  return before === after
    ? 'unchanged'
    : `${after > before ? '+' : '\u2212'}${percent(Math.abs(after - before) / before)}`;
}

/** 3.0e-8. */
export function tiny(value: number): string {
  return value.toExponential(1);
}
