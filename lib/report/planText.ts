/** A plan as text, for people who decide on it before anything is cut. */
import { checkKeyword } from '../core/check';
import type { Measured } from '../core/timing';
import type { CoupledSite, Plan, PlanCost, PlanGroup } from '../edit/plan';
import { bytes, change, count, milliseconds, percent } from './numbers';
import { markdownTable, runs, shorten, textTable, wrap } from './table';

export type PlanFormat = 'terminal' | 'markdown';

const SCREEN = 100;
/** Names and reasons of one group that are written out; the rest is counted. */
const MOST_NAMES = 6;
const MOST_REASONS = 8;

/**
 * What goes and what stays, group by group, why the layers of a group go together, what each removal saves, and what is
 * frozen and why. `terminal` keeps within 100 columns.
 * @throws PruneError `bad-option` for another format.
 */
export function formatPlan(plan: Plan, format: PlanFormat = 'terminal'): string {
  checkKeyword('formatPlan', 'format', format, ['terminal', 'markdown']);
  const free = plan.groups.filter(({ frozen }) => frozen === undefined);
  const frozen = plan.groups.filter(group => group.frozen !== undefined);
  const title = `${plan.method}, seed ${plan.seed}, for the model ${plan.source.sha256.slice(0, 12)}`;
  const [head, tables, details] = format === 'terminal' ? TERMINAL : MARKDOWN;
  const sections = [
    head(title),
    tables(overview(plan, free)),
    plan.blocks ? tables(blockRows(plan.blocks)) : '',
    plan.turned ? tables(streamRows(plan.turned)) : '',
    ...(plan.measured ?? []).flatMap(measured => [clock(measured), tables(trialRows(measured))]),
    free.length > 0 ? tables(groupRows(free), { words: [1] }) : '',
    free.some(({ savings }) => savings)
      ? 'Parameters, MACs and size: what the removal saves if it is the only one.'
      : '',
    ...free.filter(hasDetails).map(group => details(`${group.name}: ${kept(group)}`, detailsOf(group))),
    frozen.length > 0 ? tables(frozenRows(frozen), { words: [2] }) : '',
  ];
  return sections.filter(Boolean).join('\n\n');
}

type Layout = readonly [
  head: (title: string) => string,
  table: typeof textTable,
  details: (title: string, lines: readonly string[]) => string,
];

const TERMINAL: Layout = [
  title => wrapped(title, ''),
  textTable,
  (title, lines) => [wrapped(title, ''), ...lines.map(line => wrapped(line, '  '))].join('\n'),
];

const MARKDOWN: Layout = [
  title => `### ${title}`,
  markdownTable,
  (title, lines) => [`**${title}**`, '', ...lines.map(line => `- ${line}`)].join('\n'),
];

function overview({ cost }: Plan, free: readonly PlanGroup[]): string[][] {
  const units = free.reduce((sum, group) => sum + group.units, 0);
  const left = units - free.reduce((sum, { removed }) => sum + removed.length, 0);
  const rows = [
    ['', 'before', 'after', 'change'],
    ['units that can go', count(units), count(left), change(units, left)],
  ];
  if (cost === undefined) return rows;
  const row = (name: string, of: (at: PlanCost) => number | undefined, show: (value: number) => string): string[] => {
    const [before, after] = [of(cost.before), of(cost.after)];
    return [name, ...[before, after].map(value => (value === undefined ? '?' : show(value))), change(before, after)];
  };
  return [
    ...rows,
    row('parameters', ({ parameters }) => parameters, count),
    row('MACs', ({ macs }) => macs, count),
    row('size', at => at.bytes, bytes),
  ];
}

function blockRows(gone: NonNullable<Plan['blocks']>): string[][] {
  const rows = gone.map(({ name, layers, savings }) => [shorten(name, 48), String(layers.length), ...savingsCells(savings)]); // prettier-ignore
  return [['block gone', 'layers', 'parameters', 'MACs', 'size'], ...rows];
}

