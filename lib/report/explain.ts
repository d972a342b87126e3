/** A plan with the account of it: what goes together and why, and what it saves. */
import type { Checkpoint } from '../core/checkpoint';
import type { Plan, PlanCost, PlanGroup } from '../edit/plan';
import { groupsOf } from '../graph/group';
import { reasonsOf } from '../graph/reasons';
import { trace } from '../graph/trace';
import type { Unit } from '../rules/rule';
import { costOf } from './cost';
import { savingsOf } from '../edit/savings';

/** `plan` of `model`, which is not touched, with `coupled`, `reasons` and `savings` of every group, and the cost of the whole. */
export function explain(model: Checkpoint, plan: Plan): Plan {
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
  return { ...plan, groups, cost: totals(model, whole) };
}

function totals(model: Checkpoint, saved: PlanCost): NonNullable<Plan['cost']> {
  const { parameters, macs, bytes } = costOf(model);
  const before = { parameters, ...(macs === undefined ? {} : { macs }), bytes };
  const left = macs === undefined || saved.macs === undefined ? {} : { macs: macs - saved.macs };
  return { before, after: { parameters: parameters - saved.parameters, ...left, bytes: bytes - saved.bytes } };
}
