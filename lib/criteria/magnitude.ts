/** Size of the weights that make a unit. */
import { sumAlong } from '../core/array';
import { checkKeyword } from '../core/check';
import { weightsOf } from '../core/checkpoint';
import { membersAt } from '../graph/group';
import type { Criterion } from './criterion';

const POWERS = { l1: 1, l2: 2 } as const;

/**
 * L1 or L2 norm of the kernel slices that make the unit, averaged over the layers that make it and divided by the
 * group's mean, so that groups of different fan-in can be ranked together. Biases do not count.
 * Paper: 1608.08710, section 3.1 (L1); 1808.06866 (L2).
 * Differs: the papers rank within one layer only, where the division changes nothing.
 */
export function magnitude({ norm = 'l1' }: { norm?: 'l1' | 'l2' } = {}): Criterion {
  checkKeyword('magnitude', 'norm', norm, ['l1', 'l2']);
  return {
    name: norm,
    paper: norm === 'l1' ? 'Li 2017, 1608.08710' : 'He 2018, 1808.06866',
    needs: [],
    covers: ({ sites }) => sites.some(({ role, parameter }) => role === 'makes' && parameter === 'kernel'),
    score(group, model) {
      const scores = new Float64Array(group.units.length);
      for (const site of group.sites) {
        if (site.role !== 'makes' || site.parameter !== 'kernel') continue;
        const sums = sumAlong(weightsOf(model, site.layer)[site.weight], site.axis, POWERS[norm]);
        membersAt(group, site).forEach((member, position) => {
          if (member >= 0) scores[member] += norm === 'l1' ? sums[position] : Math.sqrt(sums[position]);
        });
      }
      const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
      return Promise.resolve(mean > 0 ? scores.map(score => score / mean) : scores);
    },
  };
}