function streamRows(streams: NonNullable<Plan['turned']>): string[][] {
  const rows = streams.map(({ name, before, after }) => [shorten(name, 48), String(before), String(after)]);
  return [['stream turned', 'width', 'now'], ...rows];
}

export function clock({ backend, batch, runs, target, dense, multipleOf }: Measured): string {
  const goal = `${milliseconds(target)} of ${milliseconds(dense)}`;
  const multiple = multipleOf === 1 ? '' : `, widths in multiples of ${multipleOf}`;
  return `Timed on ${backend}: ${goal} allowed (batch ${batch}, median of ${runs} or more)${multiple}.`;
}

export function trialRows({ trials, result }: Measured): string[][] {
  const rows = (trials.length > 0 ? trials : [result]).map(trial => {
    const { units, work, speedup } = trial;
    const taken = trial.work === result.work ? ', taken' : '';
    return [percent(units, 1), percent(work, 1), milliseconds(trial.milliseconds), `${speedup.toFixed(2)}x${taken}`];
  });
  return [['units left', 'MACs left', 'time', 'as fast'], ...rows];
}

/** Without the columns of savings where no group tells any. */
export function groupRows(groups: readonly PlanGroup[]): string[][] {
  const told = groups.some(({ savings }) => savings);
  const head = ['group', 'kind', 'units', 'kept', ...(told ? ['parameters', 'MACs', 'size'] : [])];
  const rows = groups.map(({ name, kind, units, removed, savings }) => {
    const row = [name, kind, String(units), String(units - removed.length)];
    return told ? [...row, ...savingsCells(savings)] : row;
  });
  return [head, ...rows];
}

function savingsCells(savings: PlanCost | undefined): string[] {
  if (savings === undefined) return ['?', '?', '?'];
  const { parameters, macs } = savings;
  return [less(parameters, count), macs === undefined ? '?' : less(macs, count), less(savings.bytes, bytes)];
}

export function frozenRows(groups: readonly PlanGroup[]): string[][] {
  const rows = groups.map(({ name, units, frozen }) => [name, String(units), shorten(frozen ?? '', SCREEN - 24)]);
  return [['frozen', 'units', 'why'], ...rows];
}

function less(value: number, show: (value: number) => string): string {
  return value === 0 ? '0' : `-${show(value)}`;
}

function hasDetails({ coupled, reasons, removed }: PlanGroup): boolean {
  return removed.length > 0 || (coupled ?? []).length > 0 || (reasons ?? []).length > 0;
}

export function kept({ units, removed, kind }: PlanGroup): string {
  const left = units - removed.length;
  return removed.length === 0 ? `all ${units} ${kind} stay` : `${left} of ${units} ${kind} stay`;
}

function detailsOf({ coupled = [], reasons = [], removed }: PlanGroup): readonly string[] {
  const layers = [
    ['made by', 'makes'],
    ['scaled by', 'scales'],
    ['read by', 'reads'],
  ].map(([verb, role]) => `${verb} ${few(layersOf(coupled, role), MOST_NAMES)}`);
  return [
    layers.filter(text => !text.endsWith(' by ')).join('; '),
    ...reasons.slice(0, MOST_REASONS),
    reasons.length > MOST_REASONS ? `and ${reasons.length - MOST_REASONS} more reasons` : '',
    removed.length > 0 ? `removes ${few(runs(removed), 4 * MOST_NAMES)}` : '',
  ].filter(Boolean);
}

export function layersOf(coupled: readonly CoupledSite[], role: string): readonly string[] {
  return [...new Set(coupled.filter(site => site.role === role).map(({ layer }) => layer))];
}

function few(names: readonly string[], most: number): string {
  const rest = names.length - most;
  return names.slice(0, most).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

/** Broken at spaces, lines after the first a little further in. */
function wrapped(text: string, indent: string): string {
  const room = SCREEN - indent.length;
  return indent + wrap(text, room - 2, room).join(`\n${indent}  `);
}
