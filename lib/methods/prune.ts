/** The core step: score units, choose survivors, cut, and prove the cut exact. */
import { unitsGone, type Budget, type Scored } from '../budgets';
import type { Checkpoint } from '../core/checkpoint';
import type { BaseContext, Context, Need } from '../core/context';
import { PruneError } from '../core/errors';
import type { Criterion } from '../criteria';
import { foldConstants, isWhole, type FoldMode } from '../edit/fold';
import { describeCut } from '../edit/plan';
import { mask, slice } from '../edit/slice';
import { groupsOf, type Group } from '../graph/group';
import type { Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import type { Unit } from '../rules/rule';
import type { Method } from './method';

export type GroupFilter = (group: Group, traced: Trace) => boolean;

export interface PruneOptions<N extends Need = never> {
  readonly criterion: Criterion<N>;
  readonly budget: Budget;
  /** Only these groups are scored; default: every group that is not frozen. */
  readonly groups?: GroupFilter;
  /** Paths of layers whose own outputs keep every unit. */
  readonly protect?: readonly string[];
  /**
   * What a removed unit gives that no example changes moves into the biases behind it: only where nothing else changes
   * ('exact'), or also where the edge of an image then differs ('bounded'). Default false: the weights that stay are the
   * original's, so that a plan can be checked, and undone, to the last bit.
   */
  readonly fold?: FoldMode | false;
  /** With `fold: 'bounded'`: a gamma of at most this size counts as zero. Default 0. */
  readonly deadGamma?: number;
}

/**
 * Removes the units that `budget` lets go after `criterion` has scored them. No training; with `fold` the biases (and means
 * behind layers without one) that read constant units change, nothing else does. Every run carries a certificate that the
 * smaller model equals the masked one; where all that went was folded, another one that it equals the model before.
 * @throws PruneError `no-rule`, `no-groups`, `bad-option`, `empty-group`, `not-exact`.
 */
export function prune<N extends Need = never>(options: PruneOptions<N>): Method<N> {
  const { criterion } = options;
  return {
    name: `prune(${criterion.name})`,
    paper: criterion.paper,
    needs: criterion.needs,
    settings: options,
    async run(model, context) {
      const choice = await choose(model, options, context);
      return cutOut('prune', model, choice, context, fold(model, choice, options, context));
    },
  };
}

/** Units to remove from a model, before anything is cut. */
export interface Choice {
  readonly traced: Trace;
  readonly all: readonly Group[];
  readonly removed: ReadonlySet<Unit>;
  /** How many there were to choose from. */
  readonly candidates: number;
}

/** What a budget is given. */
export async function score<N extends Need>(
  model: Checkpoint,
  options: Omit<PruneOptions<N>, 'budget'>,
  context: Context<N>,
): Promise<Pick<Choice, 'traced' | 'all'> & { readonly scored: readonly Scored[] }> {
  const traced = trace(model);
  const all = groupsOf(traced);
  return { traced, all, scored: await scoreGroups(eligible(traced, all, options), options, model, context) };
}

/** What {@link prune} would remove. */
export async function choose<N extends Need>(
  model: Checkpoint,
  options: PruneOptions<N>,
  context: Context<N>,
): Promise<Choice> {
  const { traced, all, scored } = await score(model, options, context);
  const survivors = options.budget(scored, model, context.example);
  return {
    traced,
    all,
    removed: new Set(unitsGone(all, survivors)),
    candidates: scored.reduce((sum, { scores }) => sum + scores.length, 0),
  };
}

/** `model` without the units chosen: certified, told to the plan and to the report. */
export async function cutOut(
  place: string,
  model: Checkpoint,
  { traced, all, removed, candidates }: Choice,
  context: BaseContext,
  { model: ready, whole }: Folded = { model, whole: false },
): Promise<Checkpoint> {
  const sliced = slice(ready, traced, removed);
  await context.certify(place, mask(ready, traced, removed), sliced);
  if (whole) await context.certify(`${place}, constant units`, model, sliced);
  context.removed(describeCut(all, traced, removed), model);
  context.log(`removed ${removed.size} of ${candidates} units`);
  await context.stage('pruned', sliced);
  return sliced;
}

/** A model ready to be cut, and whether nothing is lost by it at all. */
interface Folded {
  readonly model: Checkpoint;
  readonly whole: boolean;
}

function fold<N extends Need>(
  model: Checkpoint,
  { traced, removed }: Choice,
  { fold: mode = false, deadGamma }: PruneOptions<N>,
  { log }: BaseContext,
): Folded {
  if (mode === false) return { model, whole: false };
  const result = foldConstants(model, traced, removed, { mode, deadGamma });
  const units = new Set(result.folded.map(({ unit }) => unit)).size;
  if (units > 0) log(`folded ${units} constant units into what reads them`);
  return { model: result.model, whole: isWhole(result) };
}

function eligible<N extends Need>(
  traced: Trace,
  all: readonly Group[],
  { criterion, groups, protect = [] }: Omit<PruneOptions<N>, 'budget'>,
): readonly Group[] {
  const makers = new Set(all.flatMap(({ sites }) => sites.map(({ layer }) => layer)));
  for (const path of protect) if (!makers.has(path)) throw unknownLayer(path, [...makers]);
  const reasons: string[] = [];
  const open = all.filter(group => {
    const reason = reasonToKeep(group);
    if (reason) reasons.push(`${group.name}: ${reason}`);
    return !reason;
  });
  if (open.length > 0) return open;
  throw new PruneError('no-groups', {
    place: 'prune',
    expected: 'at least one group that can be pruned',
    got: `none (${reasons.join('; ')})`,
    cure: `Protect fewer layers, or use a criterion that covers them${criterion.name === 'gamma' ? ' (gamma needs BatchNormalization: wrap layers with slimmable)' : ''}.`,
  });

  function reasonToKeep(group: Group): string | undefined {
    if (group.frozen) return group.frozen;
    const own = group.sites.filter(({ role }) => role !== 'reads').map(({ layer }) => layer);
    if (own.some(path => protect.includes(path))) return 'protected';
    if (groups && !groups(group, traced)) return 'not selected';
    return criterion.covers?.(group, traced) === false ? `not covered by ${criterion.name}` : undefined;
  }
}

async function scoreGroups<N extends Need>(
  groups: readonly Group[],
  { criterion }: Pick<PruneOptions<N>, 'criterion'>,
  model: Checkpoint,
  context: Context<N>,
): Promise<readonly Scored[]> {
  const all = await criterion.score(groups, model, context);
  context.progress({ stage: `score ${criterion.name}`, done: groups.length, total: groups.length });
  return groups.map((group, i) => {
    const { values: scores, standardError } = all[i] ?? { values: new Float64Array() };
    const bad = scores.findIndex(Number.isNaN);
    if (bad >= 0 || scores.length !== group.units.length) throw badScores(criterion.name, group, scores);
    return { group, scores, ...(standardError && { standardError }) };
  });
}

function badScores(name: string, group: Group, scores: Float64Array): PruneError {
  return new PruneError('bad-weights', {
    place: `criterion ${name}, group "${group.name}"`,
    expected: `${group.units.length} scores that are numbers`,
    got: `${scores.length} scores, ${scores.filter(Number.isNaN).length} of them NaN`,
    cure: 'Look for NaN in the weights of its layers.',
  });
}

function unknownLayer(path: string, known: readonly string[]): PruneError {
  return new PruneError('bad-option', {
    place: 'prune',
    expected: `protect to name layers with weights, such as ${known.slice(0, 3).join(', ')}`,
    got: `"${path}"`,
    cure: 'Use the path that inspect prints.',
  });
}
