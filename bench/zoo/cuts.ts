/** What is cut out of transformers to see what it saves. Which units go does not matter for the time; how many of which layer may. */
import { ffnPruning, headPruning, lastBlocks, layerDrop, magnitude, prune, uniform, type Method } from '../../lib';

/** Every backend computes this many channels at once, or a multiple of it. */
const MULTIPLE = 8;
const criterion = magnitude();

export const CUTS: Readonly<Record<string, readonly Method<never>[]>> = {
  '40 % of the heads': [headPruning({ criterion, ratio: 0.4 })],
  '30 % of the neurons': [ffnPruning({ criterion, ratio: 0.3, multipleOf: MULTIPLE })],
  '20 % of everything': [
    headPruning({ criterion, ratio: 0.2 }),
    ffnPruning({ criterion, ratio: 0.2, multipleOf: MULTIPLE }),
    prune({
      criterion,
      budget: uniform({ ratio: 0.2, multipleOf: MULTIPLE }),
      groups: ({ kind }) => kind === 'dimensions',
    }),
  ],
  '25 % of the layers': [layerDrop({ criterion: lastBlocks(), ratio: 0.25 })],
};
