/** The report as text: for a terminal, for a document, or as the data itself. */
import { checkKeyword } from '../core/check';
import { bytes, change, count, milliseconds, percent, points, tiny } from './numbers';
import type { LayerWidth, Report, Stage } from './report';
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

function overview({ before, after, latency, stages, split }: Report): string[][] {
  const rows = [
    ['', 'before', 'after', 'change'],
    ['units', count(before.units), count(after.units), change(before.units, after.units)],
    ['parameters', count(before.parameters), count(after.parameters), change(before.parameters, after.parameters)],
    ['MACs', count(before.macs), count(after.macs), change(before.macs, after.macs)],
    ['size', bytes(before.bytes), bytes(after.bytes), change(before.bytes, after.bytes)],
  ];
  if (latency) {
    const { batch, runs, speedup } = latency;
    const times = [latency.before, latency.after].map(({ median }) => milliseconds(median));
    rows.push(['latency', ...times, `${speedup.toFixed(2)}x as fast (batch ${batch}, median of ${runs})`]);
  }
  const [first, last] = [stages[0], stages[stages.length - 1]].map(stage => stage?.accuracy);
  if (first !== undefined && last !== undefined) {
    rows.push(['accuracy', percent(first), percent(last), `${points(first, last)} (${split ?? 'unknown'} split)`]);
  }
  return rows;
}

/** A column that no stage has a value for is left out. */
function stageRows(stages: readonly Stage[]): string[][] {
  const columns: [string, (stage: Stage) => string | undefined][] = [
    ['stage', ({ name }) => name],
    ['units', ({ units }) => count(units)],
    ['parameters', ({ parameters }) => count(parameters)],
    ['MACs', ({ macs }) => (macs === undefined ? undefined : count(macs))],
    ['accuracy', ({ accuracy }) => (accuracy === undefined ? undefined : percent(accuracy))],
    ['loss', ({ loss }) => loss?.toFixed(4)],
  ];
  const known = columns.filter(([, show]) => stages.some(stage => show(stage) !== undefined));
  return [known.map(([name]) => name), ...stages.map(stage => known.map(([, show]) => show(stage) ?? '?'))];
}

function layerRows(layers: readonly LayerWidth[], draw?: (layer: LayerWidth) => string): string[][] {
  const rows = layers.map(layer => {
    const { before, after } = layer;
    return [layer.layer, String(before), String(after), change(before, after), ...(draw ? [draw(layer)] : [])];
  });
  return [['layer', 'width', 'now', 'change', ...(draw ? [''] : [])], ...rows];
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

function certificate({ certificates }: Report): string {
  if (certificates.length === 0) return '';
  const worst = certificates.reduce((a, b) => (b.error > a.error ? b : a));
  const cuts = certificates.length === 1 ? 'the cut is' : `all ${certificates.length} cuts are`;
  const { error, tolerance, probes } = worst;
  return `certificate: ${cuts} exact, sliced = masked within ${tiny(error)} on ${probes} probes (limit ${tiny(tolerance)})`;
}

/** As unlike the rest as the blocks are: each on a line of its own. */
function blocks({ blocks: gone = [] }: Report): string[] {
  return gone.map(({ name, layers }) => `block gone: ${name} (${layers.length} layers)`);
}

/** What a cut of streams is called by; what it saves stands above. */
function turned({ turned: streams = [] }: Report): string[] {
  if (streams.length === 0) return [];
  const [before, after] = (['before', 'after'] as const).map(of =>
    streams.reduce((sum, stream) => sum + stream[of], 0),
  );
  const widths = [...new Set(streams.map(stream => `${stream.before} to ${stream.after}`))].join(', ');
  return [`nominal slicing: ${change(before, after)} of the dimensions of ${streams.length} streams (${widths})`];
}

function undone({ undone: steps = [] }: Report): string[] {
  return steps.map(({ method, reason }) => `taken back: ${method} (${reason})`);
}

function hasChanged({ before, after }: LayerWidth): boolean {
  return before !== after;
}
