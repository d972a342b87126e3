/** Wanda on heads and neurons. */
import { uniform, type BudgetOptions } from '../budgets';
import { wanda, type WandaOptions } from '../criteria';
import type { Method } from './method';
import { FEED_FORWARD, HEADS, onParts } from './parts';
import { prune, type PruneOptions } from './prune';

export interface WandaSpOptions extends BudgetOptions, Omit<WandaOptions, 'normalize'>, Pick<PruneOptions, 'protect'> {}

/**
 * Removes `ratio` of the heads and of the feed-forward neurons of every layer, those first whose reads |W| ||X|| are the least, summed
 * over the positions of a head; every layer keeps one (`minimum`).
 * Paper: Wanda-sp in An et al. 2023, 2312.11983, after Sun et al. 2023, 2306.11695.
 * Differs: sums over the outputs of a layer, there means, which rank alike; all layers are looked at in one pass over the model as it
 * is, there each after the ones before it are cut.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `no-groups` for a model without heads and such neurons, and what `prune` throws.
 */
export function wandaSp({ ratio, minimum = 1, multipleOf, protect, ...calibration }: WandaSpOptions): Method<'data'> {
  const criterion = wanda({ normalize: 'none', ...calibration });
  const budget = uniform({ ratio, minimum, multipleOf });
  return onParts('wandaSp', [HEADS, FEED_FORWARD], groups => prune({ criterion, budget, groups, protect }));
}
