/** The criteria by name, for experiments that compare them. */
import {
  activation,
  fisher,
  fluctuation,
  gamma,
  geometricMedian,
  groupNorm,
  hrank,
  magnitude,
  random,
  taylor,
  wanda,
  type Criterion,
} from 'tfjs-prune';

export const criteria: Readonly<Record<string, () => Criterion<'data' | 'gradients'>>> = {
  random: () => random(),
  l1: () => magnitude(),
  l2: () => magnitude({ norm: 'l2' }),
  lamp: () => magnitude({ norm: 'l2', normalize: 'lamp' }),
  gamma: () => gamma(),
  geometricMedian: () => geometricMedian(),
  'group norm': () => groupNorm(),
  taylor: () => taylor(),
  'taylor weights': () => taylor({ on: 'weights' }),
  'taylor activations': () => taylor({ on: 'activations' }),
  fisher: () => fisher(),
  activation: () => activation(),
  apoz: () => activation({ statistic: 'apoz' }),
  wanda: () => wanda(),
  fluctuation: () => fluctuation(),
  hrank: () => hrank(),
};
