/** The conversions by class name: a wrapper finds that of the layer it holds here. */
import type { Config } from '../core/checkpoint';
import type { Refuse } from '../core/json';
import { unknownKeys } from '../graph/call';
import { ruleOf } from '../rules/table';
import type { Conversion } from './conversion';

const table = new Map<string, Conversion>();

export function defineConversion(conversion: Conversion): void {
  table.set(conversion.className, conversion);
}

export function conversionOf(className: string): Conversion | undefined {
  return table.get(className);
}

/** @throws what `refuse` throws for settings of a layer whose meaning its rule does not know. */
export function requireSettings(className: string, config: Config, refuse: Refuse): void {
  const rule = ruleOf(className);
  const strange = rule ? unknownKeys(rule, config) : [];
  if (strange.length > 0) refuse(`settings of a ${className} that are known`, strange.join(', '));
}
