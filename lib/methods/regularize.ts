/** Training that prepares a cut: penalties on whole units. */
import { checkNumber } from '../core/check';
import type { FitOptions, Need, UnitWeights } from '../core/context';
import { groups, groupsOf, membersAt, type Group } from '../graph/group';
import { trace } from '../graph/trace';
import type { Unit } from '../rules/rule';
import { checkFit, trained } from './fineTune';
import type { Method } from './method';
import { choose, cutOut, type PruneOptions } from './prune';

type Training = Omit<FitOptions, 'label' | 'restoreBest' | 'patience' | 'l1' | 'anneal' | 'teacher' | 'regularize'>;

export interface GroupLassoOptions extends Training {
  readonly strength: number;
  /** Only these groups are penalised; default: every group that is not frozen. */
  readonly groups?: (group: Group) => boolean;
}

/**
 * Trains with `strength` times the sum over units of the L2 norm of all weights that make the unit, times the root of their
 * number, so that units the task does not need become small as a whole.
 * Paper: Wen et al. 2016, 1608.03665, equation 2; the root as in Yuan & Lin 2006.
 * Differs: a unit is what must go together, over layers; biases count; the gradient at 0 is 0, and weights come near 0
 * without reaching it.
 * @throws PruneError `bad-option`; when run, `bad-data`, `aborted`.
 */
export function groupLasso(options: GroupLassoOptions): Method<'training'> {
  const { strength, groups: select = () => true, ...training } = options;
  checkFit('groupLasso', training);
  checkNumber('groupLasso', 'strength', strength, { least: 0 });
  return {
    name: 'groupLasso',
    paper: 'Wen 2016, 1608.03665',
    needs: ['training'],
    settings: options,
    run(model, context) {
      const open = groups(model).filter(group => group.frozen === undefined && select(group));
      const regularize = { kind: 'groupLasso', strength, groups: unitWeights(open) } as const;
      const how = { ...training, restoreBest: false, label: 'group lasso', regularize };
      return trained(model, how, 'regularised', context);
    },
  };
}

export interface GrowingRegOptions<N extends Need = never>
  extends Training, Omit<PruneOptions<N>, 'fold' | 'deadGamma'> {
  /** What the factor of the penalty grows by; default: 1e-4. */
  readonly delta?: number;
  /** Steps between two growths; default: 10. */
  readonly every?: number;
  /** Where the factor stops growing; default: 1. */
  readonly ceiling?: number;
}

/**
 * Chooses the units to remove, trains with an L2 penalty on what makes them that grows until it stops at `ceiling`, and
 * removes them: by then the network has learnt to do without. Where a BatchNormalization follows, which gives back the scale
 * that the weights lose, they become small and not zero.
 * Paper: Wang et al. 2021, 2012.09243, GReg-1. Differs: the schedule ends with the epochs given, wherever the factor is then;
 * the rate follows a cosine, and with Adam, the default, the penalty is scaled like all gradients: take momentum for the
 * paper's.
 * @throws PruneError `bad-option`; when run, what `prune` and training throw.
 */
export function growingReg<N extends Need = never>(options: GrowingRegOptions<N>): Method<N | 'training'> {
  const { criterion, budget, groups: select, protect, delta = 1e-4, every = 10, ceiling = 1, ...training } = options;
  checkFit('growingReg', training);
  checkNumber('growingReg', 'delta', delta, { above: 0 });
  checkNumber('growingReg', 'every', every, { least: 1, integer: true });
  checkNumber('growingReg', 'ceiling', ceiling, { above: 0 });
  return {
    name: `growingReg(${criterion.name})`,
    paper: 'Wang 2021, 2012.09243',
    needs: [...new Set([...criterion.needs, 'training' as const])],
    settings: options,
    async run(model, context) {
      const choice = await choose(model, { criterion, budget, groups: select, protect }, context);
      const regularize = {
        kind: 'growing',
        delta,
        every,
        ceiling,
        groups: unitWeights(choice.all, choice.removed),
      } as const;
      const how = { ...training, restoreBest: false, label: 'growing penalty', regularize };
      const grown = await trained(model, how, 'regularised', context);
      const traced = trace(grown);
      return cutOut('growingReg', grown, { ...choice, traced, all: groupsOf(traced) }, context);
    },
  };
}

/** What makes the units of `all`, or of them those in `only`. */
function unitWeights(all: readonly Group[], only?: ReadonlySet<Unit>): readonly UnitWeights[] {
  return all.flatMap(group => {
    const wanted = group.units.map(unit => only?.has(unit) ?? true);
    const sites = group.sites
      .filter(({ role }) => role === 'makes')
      .map(site => ({
        layer: site.layer,
        weight: site.weight,
        axis: site.axis,
        members: membersAt(group, site).map(unit => (unit >= 0 && wanted[unit] ? unit : -1)),
      }));
    return wanted.includes(true) && sites.length > 0 ? [{ units: group.units.length, sites }] : [];
  });
}
