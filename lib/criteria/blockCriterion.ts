/** How much each residual block matters. */
import type { Checkpoint } from '../core/checkpoint';
import type { Context, Need } from '../core/context';
import type { Block } from '../graph/blocks';

/** As {@link Criterion}, for blocks. */
export interface BlockCriterion<N extends Need = never> {
  readonly name: string;
  /** Where it comes from, with the identifier of the paper. */
  readonly paper?: string;
  readonly needs: readonly N[];
  /** What it was made with: a run that is resumed must find the same. */
  readonly settings?: unknown;
  /** Whether what is left is scored anew after each removal. Default: no. */
  readonly rescore?: boolean;
  /** One score per block of `model`, in their order: higher = keep. */
  score(blocks: readonly Block[], model: Checkpoint, context: Context<N>): Promise<ArrayLike<number>>;
}
