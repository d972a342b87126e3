/** Sections of a page on what was measured to decide, and on the way. */
import type { GammaHistory } from '../../core/gammas';
import type { Sensitivity } from '../../core/sensitivity';
import type { Plan } from '../../edit/plan';
import { plotsOfGammas, rangeOf } from '../drawing/bars';
import { markup } from '../markup';
import { clock, trialRows } from '../planText';
import type { Report } from '../report';
import { sensitivityDrawing, sensitivityRows, sensitivityTitle } from '../scanText';
import { figure, paragraphs, table, type Section } from './parts';

/** Widths that were tried against a clock. */
export function timingSection(plan: Plan | undefined): Section | undefined {
  const { measured = [] } = plan ?? {};
  if (measured.length === 0) return undefined;
  const body = measured.map(
    each => markup`${paragraphs([clock(each)])}${table(trialRows(each), { caption: 'Cuts that were timed' })}`,
  );
  return { id: 'timing', title: 'Chosen by the clock', body };
}

export function gammaSection({ gammas = [] }: Report): Section | undefined {
  if (gammas.length === 0) return undefined;
  const figures = plotsOfGammas(gammas).map(({ drawing }, i) =>
    figure(drawing, table(gammaRows(gammas[i]), { caption: drawing.title })),
  );
  return { id: 'gammas', title: 'Gammas while slimming', body: markup`<div class="plots">${figures}</div>` };
}

function gammaRows({ counts, most }: GammaHistory): string[][] {
  const bins = counts[0].length;
  const head = ['|gamma|', ...counts.map((_, epoch) => (epoch === 0 ? 'before' : `epoch ${epoch}`))];
  return [head, ...counts[0].map((_, bin) => [rangeOf(bin, bins, most), ...counts.map(each => String(each[bin]))])];
}

export function sensitivitySection(scan: Sensitivity): Section {
  const title = sensitivityTitle(scan).replace(/^./, first => first.toUpperCase());
  const numbers = table(sensitivityRows(scan), { caption: title });
  const body = markup`${paragraphs([`${title}.`])}${figure(sensitivityDrawing(scan), numbers)}`;
  return { id: 'sensitivity', title: 'Sensitivity', body };
}
