/** Lines over two axes, what they are below. */
import { markup, type Markup } from '../markup';
import { shorten } from '../table';
import { axis, logarithmicAxis, plainNumber, type Axis } from './axis';
import { line, place, standalone, WIDTH, words, type Drawing } from './drawing';
import { LIGHT } from './theme';

export interface Series {
  readonly name: string;
  /** By rising x; a value that is not finite leaves a gap. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LineOptions {
  readonly title: string;
  /** What there is to see, for those who do not. */
  readonly description: string;
  readonly x: string;
  readonly y: string;
  /** So many series, the first, have a colour and are named; the others are grey. */
  readonly named?: number;
  /** A dashed line across, at this y. */
  readonly level?: number;
  /** Where the y axis begins, or below. */
  readonly floor?: number;
  /** Equal factors of y, which is above 0, are equally far apart; default: equal differences. */
  readonly logarithmic?: boolean;
  /** Whether only whole numbers stand on the x axis. */
  readonly whole?: boolean;
  /** Names of the places 0, 1, ... on the x axis, in place of numbers. */
  readonly places?: readonly string[];
  /** How values on the y axis are written. */
  readonly show?: (value: number) => string;
}

const [LEFT, RIGHT, TOP, PLOT] = [56, WIDTH - 14, 26, 220];
const FLOOR = TOP + PLOT;
const LETTER = 7;
const ROW = 20;
/** Lines of one hue after the first four are told apart by their dashes too. */
const SOLID = 4;
/** So many points of all lines get a dot, with its values where the pointer is. */
const MOST_DOTS = 120;

/** Places of a crossed axis: where they stand, and what room their names take below. */
interface Feet {
  readonly marks: readonly (readonly [at: number, name: string])[];
  readonly turned: boolean;
  readonly room: number;
}

/** Lines of your own as a drawing (SVG) like those of a report. */
export function plotLines(series: readonly Series[], options: LineOptions): string {
  return standalone(lineDrawing(series, options));
}

export function lineDrawing(series: readonly Series[], options: LineOptions): Drawing {
  const { title, description, level, floor, named = LIGHT.series.length, places, show = plainNumber } = options;
  const all = series.flatMap(({ points }) => points.filter(isKnown));
  const heights = [...all.map(([, y]) => y), ...[level, floor].filter(value => value !== undefined)];
  const rows = (options.logarithmic ? logarithmicAxis : axis)(heights, FLOOR, TOP);
  const { at, feet } = across(all.map(([x]) => x), options); // prettier-ignore
  const count = Math.min(named, LIGHT.series.length, series.length);
  const below = FLOOR + feet.room;
  const lines = series.map(({ points }, i) => pathOf(points, at, rows.at, i < count ? styleOf(i) : 'rest'));
  const dots = all.length <= MOST_DOTS && series.slice(0, count).map((one, i) => dotsOf(one, i, [at, rows.at], { places, show })); // prettier-ignore
  const foot = below + (options.x === '' ? 0 : 24);
  const legend = series.length > 1 ? legendOf(series, count, foot + 12) : [];
  const body = markup`${words(8, TOP - 10, options.y, { of: 'quiet' })}
${rows.ticks.map(value => [line(LEFT, rows.at(value), RIGHT, rows.at(value), 'rule'), words(LEFT - 6, rows.at(value) + 4, show(value), { anchor: 'end', of: 'small' })])}
${feet.marks.map(([x, name]) => [line(x, FLOOR, x, FLOOR + 4, 'rule'), footOf(x, name, feet.turned)])}
${options.x !== '' && words((LEFT + RIGHT) / 2, below + 12, options.x, { anchor: 'middle', of: 'quiet' })}
${level !== undefined && line(LEFT, rows.at(level), RIGHT, rows.at(level), 'level')}
${lines.slice(count)}${lines.slice(0, count)}${dots}
${legend}`;
  return {
    width: WIDTH,
    height: foot + ROW * legend.length + 2,
    title,
    description,
    body,
  };
}

function across(
  values: readonly number[],
  { places: names, whole = false }: Pick<LineOptions, 'places' | 'whole'>,
): { at: Axis['at']; feet: Feet } {
  if (names === undefined) {
    const { ticks, at } = axis(values, LEFT, RIGHT, whole ? 1 : 0);
    return { at, feet: { marks: ticks.map(value => [at(value), plainNumber(value)]), turned: false, room: 28 } };
  }
  const step = (RIGHT - LEFT) / Math.max(names.length, 1);
  const at = (value: number): number => LEFT + (value + 0.5) * step;
  const shown = names.map(name => shorten(name, 16));
  const longest = Math.max(...shown.map(({ length }) => length));
  const turned = longest * LETTER > step - 6;
  return {
    at,
    feet: { marks: shown.map((name, i) => [at(i), name]), turned, room: turned ? 22 + longest * LETTER * 0.65 : 28 },
  };
}

function footOf(x: number, name: string, turned: boolean): Markup {
  return turned
    ? words(x + 4, FLOOR + 16, name, { anchor: 'end', of: 'small', turned: -40 })
    : words(x, FLOOR + 18, name, { anchor: 'middle', of: 'small' });
}

function styleOf(index: number): string {
  return `line s${index}${index < SOLID ? '' : ' dashed'}`;
}

function isKnown(point: Series['points'][number]): boolean {
  return point.every(Number.isFinite);
}

/** A line for each run of points without a gap. */
function pathOf(points: Series['points'], x: Axis['at'], y: Axis['at'], of: string): readonly Markup[] {
  const pieces: Series['points'][number][][] = [[]];
  for (const point of points) {
    if (isKnown(point)) pieces[pieces.length - 1].push(point);
    else pieces.push([]);
  }
  const at = (piece: Series['points']): string => piece.map(([a, b]) => `${place(x(a))},${place(y(b))}`).join(' ');
  return pieces
    .filter(({ length }) => length > 0)
    .map(piece => markup`<polyline class="${of}" points="${at(piece)}"/>`);
}

function dotsOf(
  { name, points }: Series,
  index: number,
  [across, up]: readonly [Axis['at'], Axis['at']],
  { places, show }: { readonly places?: readonly string[]; readonly show: (value: number) => string },
): readonly Markup[] {
  return points.filter(isKnown).map(([x, y]) => {
    const told = `${name}, ${places?.[x] ?? plainNumber(x)}: ${show(y)}`;
    return markup`<circle class="d${index}" cx="${place(across(x))}" cy="${place(up(y))}" r="3.5"><title>${told}</title></circle>`;
  });
}

function legendOf(series: readonly Series[], count: number, top: number): readonly Markup[] {
  const rest = series.length - count;
  const rows = series.slice(0, count).map(({ name }, i) => {
    const y = top + ROW * i;
    return markup`${line(LEFT, y - 4, LEFT + 26, y - 4, styleOf(i))}${words(LEFT + 34, y, shorten(name, 36))}`;
  });
  return rest > 0 ? [...rows, words(LEFT + 34, top + ROW * count, `and ${rest} more, in grey`, { of: 'quiet' })] : rows;
}
