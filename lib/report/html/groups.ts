/** Sections of a page on what goes together and why, and on what cannot go. */
import type { Plan, PlanGroup } from '../../edit/plan';
import { groupGraph } from '../drawing/groupGraph';
import { groupMap } from '../drawing/groupMap';
import { markup, type Markup } from '../markup';
import { frozenRows, groupRows, kept, layersOf } from '../planText';
import { runs } from '../table';
import { breakable, figure, fold, table, type Section } from './parts';

export function groupSections(plan: Plan): readonly Section[] {
  const free = plan.groups.filter(({ frozen }) => frozen === undefined);
  const frozen = plan.groups.filter(group => group.frozen !== undefined);
  return [
    ...(free.length > 0 ? [{ id: 'groups', title: 'Groups', body: groupsBody(plan, free) }] : []),
    ...(frozen.length > 0 ? [{ id: 'frozen', title: 'Frozen', body: frozenBody(frozen) }] : []),
  ];
}

function groupsBody({ groups }: Plan, free: readonly PlanGroup[]): Markup {
  const isTold = groups.some(({ coupled = [] }) => coupled.length > 0);
  return markup`<p>Units of one group go together: a layer that reads them, scales them or adds others to them loses the same ones.</p>
${isTold && figure(groupMap(groups))}
${table(groupRows(free), { caption: 'Units kept, and what the removal saves if it is the only one', words: [1] })}
<div class="groups">
${free.map((group, i) => fold(titleOf(group), groupBody(group, groups.indexOf(group)), i === 0))}</div>
`;
}

function titleOf(group: PlanGroup): Markup {
  return markup`<strong>${breakable(group.name)}</strong>: ${kept(group)}`;
}

function groupBody(group: PlanGroup, index: number): Markup {
  const { coupled = [], reasons = [], removed } = group;
  const entries: readonly (readonly [string, readonly string[]])[] = [
    ['Made by', layersOf(coupled, 'makes')],
    ['Scaled by', layersOf(coupled, 'scales')],
    ['Read by', layersOf(coupled, 'reads')],
  ];
  const lists = [
    ...entries.map(([title, names]) => names.length > 0 && entry(title, markup`${names.join(', ')}`)),
    reasons.length > 0 && entry('Why together', markup`<ul>${reasons.map(reason => markup`<li>${reason}</li>`)}</ul>`),
    entry('Removed', markup`${removed.length > 0 ? runs(removed).join(', ') : 'none'}`),
  ];
  return markup`<div class="plots">${coupled.length > 0 && figure(groupGraph(group, index))}
<dl>${lists}</dl></div>
`;
}

function entry(title: string, body: Markup): Markup {
  return markup`<dt>${title}</dt><dd>${body}</dd>
`;
}

function frozenBody(frozen: readonly PlanGroup[]): Markup {
  return table(frozenRows(frozen), { caption: 'Groups of which no unit can go', words: [2] });
}
