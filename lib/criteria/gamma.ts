/** Network Slimming: the size of a channel's BatchNormalization scale. */
import { weightsOf } from '../core/checkpoint';
import { membersAt, type Group } from '../graph/group';
import type { Site } from '../graph/ledger';
import type { Criterion } from './criterion';

/**
 * Mean of |gamma| over every BatchNormalization that scales the unit.
 * Paper: 1708.06519, section 3 ("Scaling factors and sparsity-induced penalty").
 * Differs: units coupled by a residual sum have several gammas; the paper keeps such streams whole, we average.
 */
export function gamma(): Criterion {
  return {
    name: 'gamma',
    paper: 'Liu 2017, 1708.06519',
    needs: [],
    covers: group => gammasOf(group).length > 0,
    score(group, model) {
      const sums = new Float64Array(group.units.length);
      const counts = new Float64Array(group.units.length);
      for (const site of gammasOf(group)) {
        const { data } = weightsOf(model, site.layer)[site.weight];
        membersAt(group, site).forEach((member, position) => {
          if (member < 0) return;
          sums[member] += Math.abs(data[position]);
          counts[member] += 1;
        });
      }
      return Promise.resolve(sums.map((sum, i) => sum / counts[i]));
    },
  };
}

function gammasOf({ sites }: Group): readonly Site[] {
  return sites.filter(({ parameter }) => parameter === 'gamma');
}
