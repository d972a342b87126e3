/** The criteria by name, for experiments that compare them. */
import { fisher, gamma, magnitude, random, taylor, type Criterion } from 'tfjs-prune';

export const criteria: Readonly<Record<string, () => Criterion<'data' | 'gradients'>>> = {
  random: () => random(),
  l1: () => magnitude(),
  l2: () => magnitude({ norm: 'l2' }),
  gamma: () => gamma(),
  taylor: () => taylor(),
  fisher: () => fisher(),
};
