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
/** Of the squares that the best multiple leaves. */
const AS_GOOD = 1.1;

/**
 * Which widths are worth having. For `multipleOf` the time of every group is fitted by stairs, a + b * (width rounded up to a
 * multiple), over widths that lie close together; the smallest of 1, 2, 4, 8 and 16 counts whose stairs leave at most 10 %
 * more squared milliseconds, over all groups, than the best. So groups that take longer say more.
 */
export function plateaus({ groups }: WidthTable): Plateaus {
  const fine = groups.map(({ points }) => closeOnes(points)).filter(({ length }) => length > 2);
  const squares = MULTIPLES.map(multiple => fine.reduce((sum, points) => sum + stairs(points, multiple), 0));
  const enough = AS_GOOD * Math.min(...squares);
  const ends = groups.map(({ name, points }) => [name, endsOf(points)] as const);
  return { multipleOf: MULTIPLES[squares.findIndex(sum => sum <= enough)], ends: Object.fromEntries(ends) };
}

function closeOnes(points: readonly WidthPoint[]): readonly WidthPoint[] {
  return points.filter(({ width }, i) =>
    [points[i - 1], points[i + 1]].some(other => other !== undefined && Math.abs(other.width - width) <= CLOSE),
  );
}

/** Squared milliseconds beside the best stairs of steps of `multiple`. */
function stairs(points: readonly WidthPoint[], multiple: number): number {
  const places = points.map(({ width, milliseconds }) => [Math.ceil(width / multiple) * multiple, milliseconds]);
  const [x0, y0] = [0, 1].map(i => places.reduce((sum, place) => sum + place[i], 0) / places.length);
  const [xx, xy] = [0, 1].map(i => places.reduce((sum, [x, y]) => sum + (x - x0) * [x - x0, y - y0][i], 0));
  const slope = xx === 0 ? 0 : xy / xx;
  return places.reduce((sum, [x, y]) => sum + (y - y0 - slope * (x - x0)) ** 2, 0);
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
