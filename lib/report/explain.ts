/** A plan with the account of it: what goes together and why, and what it saves. */
import type { Checkpoint } from '../core/checkpoint';
import type { Plan, PlanCost, PlanGroup } from '../edit/plan';
import { takePlanned } from '../edit/blockPlan';
import { branchesNamed, removalProblem, removeBranches } from '../edit/remove';
import { groupsOf } from '../graph/group';
import { reasonsOf } from '../graph/reasons';
import { trace } from '../graph/trace';
import type { Unit } from '../rules/rule';
import { costOf } from './cost';
import { savingsOf } from '../edit/savings';

/** `plan` of `original`, which is not touched, with `coupled`, `reasons` and `savings` of every group and block, and the cost of the whole. */
export function explain(original: Checkpoint, plan: Plan): Plan {
  const { model } = takePlanned(original, plan);
  const traced = trace(model);
  const all = groupsOf(traced);
  const reasons = reasonsOf(model, traced, all);
  const planned = new Map(plan.groups.map(group => [group.name, group]));
  const cuts = all.map(({ name, units }) => new Set(planned.get(name)?.removed.map(index => units[index])));
  const savings = savingsOf(model, traced, cuts);
  const accounts = new Map(
    all.map(({ name, sites }, i): [string, Partial<PlanGroup>] => {
      const coupled = sites.map(({ layer, weight, axis, role, parameter }) => ({ layer, weight, axis, role, parameter })); // prettier-ignore
      return [name, { coupled, reasons: reasons[i], savings: savings[i] }];
    }),
  );
  const [whole] = savingsOf(model, traced, [new Set(cuts.flatMap((units): Unit[] => [...units]))]);
  const groups = plan.groups.map(group => ({ ...group, ...accounts.get(group.name) }));
  const { turned } = plan;
  const before = planCost(original);
  const after = less(planCost(model), whole);
  return {
    ...plan,
    ...(plan.blocks && { blocks: explained(original, plan.blocks) }),
    groups,
    ...(!turned && { cost: { before, after } }),
  };
}

function explained(original: Checkpoint, gone: NonNullable<Plan['blocks']>): NonNullable<Plan['blocks']> {
  const whole = planCost(original);
  return gone.map(block => {
    const own = branchesNamed(original, block.branches);
    // One that is a block, or can go, only after others are gone has no savings of its own.
    if (own.length < block.branches.length || removalProblem(original, own)) return block;
    return { ...block, savings: less(whole, planCost(removeBranches(original, own))) };
  });
}

function planCost(model: Checkpoint): PlanCost {
  const { parameters, macs, bytes } = costOf(model);
  return { parameters, ...(macs === undefined ? {} : { macs }), bytes };
}

function less(whole: PlanCost, part: PlanCost): PlanCost {
  const macs = whole.macs === undefined || part.macs === undefined ? {} : { macs: whole.macs - part.macs };
  return { parameters: whole.parameters - part.parameters, ...macs, bytes: whole.bytes - part.bytes };
}
