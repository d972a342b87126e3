/** What a plan from elsewhere tells beside what decides: for people, and so only looked at for its shape. */
import { NUMBER, requireEach, requireFields, requireKnown, WORD, type RefuseField } from '../core/fields';
import type { Json } from '../core/json';

/** Savings and cost, what is coupled and why, and what a clock said, wherever they stand. */
export function requireAccount({ groups, blocks = [], cost, measured = [] }: Json, refuse: RefuseField): void {
  requireEach(groups, 'groups', requireTold, refuse);
  requireEach(blocks, 'blocks', requireSavings, refuse);
  if (cost !== undefined) {
    const { before, after } = Object(cost) as Json;
    for (const [name, each] of Object.entries({ before, after })) requireCost(each, `cost.${name}`, refuse);
  }
  requireEach(measured, 'measured', requireMeasured, refuse);
}

function requireTold(group: unknown, place: string, refuse: RefuseField): void {
  const { coupled = [], reasons = [] } = Object(group) as Json;
  requireEach(coupled, `${place}.coupled`, requireSite, refuse);
  requireEach(reasons, `${place}.reasons`, requireReason, refuse);
  requireSavings(group, place, refuse);
}

function requireSite(site: unknown, place: string, refuse: RefuseField): void {
  requireFields(site, { layer: WORD, role: WORD, parameter: WORD }, place, refuse);
}

function requireReason(reason: unknown, place: string, refuse: RefuseField): void {
  if (typeof reason !== 'string') refuse(`a sentence as ${place}`, reason);
}

function requireSavings(owner: unknown, place: string, refuse: RefuseField): void {
  const { savings } = Object(owner) as Json;
  if (savings !== undefined) requireCost(savings, `${place}.savings`, refuse);
}

/** Parameters and bytes, and MACs where they are known. */
export function requireCost(cost: unknown, place: string, refuse: RefuseField): void {
  requireFields(cost, { parameters: NUMBER, bytes: NUMBER }, place, refuse);
  requireKnown(cost, { macs: NUMBER }, place, refuse);
}

function requireMeasured(measured: unknown, place: string, refuse: RefuseField): void {
  const numbers = { batch: NUMBER, runs: NUMBER, target: NUMBER, dense: NUMBER, multipleOf: NUMBER } as const;
  requireFields(measured, { backend: WORD, ...numbers }, place, refuse);
  const { trials, result } = measured as Json;
  requireEach(trials, `${place}.trials`, requireTrial, refuse);
  requireTrial(result, `${place}.result`, refuse);
}

function requireTrial(trial: unknown, place: string, refuse: RefuseField): void {
  requireFields(trial, { units: NUMBER, work: NUMBER, milliseconds: NUMBER, speedup: NUMBER }, place, refuse);
}
