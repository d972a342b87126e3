/** What is known, as elements. */
import type { Plan, PlanGroup, Report } from 'tfjs-prune';
import { drawing, element, facts, fold, table } from './elements';
import type { BackendName, DataInfo, ModelInfo, Outcome } from './messages';
import { bytes, change, count, milliseconds, percent, tiny, whole } from './numbers';
import type { Speed } from './store';

export function modelView({ name, input, output, plan, plots, half }: ModelInfo): Node[] {
  const { groups, cost } = plan;
  const free = groups.filter(({ frozen }) => frozen === undefined);
  const frozen = groups.filter(group => group.frozen !== undefined);
  const units = free.reduce((sum, group) => sum + group.units, 0);
  return [
    element('p', {}, element('strong', {}, name), ` takes ${shape(input)} and gives ${shape(output)}.`),
    facts([
      { name: 'Parameters', value: count(cost?.before.parameters) },
      { name: 'MACs', value: count(cost?.before.macs) },
      { name: 'Size as float32', value: bytes(cost?.before.bytes ?? 0) },
      { name: 'Can be removed', value: `${whole(units)} units in ${free.length} groups` },
    ]),
    free.length === 0
      ? element('p', { class: 'note' }, 'Nothing in this model can be pruned; the reasons stand below.')
      : table(
          'Groups of units that can only go together, and what it saves to remove half of one',
          [['group', 'units', 'parameters', 'MACs', 'made by', 'read by'], ...free.map(group => groupRow(group, half))],
          [1, 2, 3],
        ),
    fold(
      'How the groups hang together, and why',
      element('div', { class: 'plots' }, ...plots.map(({ svg }) => drawing(svg))),
      ...free.filter(({ reasons = [] }) => reasons.length > 0).flatMap(whyTogether),
    ),
    frozen.length > 0 &&
      fold(
        `What stays as it is: ${frozen.length} group${frozen.length === 1 ? '' : 's'}`,
        table(
          'Frozen groups',
          [['group', 'units', 'why'], ...frozen.map(each => [each.name, String(each.units), each.frozen])],
          [1],
        ),
      ),
  ].filter(item => item !== false);
}

function groupRow(group: PlanGroup, half: Plan): string[] {
  const { savings } = half.groups.find(({ name }) => name === group.name) ?? {};
  const saved = [savings?.parameters, savings?.macs].map(value =>
    value === undefined ? '?' : `\u2212${count(value)}`,
  );
  return [group.name, String(group.units), ...saved, layersOf(group, 'makes'), layersOf(group, 'reads')];
}

function whyTogether({ name, reasons = [] }: PlanGroup): HTMLElement[] {
  return [
    element('p', { class: 'group-name' }, element('strong', {}, name)),
    element('ul', {}, ...reasons.map(reason => element('li', {}, reason))),
  ];
}

function layersOf({ coupled = [] }: PlanGroup, role: string): string {
  return [...new Set(coupled.filter(site => site.role === role).map(({ layer }) => layer))].join(', ');
}

function shape(sizes: readonly (number | null)[]): string {
  return sizes.map(size => size ?? 'any').join('\u00a0\u00d7\u00a0');
}

export function dataView({ train, validation, test, classes }: DataInfo): Node[] {
  const more = classes.length > 12 ? `, and ${classes.length - 12} more` : '';
  return [
    facts([
      { name: 'For training', value: whole(train) },
      { name: 'To choose the best epoch', value: whole(validation) },
      { name: 'To measure accuracy', value: whole(test) },
      { name: 'Classes', value: classes.slice(0, 12).join(', ') + more },
    ]),
  ];
}

export function resultView({ report }: Outcome): Node[] {
  const { before, after, stages, certificates } = report;
  const [first, last] = [stages[0]?.accuracy, stages[stages.length - 1]?.accuracy];
  const fall = (name: string, a: number | undefined, b: number | undefined, show: (value: number) => string) => ({
    name,
    value: `${a === undefined ? '?' : show(a)} \u2192 ${b === undefined ? '?' : show(b)}`,
    change: change(a, b),
    good: a !== undefined && b !== undefined && b < a,
  });
  const worst = Math.max(...certificates.map(({ error }) => error));
  return [
    facts(
      [
        fall('Parameters', before.parameters, after.parameters, count),
        fall('MACs', before.macs, after.macs, count),
        fall('Size as float32', before.bytes, after.bytes, bytes),
        ...(first !== undefined && last !== undefined
          ? [
              {
                name: 'Accuracy',
                value: `${percent(first)} \u2192 ${percent(last)}`,
                change: points(first, last),
                good: last >= first,
              },
            ]
          : []),
      ],
      true,
    ),
    stages.some(({ accuracy }) => accuracy !== undefined) && stageTable(report),
    certificates.length > 0 &&
      element(
        'p',
        { class: 'proof' },
        element('strong', {}, 'Certificate: '),
        `the cut is exact. On ${certificates[0].probes} probe inputs the smaller model and the original without those units ` +
          (worst === 0 ? 'agree to the last bit.' : `differ by at most ${tiny(worst)}.`),
      ),
  ].filter(item => item !== false);
}

function stageTable({ stages }: Report): HTMLElement {
  const rows = stages.map(({ name, units, parameters, accuracy, loss }) => [
    name,
    whole(units),
    whole(parameters),
    accuracy === undefined ? '' : percent(accuracy),
    loss === undefined ? '' : loss.toFixed(3),
  ]);
  return table(
    'Accuracy after each stage',
    [['stage', 'units', 'parameters', 'accuracy', 'loss'], ...rows],
    [1, 2, 3, 4],
  );
}

function points(before: number, after: number): string {
  const difference = 100 * (after - before);
  return difference === 0 ? 'unchanged' : `${difference > 0 ? '+' : '\u2212'}${Math.abs(difference).toFixed(1)} points`;
}

const NAMES: Readonly<Record<BackendName, string>> = { wasm: 'WASM', webgl: 'WebGL', webgpu: 'WebGPU' };
export const BACKENDS = Object.keys(NAMES) as readonly BackendName[];

export function speedView(speeds: Partial<Record<BackendName, Speed | 'running'>>): HTMLElement {
  const rows = BACKENDS.map(name => [NAMES[name], ...speedCells(speeds[name])]);
  const problems = BACKENDS.map(name => {
    const speed = speeds[name];
    return (
      typeof speed === 'object' &&
      'problem' in speed &&
      element('p', { class: 'note' }, `${NAMES[name]}: ${speed.problem}`)
    );
  });
  const times = table(
    'Time of one prediction',
    [['backend', 'before', 'after', 'speed', 'examples'], ...rows],
    [1, 2, 3, 4],
  );
  return element('div', {}, times, ...problems);
}

function speedCells(speed: Speed | 'running' | undefined): string[] {
  if (speed === 'running') return ['\u2026', '\u2026', '\u2026', 'measuring'];
  if (speed === undefined) return ['\u2013', '\u2013', '\u2013', 'not measured'];
  if ('problem' in speed) return ['\u2013', '\u2013', '\u2013', 'not available'];
  const { batch, before, after, speedup } = speed;
  return [milliseconds(before.median), milliseconds(after.median), `${speedup.toFixed(2)}\u00a0\u00d7`, String(batch)];
}
