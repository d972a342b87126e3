/** Size of all weights that go with a unit. */
import { sumAlong } from '../core/array';
import { checkKeyword } from '../core/check';
import { weightsOf } from '../core/checkpoint';
import type { Site } from '../graph/ledger';
import { aggregated } from './aggregate';
import { scoreEach, type Criterion } from './criterion';
import { POWERS } from './magnitude';
import { checkNormalize, normalized, type Normalize } from './normalize';

export interface GroupNormOptions {
  /** Default: l2. */
  readonly norm?: keyof typeof POWERS;
  /** Default: by the group's mean, so that groups of different fan-in and fan-out can be ranked together. */
  readonly normalize?: Normalize;
}

/** They move what a unit gives; how much of it is heard is in the others. Mean and variance are measured, not learnt. */
const OFFSETS: readonly string[] = ['bias', 'beta', 'mean', 'variance'];

/**
 * L1 or L2 norm of every weight that would go with the unit: the slices that make it, those that read it, and gammas between. A unit
 * that is small where it is made but weighs much where it is read stays.
 * Paper: Fang et al. 2023, DepGraph, 2301.12900, section 3.3 (the norm of a group).
 * Differs: without its training for sparsity, which is `groupLasso`; norms compare across groups after `normalize`.
 */
export function groupNorm({ norm = 'l2', normalize = 'mean' }: GroupNormOptions = {}): Criterion {
  checkKeyword('groupNorm', 'norm', norm, Object.keys(POWERS));
  checkNormalize('groupNorm', normalize);
  return {
    name: `group ${norm}`,
    paper: 'Fang 2023, 2301.12900',
    needs: [],
    settings: { norm, normalize },
    score: scoreEach((group, model) => {
      const sites = group.sites.filter(({ parameter }) => !OFFSETS.includes(parameter));
      const powers = ({ layer, weight, axis }: Site): Float64Array => sumAlong(weightsOf(model, layer)[weight], axis, POWERS[norm]); // prettier-ignore
      const sums = aggregated(group, sites, powers, 'sum');
      return normalized({ values: norm === 'l1' ? sums : sums.map(Math.sqrt) }, normalize, group).values;
    }),
  };
}
