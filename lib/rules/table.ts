/** The rules by class name: a layer that holds another finds the other's rule here. */
import { PruneError } from '../core/errors';
import type { LayerRule } from './rule';

const table = new Map<string, LayerRule>();

/**
 * Makes a rule known to every model from now on, and returns it: the way to prune layers of your own.
 * @throws PruneError `bad-option` when the class has another rule already.
 */
export function defineRule(rule: LayerRule): LayerRule {
  const known = table.get(rule.className);
  if (known !== undefined && known !== rule) {
    throw new PruneError('bad-option', {
      place: 'defineRule',
      expected: 'a class without a rule',
      got: `"${rule.className}", which has one`,
      cure: 'Give your layer a className of its own.',
    });
  }
  table.set(rule.className, rule);
  return rule;
}

/** The rule of a layer class, if there is one. */
export function ruleOf(className: string): LayerRule | undefined {
  return table.get(className);
}
