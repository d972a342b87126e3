/** Measurements of a model that change nothing: how much each group matters, and what its width costs in time. */
import { uniform, unitsGone, type Scored } from '../budgets';
import { checkAborted, checkKeyword, checkNumber, checkRatio } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import type { BaseContext, Context, Need, RecalibrateOptions } from '../core/context';
import type { GroupSensitivity, Sensitivity, SensitivityPoint } from '../core/sensitivity';
import type { TimeOptions } from '../core/timing';
import type { GroupWidths, WidthTable } from '../core/widths';
import { callsHolding, excerpt } from '../edit/excerpt';
import { slice } from '../edit/slice';
import { groupsOf, type Group } from '../graph/group';
import type { Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import { score, type PruneOptions } from './prune';

export interface ScanOptions<N extends Need = never> extends Pick<PruneOptions<N>, 'criterion' | 'groups' | 'protect'> {
  /** Fractions of a group's units that go, in (0, 1). Default: 0.1, 0.2, ... 0.9. */
  readonly ratios?: readonly number[];
  /** Measure statistics of BatchNormalization anew after each cut. Default: false. */
  readonly recalibrate?: boolean | RecalibrateOptions;
}

/**
 * Cuts one group at a time, by each ratio, the lowest scores first, and measures what is left on the validation split (the
 * training split where there is none). A group keeps at least one unit.
 * Paper: Li et al. 2017, 1608.08710, section 3.2.
 * @throws PruneError `bad-ratio`, `bad-option`, `no-groups`, `aborted`.
 */
export async function scanSensitivity<N extends Need>(
  model: Checkpoint,
  options: ScanOptions<N>,
  context: Context<N | 'data'>,
): Promise<Sensitivity> {
  const { criterion, recalibrate = false } = options;
  const ratios = sortedRatios(options.ratios);
  const { traced, scored } = await score(model, options, context);
  const { data, progress, signal } = context;
  const total = scored.length * ratios.length;
  const groups: GroupSensitivity[] = [];
  const dense = await data.evaluate(model);
  for (const item of scored) {
    const points: SensitivityPoint[] = [];
    for (const ratio of ratios) {
      checkAborted('sensitivity', signal);
      const gone = lowest(item, ratio, model);
      const last = points[points.length - 1];
      const again = gone.length === 0 ? dense : last?.removed === gone.length ? scoreOf(last) : undefined;
      const found = again ?? (await data.evaluate(await mended(slice(model, traced, new Set(gone)))));
      points.push({ ratio, removed: gone.length, ...found });
      const done = groups.length * ratios.length + points.length;
      progress({ stage: 'sensitivity', done, total, detail: `${item.group.name}, ${ratio}` });
    }
    const { name, kind, units } = item.group;
    groups.push({ name, kind, units: units.length, points });
  }
  return { criterion: criterion.name, recalibrated: recalibrate !== false, dense, groups };

  function mended(cut: Checkpoint): Promise<Checkpoint> {
    if (recalibrate === false) return Promise.resolve(cut);
    return data.recalibrate(cut, recalibrate === true ? {} : recalibrate);
  }
}

function sortedRatios(ratios: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]): readonly number[] {
  checkNumber('sensitivity', 'the number of ratios', ratios.length, { least: 1 });
  for (const ratio of ratios) checkNumber('sensitivity', 'ratios', checkRatio('sensitivity', ratio), { above: 0 });
  return [...new Set(ratios)].sort((a, b) => a - b);
}

function lowest(item: Scored, ratio: number, model: Checkpoint): readonly number[] {
  return unitsGone([item.group], uniform({ ratio, minimum: 1 })([item], model));
}

function scoreOf({ loss, accuracy }: SensitivityPoint) {
  return accuracy === undefined ? { loss } : { loss, accuracy };
}

export interface WidthOptions extends Omit<TimeOptions, 'atLeast'> {
  /** Only these groups; default: every group that is not frozen. */
  readonly groups?: (group: Group) => boolean;
  /** Widths of a group of so many units; default: some twenty, most of them close together around a half. */
  readonly widths?: (units: number) => readonly number[];
  /** What is timed: the layers that hold the group, side by side as a model of their own (the default), or the whole model. */
  readonly of?: WidthTable['of'];
}

/**
 * Times, group by group, every width in turns with the others; the quickest round counts, for what else a machine does only adds
 * to passes as short as these. Groups whose layers are of the same classes, options and shapes are
 * timed once.
 * @throws PruneError `bad-option`, `no-groups`, `aborted`.
 */
export async function scanWidths(model: Checkpoint, options: WidthOptions, context: BaseContext): Promise<WidthTable> {
  const { batch = 1, runs = 9, of = 'layers', groups: chosen = () => true, widths = widthGrid } = options;
  checkKeyword('measureWidths', 'of', of, ['layers', 'model']);
  const traced = trace(model);
  const free = groupsOf(traced).filter(group => group.frozen === undefined && chosen(group));
  checkNumber('measureWidths', 'the number of groups', free.length, { least: 1 });
  const known = new Map<string, GroupWidths['points']>();
  let backend = '';
  const groups: GroupWidths[] = [];
  for (const group of free) {
    const { name, kind, units } = group;
    const sizes = sortedWidths(widths(units.length), group);
    const key = JSON.stringify([sizes, excerpt(model, traced, callsHolding(traced, units)).topology]);
    let points = of === 'layers' ? known.get(key) : undefined;
    if (points === undefined) {
      const models = sizes.map(width => cutTo(model, traced, group, width, of));
      const times = await context.time('measureWidths', models, { batch, runs, atLeast: 4 });
      backend = times.backend;
      points = sizes.map((width, i) => ({ width, milliseconds: Math.min(...times.rounds[i]) }));
      known.set(key, points);
    }
    groups.push({ name, kind, units: units.length, points });
    context.progress({ stage: 'widths', done: groups.length, total: free.length, detail: name });
  }
  return { backend, batch, runs, of, groups };
}

/** With the first `width` units of `group`: which they are makes no difference to the time. */
function cutTo(model: Checkpoint, traced: Trace, { units }: Group, width: number, of: WidthTable['of']): Checkpoint {
  const cut = slice(model, traced, new Set(units.slice(width)));
  return of === 'model' ? cut : excerpt(cut, trace(cut), callsHolding(traced, units));
}

/** Close together from a half on, where steps show; a quarter, three quarters and all for the slope. */
export function widthGrid(units: number): readonly number[] {
  if (units <= 32) return range(Math.ceil(units / 2), units);
  const start = 16 * Math.floor(units / 32);
  const close = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17].map(step => start + step);
  return [Math.ceil(units / 4), ...close, Math.ceil((3 * units) / 4), units].filter(width => width <= units);
}

function sortedWidths(widths: readonly number[], { name, units }: Group): readonly number[] {
  checkNumber('measureWidths', `the number of widths of "${name}"`, widths.length, { least: 1 });
  for (const width of widths) {
    checkNumber('measureWidths', `widths of "${name}"`, width, { least: 1, most: units.length, integer: true });
  }
  return [...new Set(widths)].sort((a, b) => a - b);
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
