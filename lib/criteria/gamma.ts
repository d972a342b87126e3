/** Network Slimming: the size of a channel's BatchNormalization scale. */
import { weightsOf } from '../core/checkpoint';
import type { Group } from '../graph/group';
import type { Site } from '../graph/ledger';
import { aggregated, checkAggregate, type Aggregate } from './aggregate';
import { scoreEach, type Criterion } from './criterion';

/**
 * |gamma| of the BatchNormalization that scales the unit; `aggregate` (default: mean) over all that do.
 * Paper: 1708.06519, section 3 ("Scaling factors and sparsity-induced penalty").
 * Differs: units coupled by a residual sum have several gammas; the paper keeps such streams whole, we average.
 */
export function gamma({ aggregate = 'mean' }: { readonly aggregate?: Aggregate } = {}): Criterion {
  checkAggregate('gamma', aggregate);
  return {
    name: 'gamma',
    paper: 'Liu 2017, 1708.06519',
    needs: [],
    settings: { aggregate },
    covers: group => gammasOf(group).length > 0,
    score: scoreEach((group, model) => {
      const sizes = ({ layer, weight }: Site): Float32Array => Float32Array.from(weightsOf(model, layer)[weight].data, Math.abs); // prettier-ignore
      return aggregated(group, gammasOf(group), sizes, aggregate);
    }),
  };
}

function gammasOf({ sites }: Group): readonly Site[] {
  return sites.filter(({ parameter }) => parameter === 'gamma');
}
