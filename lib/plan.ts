/** Plans in public: made before anything is cut, edited, carried out, and undone. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  compress,
  type Compressed,
  type CompressOptions,
  type DataFor,
  type Restorable,
  type RunSettings,
} from './compress';
import type { Checkpoint } from './core/checkpoint';
import type { Need } from './core/context';
import { hashOf } from './core/hash';
import { removedUnits, requireSource, withRemoved, type Edits } from './edit/apply';
import { takePlanned } from './edit/blockPlan';
import { describeCut, type Plan } from './edit/plan';
import { putBack, requireLayers, type Removed } from './edit/restore';
import { unwrap } from './edit/slim';
import { groupsOf } from './graph/group';
import { trace } from './graph/trace';
import { lookAt } from './lookAt';
import { cut, prune, type PruneOptions } from './methods';
import { choose } from './methods/prune';
import { explain } from './report/explain';
import { capture } from './runtime/capture';

/** What to remove, as `prune` takes it, and the settings of the run. */
export type PlanOptions<N extends Need> = PruneOptions<N> & RunSettings & DataFor<N>;

/**
 * What `compress(model, prune(options))` would remove, without cutting anything: every group with the sites that go
 * with it and why, what is frozen and why, and what each removal saves. JSON; the same seed gives the same plan.
 * @throws PruneError as `prune` does.
 */
export async function plan<N extends Need = never>(model: LayersModel, options: PlanOptions<N>): Promise<Plan> {
  const { original, context } = await lookAt(model, options);
  const { all, traced, removed } = await choose(original, options, context);
  const source = { sha256: await hashOf(original) };
  const { name: method } = prune(options);
  return explain(original, { version: 1, source, method, seed: context.seed, ...describeCut(all, traced, removed) });
}

/**
 * `given` with other removals: `edits` holds, by group, the indices of the units to remove instead. Sites and savings
 * follow, also where `given` was changed by hand.
 * @throws PruneError `bad-plan` as {@link applyPlan}, `empty-group` when a layer would lose all units.
 */
export async function editPlan(model: LayersModel, given: Plan, edits: Edits): Promise<Plan> {
  const original = unwrap(await capture(model));
  requireSource(given, await hashOf(original));
  const { version, source, method, seed, blocks, ...edited } = withRemoved(given, edits);
  const traced = trace(takePlanned(original, given).model);
  const all = groupsOf(traced);
  const removed = removedUnits(edited, all);
  return explain(original, { version, source, method, seed, ...(blocks && { blocks }), ...describeCut(all, traced, removed) }); // prettier-ignore
}

export type ApplyOptions = Omit<CompressOptions<never>, 'seed'>;

/**
 * Carries `given` out on a copy of `model`, certified and accounted for as by `compress`.
 * @throws PruneError `bad-plan` for a plan of another model, groups it does not have, units out of range or twice, removals
 * from frozen groups, sites that contradict the groups; `empty-group`, `not-exact`.
 */
export function applyPlan(
  model: LayersModel,
  given: Plan,
  options: ApplyOptions & { readonly keepRemoved: true },
): Promise<Restorable>;
export function applyPlan(model: LayersModel, given: Plan, options?: ApplyOptions): Promise<Compressed>;
export function applyPlan(model: LayersModel, given: Plan, options: ApplyOptions = {}): Promise<Compressed> {
  return compress(model, cut(given), { ...options, seed: given.seed });
}

/**
 * The original of `small`, byte for byte where `small` was not trained since; where it was, what stayed keeps what it
 * learnt. `given` and `removed` are those of the run that made `small`, with `keepRemoved`.
 * @throws PruneError `bad-plan` when the three do not belong together.
 */
export async function restore(small: LayersModel | Checkpoint, given: Plan, removed: Removed): Promise<Checkpoint> {
  requireLayers(given, removed);
  return putBack('topology' in small ? small : unwrap(await capture(small)), given.sites, removed);
}
