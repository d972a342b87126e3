/** The criteria by name, for experiments that compare them. */
import { gamma, magnitude, random, type Criterion } from 'tfjs-prune';

export const criteria: Readonly<Record<string, () => Criterion<'data' | 'gradients'>>> = {
  random: () => random(),
  l1: () => magnitude(),
  l2: () => magnitude({ norm: 'l2' }),
  gamma: () => gamma(),
};
