/** What the loss says of a model that skips the block. */
import { checkAborted } from '../core/check';
import type { ObserveOptions } from '../core/context';
import { removeBranches } from '../edit/remove';
import type { BlockCriterion } from './blockCriterion';
import { checkCalibration } from './calibration';

/**
 * How much higher the loss of the task is, on training data, when the block alone is skipped; scored anew after each removal,
 * so that blocks which stand in for each other do not go together. As many passes as there are blocks, and one.
 * Paper: Song et al. 2024, SLEB, 2402.09025, algorithm 1.
 * Differs: the loss is the task's, on `batches` (default 16) of `batchSize` (64) examples drawn by the seed; no block is
 * kept for its place (the paper's code keeps the first and the last): protect them where you want that.
 */
export function lossIncrease(options: ObserveOptions = {}): BlockCriterion<'data'> {
  checkCalibration('lossIncrease', options);
  return {
    name: 'lossIncrease',
    paper: 'Song 2024, 2402.09025',
    needs: ['data'],
    settings: options,
    rescore: true,
    async score(blocks, model, { data, progress, signal }) {
      const { loss: whole } = await data.sample(model, options);
      const scores: number[] = [];
      for (const { name, branches } of blocks) {
        checkAborted('lossIncrease', signal);
        const { loss } = await data.sample(removeBranches(model, branches), options);
        // Without this block the model overflows: it stays.
        scores.push(Number.isNaN(loss) ? Infinity : loss - whole);
        progress({ stage: 'score lossIncrease', done: scores.length, total: blocks.length, detail: name });
      }
      return scores;
    },
  };
}
