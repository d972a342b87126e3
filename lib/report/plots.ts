/** The drawings of a report as files. */
import { plotsOfGammas, widthBars } from './drawing/bars';
import { standalone, type NamedDrawing } from './drawing/drawing';
import { groupGraph } from './drawing/groupGraph';
import { groupMap } from './drawing/groupMap';
import type { Plan } from '../edit/plan';
import type { Account } from './account';
import { sensitivityDrawing } from './scanText';
import { plotsOfStages } from './stagePlots';

export interface Plot {
  /** For a file: letters, digits and dashes, no ending. */
  readonly name: string;
  /** Light or dark as the reader prefers. */
  readonly svg: string;
}

/** Every drawing of the page that `toHtml` makes, by itself. */
export function plotReport({ report, plan, sensitivity }: Account): readonly Plot[] {
  const { stages, layers, gammas = [] } = report;
  const drawings: readonly NamedDrawing[] = [
    ...(stages.length > 1 ? plotsOfStages(report) : []),
    ...(layers.length > 0 ? [{ name: 'widths', drawing: widthBars(layers) }] : []),
    ...(plan ? drawingsOf(plan) : []),
    ...plotsOfGammas(gammas),
    ...(sensitivity ? [{ name: 'sensitivity', drawing: sensitivityDrawing(sensitivity) }] : []),
  ];
  return drawings.map(toPlot);
}

/** The drawings of a plan alone, before anything is cut: all its groups, then each that can lose units. */
export function plotPlan(plan: Plan): readonly Plot[] {
  return drawingsOf(plan).map(toPlot);
}

function drawingsOf({ groups }: Plan): readonly NamedDrawing[] {
  const told = groups.filter(({ coupled = [] }) => coupled.length > 0);
  if (told.length === 0) return [];
  const graphs = told.flatMap((group, i) =>
    group.frozen === undefined
      ? [{ name: `group-${i}-${group.name}`, drawing: groupGraph(group, groups.indexOf(group)) }]
      : [],
  );
  return [{ name: 'groups', drawing: groupMap(groups) }, ...graphs];
}

function toPlot({ name, drawing }: NamedDrawing): Plot {
  return { name: name.replace(/[^a-zA-Z0-9]+/g, '-'), svg: standalone(drawing) };
}
