/** The report as text: for a terminal, for a document, or as the data itself. */
import { checkKeyword } from '../core/check';
import type { LayerWidth, Report } from './report';
import { blocks, certificate, hasChanged, layerRows, overview, stageRows, turned, undone } from './rows';
import { markdownTable, textTable } from './table';

export type ReportFormat = 'terminal' | 'markdown' | 'json';

const SCREEN = 100;
const BAR = 24;

/**
 * What was removed, what it costs now, how accuracy moved from stage to stage, and the certificate. `terminal` keeps
 * within 100 columns unless a name does not; `json` is the report itself.
 * @throws PruneError `bad-option` for another format.
 */
export function formatReport(report: Report, format: ReportFormat = 'terminal'): string {
  checkKeyword('formatReport', 'format', format, ['terminal', 'markdown', 'json']);
  if (format === 'json') return JSON.stringify(report, null, 2);
  return format === 'markdown' ? markdown(report) : terminal(report);
}

function terminal(report: Report): string {
  const changed = report.layers.filter(hasChanged);
  const sections = [
    title(report),
    textTable(overview(report), { words: [3] }),
    report.stages.length > 1 ? textTable(stageRows(report.stages)) : '',
    changed.length > 0 ? textTable(layerRows(changed, bar), { words: [4] }) : '',
    [unchanged(report.layers), ...turned(report), ...blocks(report), certificate(report), ...undone(report)]
      .filter(Boolean)
      .join('\n'),
  ];
  return sections.filter(Boolean).join('\n\n');
}

function markdown(report: Report): string {
  const changed = report.layers.filter(hasChanged);
  const sections = [
    `### ${title(report)}`,
    markdownTable(overview(report), { words: [3] }),
    report.stages.length > 1 ? markdownTable(stageRows(report.stages)) : '',
    changed.length > 0 ? markdownTable(layerRows(changed)) : '',
    unchanged(report.layers),
    ...turned(report),
    ...blocks(report),
    certificate(report),
    ...undone(report),
  ];
  return sections.filter(Boolean).join('\n\n');
}

function title({ method, seed, backend }: Report): string {
  return `${method}, seed ${seed}, ${backend}`;
}

/** What is left of the layer's width. */
function bar({ before, after }: LayerWidth): string {
  const kept = after > 0 ? Math.max(1, Math.round((BAR * after) / before)) : 0;
  return '█'.repeat(kept) + '░'.repeat(BAR - kept);
}

/** As many names as fit on a line; the rest is counted. */
function unchanged(layers: readonly LayerWidth[]): string {
  const names = layers.filter(layer => !hasChanged(layer)).map(({ layer }) => layer);
  if (names.length === 0) return '';
  const line = (shown: number): string => {
    const rest = names.length - shown;
    const more = rest > 0 ? [`${rest} ${shown === 0 ? 'layers' : 'more'}`] : [];
    return `unchanged: ${[...names.slice(0, shown), ...more].join(', ')}`;
  };
  let shown = names.length;
  while (shown > 0 && line(shown).length > SCREEN) shown--;
  return line(shown);
}
