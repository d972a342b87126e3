/** The conversions by class name: a wrapper finds that of the layer it holds here. */
import type { Conversion } from './conversion';

const table = new Map<string, Conversion>();

export function defineConversion(conversion: Conversion): void {
  table.set(conversion.className, conversion);
}

export function conversionOf(className: string): Conversion | undefined {
  return table.get(className);
}
