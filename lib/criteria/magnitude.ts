/** Size of the weights that make a unit. */
import { sumAlong } from '../core/array';
import { checkKeyword } from '../core/check';
import { weightsOf } from '../core/checkpoint';
import type { Group } from '../graph/group';
import type { Site } from '../graph/ledger';
import { aggregated, checkAggregate, type Aggregate } from './aggregate';
import { scoreEach, type Criterion } from './criterion';
import { checkNormalize, normalized, type Normalize } from './normalize';

/** Of a weight, before they are summed. */
export const POWERS = { l1: 1, l2: 2 } as const;

export interface MagnitudeOptions {
  readonly norm?: 'l1' | 'l2';
  /** Over the layers that make the unit. Default: mean. */
  readonly aggregate?: Aggregate;
  /** Default: by the group's mean, so that groups of different fan-in can be ranked together. */
  readonly normalize?: Normalize;
}

/**
 * L1 or L2 norm of the kernel slices that make the unit. Biases do not count.
 * Paper: 1608.08710, section 3.1 (L1); 1808.06866 (L2).
 * Differs: the papers rank within one layer only, where the normalization changes nothing.
 */
export function magnitude({ norm = 'l1', aggregate = 'mean', normalize = 'mean' }: MagnitudeOptions = {}): Criterion {
  checkKeyword('magnitude', 'norm', norm, Object.keys(POWERS));
  checkAggregate('magnitude', aggregate);
  checkNormalize('magnitude', normalize);
  return {
    name: norm,
    paper: norm === 'l1' ? 'Li 2017, 1608.08710' : 'He 2018, 1808.06866',
    needs: [],
    settings: { norm, aggregate, normalize },
    covers: group => kernelsOf(group).length > 0,
    score: scoreEach((group, model) => {
      const norms = ({ layer, weight, axis }: Site): Float64Array => {
        const sums = sumAlong(weightsOf(model, layer)[weight], axis, POWERS[norm]);
        return norm === 'l1' ? sums : sums.map(Math.sqrt);
      };
      return normalized({ values: aggregated(group, kernelsOf(group), norms, aggregate) }, normalize, group).values;
    }),
  };
}

/** The kernels that make the units of `group`. */
export function kernelsOf({ sites }: Group): readonly Site[] {
  return sites.filter(({ role, parameter }) => role === 'makes' && parameter === 'kernel');
}
