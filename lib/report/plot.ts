/** Lines over two axes, as SVG. */

export interface Series {
  readonly name: string;
  /** By rising x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface PlotOptions {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** So many series, the first, have a colour and are named; the others are grey. */
  readonly named?: number;
  /** A dashed line across, at this y. */
  readonly level?: number;
}

const COLOURS = ['#1b6ca8', '#c1440e', '#4a7c2a', '#8e44ad', '#b7791f', '#2a9d8f', '#d6336c', '#495057'];
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [760, 420, 64, 220, 40, 48];
const STYLE =
  'text{font:12px sans-serif;fill:#333}line{stroke:#ddd}polyline{fill:none;stroke-width:2}.other{stroke:#bbb;stroke-width:1}';

/** A drawing of `series` that stands by itself. */
export function linePlot(
  series: readonly Series[],
  { title, x, y, named = COLOURS.length, level }: PlotOptions,
): string {
  const all = series.flatMap(({ points }) => points);
  const [columns, rows] = [0, 1].map(i => axis([...all.map(point => point[i]), ...(i === 1 && level !== undefined ? [level] : [])])); // prettier-ignore
  const atX = scale(columns, LEFT, WIDTH - RIGHT);
  const atY = scale(rows, HEIGHT - BOTTOM, TOP);
  const count = Math.min(named, COLOURS.length, series.length);
  const lines = series.map(({ points }, i) => {
    const path = points.map(([a, b]) => `${atX(a).toFixed(1)},${atY(b).toFixed(1)}`).join(' ');
    return i < count
      ? `<polyline points="${path}" stroke="${COLOURS[i]}"/>`
      : `<polyline class="other" points="${path}"/>`;
  });
  const parts = [
    text(LEFT, TOP - 22, title),
    ...columns.map(value => vertical(atX(value), number(value))),
    ...rows.map(value => horizontal(atY(value), number(value))),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x, 'middle'),
    text(LEFT, TOP - 6, y),
    ...(level === undefined ? [] : [line(LEFT, WIDTH - RIGHT, atY(level), atY(level), ' stroke-dasharray="4"')]),
    ...lines.slice(count),
    ...lines.slice(0, count),
    ...series
      .slice(0, count)
      .map(({ name }, i) => text(WIDTH - RIGHT + 12, TOP + 18 * (i + 1), name, 'start', COLOURS[i])),
    ...(series.length > count
      ? [text(WIDTH - RIGHT + 12, TOP + 18 * (count + 1), `and ${series.length - count} more`)]
      : []),
  ];
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}><style>${STYLE}</style>\n${parts.join('\n')}\n</svg>\n`;
}

/** Round numbers that enclose all `values`. */
function axis(values: readonly number[]): readonly number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const rough = (high - low || Math.abs(high) || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough * (1 - 1e-9))!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

function scale(ticks: readonly number[], from: number, to: number): (value: number) => number {
  const [low, high] = [ticks[0], ticks[ticks.length - 1]];
  return value => from + ((value - low) / (high - low)) * (to - from);
}

function vertical(x: number, label: string): string {
  return line(x, x, TOP, HEIGHT - BOTTOM) + text(x, HEIGHT - BOTTOM + 16, label, 'middle');
}

function horizontal(y: number, label: string): string {
  return line(LEFT, WIDTH - RIGHT, y, y) + text(LEFT - 6, y + 4, label, 'end');
}

function line(x1: number, x2: number, y1: number, y2: number, more = ''): string {
  return `<line x1="${x1.toFixed(1)}" x2="${x2.toFixed(1)}" y1="${y1.toFixed(1)}" y2="${y2.toFixed(1)}"${more}/>`;
}

function text(x: number, y: number, words: string, anchor = 'start', fill?: string): string {
  const colour = fill === undefined ? '' : ` style="fill:${fill}"`;
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${colour}>${escaped(words)}</text>`;
}

function number(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function escaped(words: string): string {
  return words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
