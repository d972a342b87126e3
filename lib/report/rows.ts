/** What a report says, as rows of words and as sentences, for whatever shows them. */
import { bytes, change, count, milliseconds, percent, points, tiny } from './numbers';
import type { LayerWidth, Report, Stage } from './report';

export function overview({ before, after, example, latency, stages, split }: Report): string[][] {
  const rows = [
    ['', 'before', 'after', 'change'],
    ['units', count(before.units), count(after.units), change(before.units, after.units)],
    ['parameters', count(before.parameters), count(after.parameters), change(before.parameters, after.parameters)],
    [macsOf(example), count(before.macs), count(after.macs), change(before.macs, after.macs)],
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

/** Says for which sizes they count, where the model itself does not; inputs of one size are named once. */
function macsOf(example: Report['example']): string {
  return example === undefined ? 'MACs' : `MACs at ${[...new Set(example.map(size => size.join('x')))].join(', ')}`;
}

/** A column that no stage has a value for is left out. */
export function stageRows(stages: readonly Stage[]): string[][] {
  const columns: [string, (stage: Stage) => string | undefined][] = [
    ['stage', ({ name }) => name],
    ['units', ({ units }) => count(units)],
    ['parameters', ({ parameters }) => count(parameters)],
    ['MACs', ({ macs }) => (macs === undefined ? undefined : count(macs))],
    ['accuracy', ({ accuracy }) => (accuracy === undefined ? undefined : percent(accuracy))],
    ['loss', ({ loss }) => loss?.toFixed(4)],
    ['latency', ({ latency }) => (latency === undefined ? undefined : milliseconds(latency))],
  ];
  const known = columns.filter(([, show]) => stages.some(stage => show(stage) !== undefined));
  return [known.map(([name]) => name), ...stages.map(stage => known.map(([, show]) => show(stage) ?? '?'))];
}

export function layerRows(layers: readonly LayerWidth[], draw?: (layer: LayerWidth) => string): string[][] {
  const rows = layers.map(layer => {
    const { before, after } = layer;
    return [layer.layer, String(before), String(after), change(before, after), ...(draw ? [draw(layer)] : [])];
  });
  return [['layer', 'width', 'now', 'change', ...(draw ? [''] : [])], ...rows];
}

export function certificate({ certificates }: Report): string {
  if (certificates.length === 0) return '';
  const worst = certificates.reduce((a, b) => (b.error > a.error ? b : a));
  const cuts = certificates.length === 1 ? 'the cut is' : `all ${certificates.length} cuts are`;
  const { error, tolerance, probes } = worst;
  return `certificate: ${cuts} exact, sliced = masked within ${tiny(error)} on ${probes} probes (limit ${tiny(tolerance)})`;
}

/** As unlike the rest as the blocks are: each on a line of its own. */
export function blocks({ blocks: gone = [] }: Report): string[] {
  return gone.map(({ name, layers }) => `block gone: ${name} (${layers.length} layers)`);
}

/** What a cut of streams is called by; what it saves stands above. */
export function turned({ turned: streams = [] }: Report): string[] {
  if (streams.length === 0) return [];
  const [before, after] = (['before', 'after'] as const).map(of =>
    streams.reduce((sum, stream) => sum + stream[of], 0),
  );
  const widths = [...new Set(streams.map(stream => `${stream.before} to ${stream.after}`))].join(', ');
  return [`nominal slicing: ${change(before, after)} of the dimensions of ${streams.length} streams (${widths})`];
}

export function undone({ undone: steps = [] }: Report): string[] {
  return steps.map(({ method, reason }) => `taken back: ${method} (${reason})`);
}

export function hasChanged({ before, after }: LayerWidth): boolean {
  return before !== after;
}
