/** Numbers for people. */
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const plain = new Intl.NumberFormat('en');

export function count(value: number | undefined): string {
  return value === undefined ? 'unknown' : short.format(value);
}

export function whole(value: number): string {
  return plain.format(value);
}

export function bytes(value: number): string {
  return value < 1000
    ? `${value} B`
    : `${short.format(value).replace(/K$/, ' k').replace(/M$/, ' M').replace(/B$/, ' G')}B`;
}

export function milliseconds(value: number): string {
  return `${value.toPrecision(3)} ms`;
}

export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

/** Less is shown as less: "-48.2 %". */
export function change(before: number | undefined, after: number | undefined): string | undefined {
  if (!before || after === undefined) return undefined;
  return before === after
    ? 'unchanged'
    : `${after > before ? '+' : '\u2212'}${percent(Math.abs(after - before) / before)}`;
}
