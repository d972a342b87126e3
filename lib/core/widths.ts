/** How long layers take by the width of a group, and where the widths are that a backend is good at: plain data. */

export interface WidthPoint {
  /** Units that the group has. */
  readonly width: number;
  /** Of one pass, in the quickest round. */
  readonly milliseconds: number;
}

export interface GroupWidths {
  readonly name: string;
  readonly kind: string;
  /** As the model has it. */
  readonly units: number;
  /** By rising width. */
  readonly points: readonly WidthPoint[];
}

export interface WidthTable {
  readonly backend: string;
  readonly batch: number;
  readonly runs: number;
  /** What was timed: the layers that hold the group, by themselves, or the whole model. */
  readonly of: 'layers' | 'model';
  readonly groups: readonly GroupWidths[];
}

export interface Plateaus {
  /** For budgets: 1 where every unit counts. */
  readonly multipleOf: number;
  /** By group, widths after which one or two units more cost more than they should. */
  readonly ends: Readonly<Record<string, readonly number[]>>;
}

const MULTIPLES = [1, 2, 4, 8, 16];
/** Widths so close show steps; those further apart the slope. */
const CLOSE = 4;
/** Of the time: a step that costs so much more than the slope says ends a plateau. */
const STEP = 0.04;
/** No clock is better than that, as a share of the time. */
const FINEST = 1e-3;

/**
 * Which widths are worth having. For `multipleOf` the time of every group, over widths that lie close together, is fitted by a line,
 * and by a line with stairs (the width rounded up to a multiple), for what reads units need not step where what makes them does.
 * Of 1 (the line), 2, 4, 8 and 16 the one with the lowest Bayesian information criterion counts: stairs have to explain
 * more than one more parameter would by chance. Groups weigh as much as they take time.
 */
export function plateaus({ groups }: WidthTable): Plateaus {
  const fine = groups.map(({ points }) => closeOnes(points)).filter(({ length }) => length > 3);
  const weights = fine.map(points => points[points.length - 1].milliseconds);
  const criteria = MULTIPLES.map(multiple =>
    fine.reduce((sum, points, i) => sum + weights[i] * information(points, multiple), 0),
  );
  const multipleOf = MULTIPLES[criteria.indexOf(Math.min(...criteria))];
  const ends = groups.map(({ name, points }) => [name, endsOf(points)] as const);
  return { multipleOf, ends: Object.fromEntries(ends) };
}

function closeOnes(points: readonly WidthPoint[]): readonly WidthPoint[] {
  return points.filter(({ width }, i) =>
    [points[i - 1], points[i + 1]].some(other => other !== undefined && Math.abs(other.width - width) <= CLOSE),
  );
}

/** Of a line, or of a line with rising stairs of steps of `multiple`. */
function information(points: readonly WidthPoint[], multiple: number): number {
  const { length } = points;
  const mean = (of: (point: WidthPoint) => number): number => points.reduce((sum, p) => sum + of(p), 0) / length;
  const centred = (of: (point: WidthPoint) => number): number[] => points.map(point => of(point) - mean(of));
  const product = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * b[i], 0);
  const line = centred(({ width }) => width);
  const beside = (values: readonly number[]): number[] => {
    const slope = product(values, line) / product(line, line);
    return values.map((value, i) => value - slope * line[i]);
  };
  const time = beside(centred(({ milliseconds }) => milliseconds));
  const stairs = beside(centred(({ width }) => Math.ceil(width / multiple) * multiple));
  const [height, size] = [product(stairs, time), product(stairs, stairs)];
  const rising = multiple > 1 && size > 1e-9 && height > 0;
  const left = product(time, time) - (rising ? height ** 2 / size : 0);
  const floor = length * (FINEST * mean(({ milliseconds }) => milliseconds)) ** 2;
  return length * Math.log(Math.max(left, floor) / floor) + (multiple > 1 ? Math.log(length) : 0);
}

function endsOf(points: readonly WidthPoint[]): readonly number[] {
  if (points.length < 2) return [];
  const [first, last] = [points[0], points[points.length - 1]];
  const slope = (last.milliseconds - first.milliseconds) / (last.width - first.width);
  return points.slice(0, -1).flatMap(({ width, milliseconds }, i) => {
    const step = points[i + 1].width - width;
    const excess = points[i + 1].milliseconds - milliseconds - slope * step;
    return step <= 2 && excess > STEP * milliseconds ? [width] : [];
  });
}
