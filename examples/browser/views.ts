/** What is known, as elements. */
import type { PlanGroup, Report } from 'tfjs-prune';
import { drawing, element, facts, fold, table } from './elements';
import type { BackendName, DataInfo, ModelInfo, Outcome } from './messages';
import { bytes, change, count, milliseconds, percent, whole } from './numbers';
import type { Speed } from './store';

export function modelView({ name, input, output, plan, plots }: ModelInfo): Node[] {
  const { groups, cost } = plan;
  const free = groups.filter(({ frozen }) => frozen === undefined);
  const frozen = groups.filter(group => group.frozen !== undefined);
  const units = free.reduce((sum, group) => sum + group.units, 0);
  return [
    facts([
      { name: 'Model', value: name },
      { name: 'Input and output', value: `${shape(input)} to ${shape(output)}` },
      { name: 'Parameters', value: count(cost?.before.parameters) },
      { name: 'MACs', value: count(cost?.before.macs) },
      { name: 'Size as float32', value: bytes(cost?.before.bytes ?? 0) },
      { name: 'Can be removed', value: `${whole(units)} units in ${free.length} groups` },
    ]),
    free.length === 0
      ? element('p', { class: 'note' }, 'Nothing in this model can be pruned; the reasons stand below.')
      : table(
          'Groups: units that can only go together',
          [['group', 'units', 'made by', 'read by'], ...free.map(groupRow)],
          [1],
        ),
    fold(
      'How the groups hang together, and why',
      element('div', { class: 'plots' }, ...plots.map(({ svg }) => drawing(svg))),
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

function groupRow(group: PlanGroup): (string | HTMLElement)[] {
  return [group.name, String(group.units), layersOf(group, 'makes'), layersOf(group, 'reads')];
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
        `the cut is exact. On ${certificates[0].probes} probe inputs the smaller model and the original without those units differ by at most ${worst.toExponential(1)}.`,
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
  const rows = BACKENDS.map(name => {
    const speed = speeds[name];
    if (speed === undefined || speed === 'running')
      return [NAMES[name], speed ? 'measuring \u2026' : 'not measured', '', ''];
    if ('problem' in speed) return [NAMES[name], 'not available', '', speed.problem];
    return [
      NAMES[name],
      milliseconds(speed.before.median),
      milliseconds(speed.after.median),
      `${speed.speedup.toFixed(2)}\u00d7 as fast`,
    ];
  });
  return table('Milliseconds for one example', [['backend', 'before', 'after', ''], ...rows], [1, 2]);
}
