/** Blocks out of a model, with the proof. */
import type { Checkpoint } from '../core/checkpoint';
import type { BaseContext } from '../core/context';
import type { TakenBlocks } from '../edit/blockPlan';
import { describeCut } from '../edit/plan';
import { skipBranches } from '../edit/remove';
import { groupsOf } from '../graph/group';
import { trace } from '../graph/trace';

/** What `taken` left of `model`: certified to be the model that skips the blocks, told to the plan and to the report. */
export async function dropBlocks(
  place: string,
  model: Checkpoint,
  { model: left, blocks, branches }: TakenBlocks,
  context: BaseContext,
): Promise<Checkpoint> {
  await context.certify(place, skipBranches(model, branches), left);
  const traced = trace(left);
  context.removed({ ...describeCut(groupsOf(traced), traced, new Set()), blocks }, model);
  context.log(`removed ${blocks.length} blocks: ${blocks.map(({ name }) => name).join(', ')}`);
  await context.stage('dropped', left);
  return left;
}
