/** FLAP: what varies least goes, and its mean stays. */
import { global, type BudgetOptions, type UnitCost } from '../budgets';
import type { ObserveOptions } from '../core/context';
import { fluctuation } from '../criteria';
import type { Method } from './method';
import { FEED_FORWARD, HEADS, onParts } from './parts';
import { prune, type PruneOptions } from './prune';
import { repair } from './repair';

export interface FlapOptions extends BudgetOptions, ObserveOptions, Pick<PruneOptions, 'protect'> {
  /** Fraction of what all heads and feed-forward neurons cost together that goes, in [0, 1). */
  readonly ratio: number;
  /** What they cost: parameters (the default) or MACs. */
  readonly of?: UnitCost;
}

/**
 * Removes heads and feed-forward neurons whose reads fluctuate least, over all layers together; what they gave on average moves into the
 * bias of the layer that read them, which gains one where it has none, as in a Llama. No gradients, no labels. Every layer
 * keeps one head and one neuron (`minimum`).
 * Paper: An et al. 2023, 2312.11983 (metric WIFV, structure AL-AM).
 * Differs: a layer is not emptied; heads count by what they cost in this model, of whatever size; the means are those of
 * what is missing with the inputs that a layer has after the cut, `repair` of kind `mean`.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `no-groups` for a model without heads and such neurons, and what `prune`
 * and `repair` throw.
 */
export function flap({
  ratio,
  of = 'parameters',
  minimum = 1,
  multipleOf,
  protect,
  ...looking
}: FlapOptions): Method<'data'> {
  const criterion = fluctuation(looking);
  const budget = global({ ratio, of, minimum, multipleOf });
  return onParts('flap', [HEADS, FEED_FORWARD], groups =>
    repair(prune({ criterion, budget, groups, protect }), { kind: 'mean', addBias: true, ...looking }),
  );
}
