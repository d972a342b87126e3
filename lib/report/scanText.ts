/** Scans as text and as drawings. */
import { checkKeyword } from '../core/check';
import type { GroupSensitivity, Sensitivity, SensitivityPoint } from '../core/sensitivity';
import { plateaus, type WidthTable } from '../core/widths';
import { standalone, type Drawing } from './drawing/drawing';
import { lineDrawing } from './drawing/lines';
import type { ReportFormat } from './format';
import { milliseconds, percent, wholePercent } from './numbers';
import { listed, markdownTable, textTable } from './table';

/**
 * Accuracy (loss where there is none) by group and ratio, the most sensitive group first; `json` is the scan itself.
 * @throws PruneError `bad-option` for another format.
 */
export function formatSensitivity(scan: Sensitivity, format: ReportFormat = 'terminal'): string {
  checkKeyword('formatSensitivity', 'format', format, ['terminal', 'markdown', 'json']);
  if (format === 'json') return JSON.stringify(scan, null, 2);
  const table = sensitivityRows(scan);
  return `${sensitivityTitle(scan)}\n\n${format === 'markdown' ? markdownTable(table) : textTable(table)}`;
}

export function sensitivityTitle({ criterion, recalibrated, dense }: Sensitivity): string {
  const what = dense.accuracy === undefined ? 'loss' : 'accuracy';
  const again = recalibrated ? ', statistics measured anew' : '';
  return `${what} when one group alone loses units by ${criterion}${again}; of the whole model ${shown(dense)}`;
}

export function sensitivityRows(scan: Sensitivity): string[][] {
  const { groups } = scan;
  const ratios = [...new Set(groups.flatMap(({ points }) => points.map(({ ratio }) => ratio)))].sort((a, b) => a - b);
  const rows = bySensitivity(scan).map(({ name, units, points }) => [
    name,
    String(units),
    ...ratios.map(ratio => shown(points.find(point => point.ratio === ratio))),
  ]);
  return [['group', 'units', ...ratios.map(ratio => `-${percent(ratio, 0)}`)], ...rows];
}

/** The same as a drawing (SVG), a line for each group; the most sensitive ones are named. */
export function plotSensitivity(scan: Sensitivity): string {
  return standalone(sensitivityDrawing(scan));
}

export function sensitivityDrawing(scan: Sensitivity): Drawing {
  const value = ({ accuracy, loss }: { accuracy?: number; loss: number }): number => accuracy ?? loss;
  const order = bySensitivity(scan);
  const series = order.map(({ name, points }) => ({
    name,
    points: [[0, value(scan.dense)] as const, ...points.map(point => [point.ratio, value(point)] as const)],
  }));
  return lineDrawing(series, {
    title: `One group at a time, by ${scan.criterion}`,
    description: `${order.length} groups; the most sensitive is ${order[0]?.name ?? 'none'}.`,
    x: 'ratio of its units removed',
    y: scan.dense.accuracy === undefined ? 'loss' : 'accuracy',
    level: value(scan.dense),
    ...(scan.dense.accuracy !== undefined && { show: wholePercent }),
  });
}

/** Groups by what they lose in the middle of their curves, most first. */
function bySensitivity({ groups, dense }: Sensitivity): readonly GroupSensitivity[] {
  const lost = ({ points }: GroupSensitivity): number => {
    const gone = points.map(({ loss, accuracy }) => (dense.accuracy === undefined ? loss : -(accuracy ?? 0)));
    return gone.reduce((sum, each) => sum + each, 0) / gone.length;
  };
  return [...groups].sort((a, b) => lost(b) - lost(a));
}

function shown(score: Pick<SensitivityPoint, 'loss' | 'accuracy'> | undefined): string {
  if (score === undefined) return '';
  return score.accuracy === undefined ? score.loss.toFixed(4) : percent(score.accuracy, 1);
}

/**
 * Time by width, group by group, where the steps are, and which multiple follows; `json` is the table itself.
 * @throws PruneError `bad-option` for another format.
 */
export function formatWidths(table: WidthTable, format: ReportFormat = 'terminal'): string {
  checkKeyword('formatWidths', 'format', format, ['terminal', 'markdown', 'json']);
  if (format === 'json') return JSON.stringify(table, null, 2);
  const { multipleOf, ends } = plateaus(table);
  const rows = table.groups.map(({ name, units, points }) => {
    const [least, most] = [points[0], points[points.length - 1]];
    const at = ({ width, milliseconds: time }: typeof least): string => `${milliseconds(time)} at ${width}`;
    return [name, String(units), at(most), at(least), listed(ends[name].map(String), 32)];
  });
  const cells = [['group', 'units', 'widest', 'narrowest', 'steps behind'], ...rows];
  const { backend, batch, runs, of } = table;
  const what = of === 'layers' ? 'the layers of each group' : 'the model';
  const title = `${what}, timed by width on ${backend}, batch ${batch}, best of ${runs}`;
  const advice = `multipleOf: ${multipleOf}${multipleOf === 1 ? ', every unit counts' : ''}`;
  const layout = { words: [4] };
  return [title, format === 'markdown' ? markdownTable(cells, layout) : textTable(cells, layout), advice].join('\n\n');
}

/** The same as a drawing (SVG): time over that of the widest, by width over the widest; the slowest groups are named. */
export function plotWidths(table: WidthTable): string {
  const widest = ({ points }: WidthTable['groups'][number]) => points[points.length - 1];
  const series = [...table.groups]
    .sort((a, b) => widest(b).milliseconds - widest(a).milliseconds)
    .map(group => {
      const { width, milliseconds: time } = widest(group);
      const points = group.points.map(point => [point.width / width, point.milliseconds / time] as const);
      return { name: `${group.name}, ${milliseconds(time)}`, points };
    });
  const drawing = lineDrawing(series, {
    title: `Time by width on ${table.backend}, batch ${table.batch}`,
    description: `${series.length} groups; the slowest is ${series[0]?.name ?? 'none'}.`,
    x: 'width over the widest',
    y: 'time over its time',
  });
  return standalone(drawing);
}
