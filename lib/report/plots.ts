/** The drawings of a report as files. */
import { plotsOfGammas, widthBars } from './drawing/bars';
import { standalone, type NamedDrawing } from './drawing/drawing';
import { groupGraph } from './drawing/groupGraph';
import { groupMap } from './drawing/groupMap';
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
  const told = plan?.groups.filter(({ coupled = [] }) => coupled.length > 0) ?? [];
  const graphs = told.flatMap(
    (group, i) =>
    group.frozen === undefined ? [{ name: `group-${i}-${group.name}`, drawing: groupGraph(group, plan!.groups.indexOf(group)) }] : [], // prettier-ignore
  );
  const drawings: readonly NamedDrawing[] = [
    ...(stages.length > 1 ? plotsOfStages(report) : []),
    ...(layers.length > 0 ? [{ name: 'widths', drawing: widthBars(layers) }] : []),
    ...(told.length > 0 ? [{ name: 'groups', drawing: groupMap(plan!.groups) }] : []),
    ...graphs,
    ...plotsOfGammas(gammas),
    ...(sensitivity ? [{ name: 'sensitivity', drawing: sensitivityDrawing(sensitivity) }] : []),
  ];
  return drawings.map(({ name, drawing }) => ({ name: name.replace(/[^a-zA-Z0-9]+/g, '-'), svg: standalone(drawing) }));
}
