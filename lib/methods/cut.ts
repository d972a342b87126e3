/** A plan as a step: what it says is removed, and nothing is scored. */
import { hashOf } from '../core/hash';
import { removedUnits, requireSites, requireSource } from '../edit/apply';
import { takePlanned } from '../edit/blockPlan';
import { describeCut, type Plan } from '../edit/plan';
import { groupsOf } from '../graph/group';
import { trace } from '../graph/trace';
import { dropBlocks } from './dropBlocks';
import type { Method } from './method';
import { cutOut } from './prune';

/**
 * Removes what `plan` says, with a certificate as every cut; to train afterwards, chain it with `fineTune`.
 * @throws PruneError when run: `bad-plan` for a plan of another model, or one that contradicts the model or itself;
 * `empty-group`, `not-exact`.
 */
export function cut(plan: Plan): Method {
  return {
    name: plan.method,
    needs: [],
    settings: plan,
    async run(whole, context) {
      requireSource(plan, await hashOf(whole));
      const taken = takePlanned(whole, plan);
      const { model } = taken;
      const traced = trace(model);
      const all = groupsOf(traced);
      const removed = removedUnits(plan, all);
      requireSites(plan, describeCut(all, traced, removed).sites);
      if (taken.blocks.length > 0) {
        await dropBlocks('plan', whole, taken, context);
        if (removed.size === 0) return model;
      }
      const free = all.filter(({ frozen }) => frozen === undefined);
      const candidates = free.reduce((sum, { units }) => sum + units.length, 0);
      return cutOut('plan', model, { traced, all, removed, candidates }, context);
    },
  };
}
