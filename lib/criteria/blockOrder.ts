/** Blocks without a look at weights or data: by chance, and from either end. */
import { random as stream } from '../core/random';
import type { BlockCriterion } from './blockCriterion';

/** Uniform random scores from the context's seed and the block's name: any criterion worth its name beats it. */
export function randomBlocks(): BlockCriterion {
  return {
    name: 'randomBlocks',
    needs: [],
    score: (blocks, _model, { seed }) =>
      Promise.resolve(blocks.map(({ name }) => stream(seed, 'random blocks', name).uniform())),
  };
}

/** The last block goes first. */
export function lastBlocks(): BlockCriterion {
  return { name: 'lastBlocks', needs: [], score: blocks => Promise.resolve(blocks.map((_, place) => -place)) };
}

/** The first block goes first. */
export function firstBlocks(): BlockCriterion {
  return { name: 'firstBlocks', needs: [], score: blocks => Promise.resolve(blocks.map((_, place) => place)) };
}
