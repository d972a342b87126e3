/** Scores of units as a drawing. */
import type { Plan } from '../edit/plan';
import { standalone } from './drawing/drawing';
import { unitBars } from './drawing/bars';

/** What is scored: `importance` gives it. */
export interface ScoredGroup {
  readonly group: { readonly name: string };
  /** One for each unit: higher = keep. */
  readonly scores: Float64Array;
}

/** A bar for each unit, group by group, all on one scale (SVG); with a plan what it removes is pale. */
export function plotImportance(scored: readonly ScoredGroup[], plan?: Pick<Plan, 'groups'>): string {
  const removed = new Map(plan?.groups.map(group => [group.name, new Set(group.removed)]));
  const rows = scored.map(({ group: { name }, scores }) => ({ name, scores, removed: removed.get(name) }));
  return standalone(unitBars(rows));
}
