/** How accuracy, cost and time went from stage to stage. */
import { lineDrawing, type Series } from './drawing/lines';
import type { NamedDrawing } from './drawing/drawing';
import { percent, points, wholePercent } from './numbers';
import type { Report, Stage } from './report';

/** Of a report with several stages. */
export function plotsOfStages(report: Report): readonly NamedDrawing[] {
  return [scorePlot(report), costPlot(report)].filter(plot => plot !== undefined);
}

function scorePlot({ stages, split }: Report): NamedDrawing | undefined {
  const known = (of: 'accuracy' | 'loss'): number => stages.filter(stage => Number.isFinite(stage[of])).length;
  const what = known('accuracy') >= known('loss') ? 'accuracy' : 'loss';
  if (known(what) < 2) return undefined;
  const values = stages.map(stage => stage[what] ?? NaN);
  const [first, last] = [values[0], values[values.length - 1]];
  const isAccuracy = what === 'accuracy';
  const description = isAccuracy
    ? `From ${percent(first)} to ${percent(last)}: ${points(first, last)}.`
    : `From ${first.toFixed(4)} to ${last.toFixed(4)}.`;
  const drawing = lineDrawing([{ name: what, points: values.map((value, i) => [i, value]) }], {
    title: `${isAccuracy ? 'Accuracy' : 'Loss'} through the stages`,
    description,
    x: '',
    y: `${what}, ${split ?? 'unknown'} split`,
    places: stages.map(({ name }) => name),
    level: Number.isFinite(first) ? first : undefined,
    ...(isAccuracy && { show: wholePercent }),
  });
  return { name: what, drawing };
}

function costPlot({ stages, before, latency }: Report): NamedDrawing {
  const share = (name: string, of: (stage: Stage) => number | undefined, whole: number | undefined): Series => ({
    name,
    points: stages.map((stage, i) => [i, (of(stage) ?? NaN) / (whole ?? NaN)]),
  });
  const series = [
    share('parameters', ({ parameters }) => parameters, before.parameters),
    share('MACs', ({ macs }) => macs, before.macs),
    share('latency', stage => stage.latency, latency?.before.median),
  ].filter(({ points: found }) => found.some(([, value]) => Number.isFinite(value)));
  const lasts = series.map(({ name, points: found }) => `${name} ${percent(found[found.length - 1][1], 1)}`);
  const drawing = lineDrawing(series, {
    title: 'Cost through the stages',
    description: `In the end there are left: ${lasts.join(', ')}.`,
    x: '',
    y: 'share of the dense model',
    places: stages.map(({ name }) => name),
    floor: 0,
    show: wholePercent,
  });
  return { name: 'cost', drawing };
}
