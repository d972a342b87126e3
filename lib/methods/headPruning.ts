/** Attention heads, and nothing else. */
import { global, type Budget, type BudgetOptions } from '../budgets';
import type { Need } from '../core/context';
import { taylor, type Criterion } from '../criteria';
import type { Method } from './method';
import { HEADS, onParts } from './parts';
import { prune, type PruneOptions } from './prune';

/** What the presets for one part of a transformer have in common. */
export interface PartPruningOptions<N extends Need = never>
  extends BudgetOptions, Pick<PruneOptions, 'protect' | 'fold'> {
  readonly criterion: Criterion<N>;
  /** How units of different layers are compared: `global` (the default), `uniform`, or a function that gives a budget for a ratio. */
  readonly scope?: (options: BudgetOptions) => Budget;
}

/**
 * Removes `ratio` of the attention heads of all layers together, the least important first; every layer keeps one (`minimum`). Where
 * key and value heads are shared, one of them with all the query heads that hear it counts as one.
 * Default criterion: how much the loss of an example changes as a head is turned down, made comparable layer by layer.
 * Paper: Michel et al. 2019, 1905.10650, section 4.
 * Differs: one cut; for several with scores anew between them take `iterative` with `groups: isHeads`.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `no-groups` for a model without heads, and what `prune` throws.
 */
export function headPruning(options: Omit<PartPruningOptions, 'criterion'>): Method<'gradients'>;
export function headPruning<N extends Need>(options: PartPruningOptions<N>): Method<N>;
export function headPruning({
  criterion = taylor({ on: 'activations' }),
  ...options
}: Partial<PartPruningOptions<Need>> & BudgetOptions): Method<Need> {
  return onParts('headPruning', [HEADS], groups => prune({ criterion, groups, ...cutOf(options) }));
}

/** What of the options `prune` takes. */
export function cutOf({ scope = global, ratio, minimum = 1, multipleOf, protect, fold }: CutOptions) {
  return { budget: scope({ ratio, minimum, multipleOf }), protect, fold };
}

type CutOptions = Omit<PartPruningOptions, 'criterion'>;
