/** The neurons of feed-forward parts, and nothing else. */
import type { BudgetOptions } from '../budgets';
import type { Need } from '../core/context';
import { fisher } from '../criteria';
import { cutOf, type PartPruningOptions } from './headPruning';
import type { Method } from './method';
import { FEED_FORWARD, onParts } from './parts';
import { prune } from './prune';

/**
 * Removes `ratio` of the feed-forward neurons of all layers together, the least important first; every layer keeps one (`minimum`).
 * Those of a pooler or a classifier stay. Default criterion: the Fisher information of the neurons' masks.
 * Paper: Kwon et al. 2022, 2204.09656 (the criterion).
 * Differs: there heads and neurons go together, to a target in FLOPs, and masks are rearranged and tuned afterwards.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `no-groups` for a model without such neurons, and what `prune` throws.
 */
export function ffnPruning(options: Omit<PartPruningOptions, 'criterion'>): Method<'gradients'>;
export function ffnPruning<N extends Need>(options: PartPruningOptions<N>): Method<N>;
export function ffnPruning({
  criterion = fisher(),
  ...options
}: Partial<PartPruningOptions<Need>> & BudgetOptions): Method<Need> {
  return onParts('ffnPruning', [FEED_FORWARD], groups => prune({ criterion, groups, ...cutOf(options) }));
}
