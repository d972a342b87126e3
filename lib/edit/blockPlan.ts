/** Plans that name whole blocks: they go first, and what the plan says of units is said of the model without them. */
import { leaves, weightsOf, type Checkpoint } from '../core/checkpoint';
import type { RemovedBlock, RemovedStep } from '../core/context';
import { PruneError } from '../core/errors';
import type { Block, Branch } from '../graph/blocks';
import { groupsOf } from '../graph/group';
import { trace } from '../graph/trace';
import type { Unit } from '../rules/rule';
import { composeSteps, describeCut, siteKey, type Plan, type PlanSite } from './plan';
import { branchesNamed, removalProblem, removeBranches } from './remove';

/** What is left of a model, and what went. */
export interface TakenBlocks {
  readonly model: Checkpoint;
  readonly blocks: readonly RemovedBlock[];
  readonly branches: readonly Branch[];
}

/** A block by its name and those of its branches. */
export type NamedBlock = Pick<RemovedBlock, 'name' | 'branches'>;

/** `blocks` by their names. */
export function named(blocks: readonly Block[]): readonly NamedBlock[] {
  return blocks.map(({ name, branches }) => ({ name, branches: branches.map(branch => branch.name) }));
}

/**
 * `model` without `gone`, one block after the other, and what went with each.
 * @throws PruneError `bad-plan` for branches that it does not have or that cannot go.
 */
export function takeBlocks(model: Checkpoint, gone: readonly NamedBlock[]): TakenBlocks {
  let current = model;
  const branches: Branch[] = [];
  const taken = gone.map(({ name, branches: names }): RemovedBlock => {
    const [before, own] = [current, branchesNamed(current, names)];
    if (new Set(names).size !== own.length) refuse(`block "${name}" of ${names.join(', ')}`);
    const problem = removalProblem(before, own);
    if (problem) refuse(`block "${name}", without which there is an ${problem}`);
    branches.push(...own);
    current = removeBranches(before, own);
    return { name, branches: names, layers: lostLayers(before, current) };
  });
  return { model: current, blocks: taken, branches };
}

/** Layers of `before` that are not in `after`, or are another class there. */
function lostLayers(before: Checkpoint, after: Checkpoint): readonly string[] {
  const classes = new Map(leaves(after.topology).map(({ path, spec }) => [path, spec.className]));
  return leaves(before.topology).flatMap(({ path, spec }) => (classes.get(path) === spec.className ? [] : [path]));
}

/**
 * `model` without the blocks of `plan`.
 * @throws PruneError `bad-plan` as {@link takeBlocks}, and for blocks that take other layers than the plan says.
 */
export function takePlanned(model: Checkpoint, { blocks: planned = [] }: Pick<Plan, 'blocks'>): TakenBlocks {
  const taken = takeBlocks(model, planned);
  const odd = taken.blocks.find(({ layers }, i) => String(planned[i].layers) !== String(layers));
  return odd === undefined ? taken : refuse(`block "${odd.name}" with other layers than go with it`);
}

/** All that `steps` removed from `original`, one after the other, in terms of it. */
export function composePlan(
  original: Checkpoint,
  steps: readonly RemovedStep[],
): Pick<Plan, 'version' | 'groups' | 'sites' | 'measured' | 'blocks' | 'turned'> {
  const first = steps.findIndex(step => step.turned);
  if (first >= 0) {
    const turned = steps.flatMap(step => step.turned ?? []);
    return { ...composePlan(original, steps.slice(0, first)), version: 3, turned };
  }
  const composed = composeSteps(steps);
  const gone = steps.flatMap(({ blocks = [] }) => blocks);
  if (gone.length === 0) return { version: 1, ...composed, sites: composed.sites.filter(isOf(original)) };
  const { model, blocks: taken } = takeBlocks(original, gone);
  const traced = trace(model);
  const all = groupsOf(traced);
  const removed = unitsOf(traced.sites, composed.sites);
  return { version: 2, blocks: taken, ...composed, ...describeCut(all, traced, removed) };
}

/** A bias that a layer gained on the way is none of the original's. */
function isOf(original: Checkpoint): (site: PlanSite) => boolean {
  return ({ layer, weight }) => weightsOf(original, layer)[weight] !== undefined;
}

/** The units at the positions that `sites` lost; sites of layers that are gone say nothing. */
function unitsOf(traced: ReturnType<typeof trace>['sites'], sites: readonly PlanSite[]): ReadonlySet<Unit> {
  const kept = new Map(sites.map(site => [siteKey(site), new Set(site.kept)]));
  const removed = new Set<Unit>();
  for (const site of traced) {
    const stays = kept.get(siteKey(site));
    if (stays) site.width.forEach((unit, position) => stays.has(position) || removed.add(unit));
  }
  return removed;
}

function refuse(got: string): never {
  throw new PruneError('bad-plan', {
    place: 'plan',
    expected: 'blocks as the model has them',
    got,
    cure: 'Correct blocks, or make a new plan.',
  });
}
