/** As much of each group as a scan says that it can lose. */
import { checkKeyword, checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import type { GroupSensitivity, Sensitivity } from '../core/sensitivity';
import {
  checkBudget,
  floorOf,
  keepBest,
  withSettings,
  type Budget,
  type Limits,
  type Scored,
  type Survivors,
} from './budget';
import { takeLowest, unitCount } from './ranking';

export interface BySensitivityOptions extends Limits {
  /** What `sensitivity` found, on the same model. */
  readonly scan: Sensitivity;
  /** The most that a group may lose by itself: accuracy as a fraction (0.01 = a point), or loss. */
  readonly drop?: number;
  /** Or the fraction of all units to remove, in [0, 1): groups then go as far as costs each the same. */
  readonly ratio?: number;
  /** What is lost; default: accuracy where the scan has it. */
  readonly measure?: 'accuracy' | 'loss';
}

/**
 * Removes from each group the lowest scores, as many as lose at most `drop` when it alone is cut; or round(ratio * units) of
 * all, exactly, where the next unit always comes from the group that has lost least so far. Between the ratios of the scan
 * the loss is a straight line, never falling; past the last a group gives nothing. As the scope of `costTarget`:
 * `options => bySensitivity({ ...options, scan })`.
 * With `multipleOf`, `drop` rounds the units that stay up; `ratio` rounds as the other budgets do.
 * Paper: Li et al. 2017, 1608.08710, section 3.2 (sensitive layers lose less).
 * Differs: there ratios are set by hand, stage by stage; here they follow from the curves.
 * @throws PruneError `bad-option`, `bad-ratio`; when run, `bad-option` for a scored group that the scan does not know as it
 * is, `empty-group` when floors and scan leave too little to remove.
 */
export function bySensitivity({ scan, drop, ratio, measure, ...options }: BySensitivityOptions): Budget {
  if ((drop === undefined) === (ratio === undefined)) throw oneOf(drop);
  checkBudget('bySensitivity', { ...options, ratio: ratio ?? 0 });
  if (drop !== undefined) checkNumber('bySensitivity', 'drop', drop, { least: 0 });
  const what = checkKeyword('bySensitivity', 'measure', measure ?? lossKind(scan), ['accuracy', 'loss']);
  if (what === 'accuracy' && lossKind(scan) === 'loss') throw noAccuracy();
  const budget: Budget = scored => {
    const costs = scored.map(item => unitCosts(item, scan, what));
    return drop === undefined
      ? removeCheapest(scored, costs, ratio!, options)
      : removeUpTo(scored, costs, drop, options);
  };
  return withSettings(budget, { scan, drop, ratio, measure: what, ...options });
}

function lossKind({ dense }: Sensitivity): 'accuracy' | 'loss' {
  return dense.accuracy === undefined ? 'loss' : 'accuracy';
}

/** For each number of units that go, from 1 on, what is lost; ends where the scan does. */
function unitCosts({ group, scores }: Scored, scan: Sensitivity, what: 'accuracy' | 'loss'): number[] {
  const size = scores.length;
  const found = scan.groups.find(({ name }) => name === group.name);
  if (found?.units !== size) throw unscanned(group.name, size, found, scan);
  const curve = found.points.reduce(
    (points, point) => {
      const lost = what === 'loss' ? point.loss - scan.dense.loss : scan.dense.accuracy! - (point.accuracy ?? 0);
      return [...points, { removed: point.removed, lost: Math.max(lost, points[points.length - 1].lost) }];
    },
    [{ removed: 0, lost: 0 }],
  );
  const most = Math.min(size - 1, curve[curve.length - 1].removed);
  return Array.from({ length: most }, (_, i) => {
    const end = curve.findIndex(({ removed }) => removed >= i + 1);
    const [from, to] = [curve[end - 1], curve[end]];
    return from.lost + ((i + 1 - from.removed) / (to.removed - from.removed)) * (to.lost - from.lost);
  });
}

function removeUpTo(scored: readonly Scored[], costs: readonly number[][], drop: number, options: Limits): Survivors {
  const { minimum = 0, multipleOf = 1 } = options;
  return new Map(
    scored.map((item, i) => {
      const size = item.scores.length;
      const gone = costs[i].filter(cost => cost <= drop + 1e-9).length; // 0.9 - 0.85 is more than 0.05
      const count = Math.ceil(Math.max(size - gone, floorOf(item.group, minimum)) / multipleOf) * multipleOf;
      return keepBest(item, Math.min(count, size), options);
    }),
  );
}

/** A global ranking in which a unit's score is what is lost once it and those before it have gone. */
function removeCheapest(
  scored: readonly Scored[],
  costs: readonly number[][],
  ratio: number,
  options: Limits,
): Survivors {
  const { minimum = 0 } = options;
  const remove = Math.round(ratio * unitCount(scored));
  const tie = 1e-6 * Math.max(...costs.flat(), 1e-6);
  const ranked = scored.map(({ group }, i): Scored => {
    const size = group.units.length;
    // The last of them goes first, as takeLowest takes of equal scores; units past the scan never come up.
    const cost = (place: number): number => (costs[i][place] ?? Infinity) + (tie * place) / size;
    return { group, scores: Float64Array.from({ length: size }, (_, unit) => cost(size - 1 - unit)) };
  });
  const most = new Map(scored.map(({ group }, i) => [group.name, costs[i].length]));
  const { counts, removed, isShort } = takeLowest(ranked, remove, group =>
    Math.max(floorOf(group, minimum), group.units.length - most.get(group.name)!),
  );
  if (isShort) throw tooMuch(remove, removed, scored.length);
  return new Map(scored.map((item, i) => keepBest(item, counts[i], options)));
}

function oneOf(drop: number | undefined): PruneError {
  return new PruneError('bad-option', {
    place: 'bySensitivity',
    expected: 'one of drop and ratio',
    got: drop === undefined ? 'neither' : 'both',
    cure: 'Pass for example drop: 0.01, or ratio: 0.5.',
  });
}

function noAccuracy(): PruneError {
  return new PruneError('bad-option', {
    place: 'bySensitivity',
    expected: 'a scan with accuracies',
    got: 'one of losses alone',
    cure: "Leave measure out, or set measure: 'loss'.",
  });
}

function unscanned(name: string, size: number, found: GroupSensitivity | undefined, scan: Sensitivity): PruneError {
  const known = scan.groups.map(group => group.name);
  return new PruneError('bad-option', {
    place: 'bySensitivity',
    expected: found ? `group "${name}" to have ${found.units} units, as it was scanned` : `a scan of group "${name}"`,
    got: found ? `${size} units` : `one of ${known.slice(0, 3).join(', ')}${known.length > 3 ? ', ...' : ''}`,
    cure: 'Scan the model that is pruned, with the same groups and protect.',
  });
}

function tooMuch(wanted: number, possible: number, groupCount: number): PruneError {
  return new PruneError('empty-group', {
    place: 'bySensitivity',
    expected: `to remove ${wanted} units from ${groupCount} groups`,
    got: `only ${possible} that the minimum per group and the ratios scanned let go`,
    cure: 'Lower ratio or minimum, or scan higher ratios.',
  });
}
