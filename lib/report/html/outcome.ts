/** Sections of a page on what came of it: cost, proof, stages, widths. */
import { widthBars } from '../drawing/bars';
import { markup } from '../markup';
import { tiny } from '../numbers';
import { plotsOfStages } from '../stagePlots';
import type { Report } from '../report';
import { blocks, certificate, layerRows, overview, stageRows, turned, undone } from '../rows';
import { figure, paragraphs, table, type Section } from './parts';

export function overviewSection(report: Report): Section {
  const body = table(overview(report), { caption: 'The whole model', words: [3] });
  return { id: 'cost', title: 'Before and after', body };
}

export function proofSection(report: Report): Section | undefined {
  const { certificates } = report;
  if (certificates.length === 0) return undefined;
  const rows = certificates.map(({ place, error, tolerance, probes }) => [
    place,
    tiny(error),
    tiny(tolerance),
    String(probes),
  ]);
  const sentence = certificate(report).replace(/^c/, 'C');
  const body = markup`<p class="proof">${sentence}.</p>
${table([['cut', 'error', 'limit', 'probes'], ...rows], { caption: 'Sliced against masked, largest relative difference' })}`;
  return { id: 'certificate', title: 'Certificate', body };
}

export function stageSection(report: Report): Section | undefined {
  const { stages } = report;
  if (stages.length < 2) return undefined;
  const plots = plotsOfStages(report).map(({ drawing }) => figure(drawing));
  const body = markup`<div class="plots">${plots}</div>
${table(stageRows(stages), { caption: 'After each stage' })}`;
  return { id: 'stages', title: 'Stages', body };
}

export function widthSection({ layers }: Report): Section | undefined {
  if (layers.length === 0) return undefined;
  const numbers = table(layerRows(layers), { caption: 'Outputs of each layer that makes units' });
  return { id: 'widths', title: 'Widths', body: figure(widthBars(layers), numbers) };
}

/** What went beside units, and what was taken back. */
export function sideSection(report: Report): Section | undefined {
  const lines = [...turned(report), ...blocks(report), ...undone(report)];
  return lines.length === 0 ? undefined : { id: 'more', title: 'Also', body: paragraphs(lines) };
}
