/** Published ways to drop blocks: layerDrop with the criterion of each. */
import { blockInfluence, lossIncrease } from '../criteria';
import type { ObserveOptions } from '../core/context';
import { layerDrop, type LayerDropOptions } from './layerDrop';
import type { Method } from './method';

/** `ratio` or `count` of blocks, and what is looked at to choose them. */
export interface DepthOptions extends ObserveOptions, Pick<LayerDropOptions, 'ratio' | 'count' | 'protect'> {}

/**
 * Removes the blocks that turn their stream least, all ranked at once on the whole model.
 * Paper: Men et al. 2024, ShortGPT, 2403.03853. Differs: see {@link blockInfluence}.
 * @throws PruneError as {@link layerDrop}.
 */
export function shortGpt({ ratio, count, protect, ...looking }: DepthOptions): Method<'data'> {
  return { ...layerDrop({ ratio, count, protect, criterion: blockInfluence(looking) }), name: 'shortGpt' };
}

/**
 * Removes blocks one by one, each time the one without which the loss is lowest.
 * Paper: Song et al. 2024, SLEB, 2402.09025. Differs: see {@link lossIncrease}.
 * @throws PruneError as {@link layerDrop}.
 */
export function sleb({ ratio, count, protect, ...looking }: DepthOptions): Method<'data'> {
  return { ...layerDrop({ ratio, count, protect, criterion: lossIncrease(looking) }), name: 'sleb' };
}

/**
 * As `sleb`, on attentions and feed-forward parts each by itself, so that `ratio` and `count` are of branches.
 * Paper: Zhong et al. 2024, BlockPruner, 2406.10594. Differs: see {@link lossIncrease}.
 * @throws PruneError as {@link layerDrop}.
 */
export function blockPruner({ ratio, count, protect, ...looking }: DepthOptions): Method<'data'> {
  const criterion = lossIncrease(looking);
  return {
    ...layerDrop({ ratio, count, protect, criterion, granularity: 'branch' }),
    name: 'blockPruner',
    paper: 'Zhong 2024, 2406.10594',
  };
}
