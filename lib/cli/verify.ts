/** `tfjs-prune verify`: the proof of a cut, on the files. */
import { PruneError } from '../core/errors';
import { hashOf } from '../core/hash';
import { removedUnits, requireSites, requireSource } from '../edit/apply';
import { takePlanned } from '../edit/blockPlan';
import { describeCut } from '../edit/plan';
import { skipBranches } from '../edit/remove';
import { mask } from '../edit/slice';
import { groupsOf } from '../graph/group';
import { trace } from '../graph/trace';
import { count, tiny } from '../report/numbers';
import { certify } from '../runtime/certify';
import { readPlanFile } from '../runtime/files';
import type { Command, Given } from './command';
import { fileBeside, readCheckpoint } from './model';

/** Largest relative difference that counts as equal, as when a cut is made. */
const LIMIT = 1e-5;

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'whether a pruned model equals its original without the units it lost',
  operands: ['ORIGINAL', 'PRUNED'],
  options: {},
  help: {
    about:
      'Reads the plan.json beside PRUNED, zeroes in ORIGINAL whatever reads the units that it names, and runs both on\n' +
      'random inputs. Exit code 1 where they differ, as they do once PRUNED has been trained after the cut.',
    example: 'tfjs-prune verify models/digits out/slim',
  },
  async run(given) {
    const [original, pruned] = given.paths;
    const { error, probes, removed, blocks } = await compare(original, pruned, given);
    if (!(error <= LIMIT)) throw notEqual(pruned, error);
    if (given.has('json'))
      return JSON.stringify(
        { original, pruned, removed, ...(blocks > 0 && { blocks }), error, limit: LIMIT, probes },
        null,
        2,
      );
    return [
      `${pruned} equals ${original} without ${count(removed)} of its units${blocks > 0 ? ` and ${blocks} of its blocks` : ''}:`,
      `largest relative difference ${tiny(error)} on ${probes} random inputs (limit ${tiny(LIMIT)})`,
    ].join('\n');
  },
};

/** The masked original against the pruned model, whatever the outcome. */
async function compare(original: string, pruned: string, given: Given) {
  const plan = await readPlanFile(fileBeside(pruned, 'plan.json'));
  const whole = await readCheckpoint(original, given);
  requireSource(plan, await hashOf(whole));
  const { model: base, branches } = takePlanned(whole, plan);
  const traced = trace(base);
  const all = groupsOf(traced);
  const removed = removedUnits(plan, all);
  requireSites(plan, describeCut(all, traced, removed).sites);
  const small = await readCheckpoint(pruned, given);
  const options = { seed: plan.seed, tolerance: Infinity };
  const { error, probes } = await certify(
    'verify',
    mask(skipBranches(whole, branches), traced, removed),
    small,
    options,
  );
  return { error, probes, removed: removed.size, blocks: plan.blocks?.length ?? 0 };
}

function notEqual(pruned: string, error: number): PruneError {
  return new PruneError('not-exact', {
    place: `verify "${pruned}"`,
    expected: `the original with its removed units masked, within ${tiny(LIMIT)}`,
    got: Number.isFinite(error) ? `a relative difference of ${tiny(error)}` : 'outputs of other shapes or not finite',
    cure: 'It was trained after the cut, or plan.json is of another cut.',
  });
}
