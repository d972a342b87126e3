/** A pruned model and its plan on disk, side by side. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { PruneError } from '../core/errors';
import type { Plan } from '../edit/plan';
import type { Group } from '../graph/group';
import { replaceFiles } from '../io/atomic';
import type { Unit } from '../rules/rule';
import { saveLayersModel } from '../runtime/files';

const NAME = 'plan.json';

export async function savePruned(model: LayersModel, directory: string, plan: Plan): Promise<void> {
  await saveLayersModel(model, directory);
  const main = { name: NAME, parts: [Buffer.from(JSON.stringify(plan))] };
  await replaceFiles(`savePlan "${directory}"`, directory, { main, others: [], beside: [], isObsolete: () => false });
}

/** The plan beside the model at `path`. */
export async function readPlan(path: string): Promise<Plan> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory();
  const file = join(isFolder ? path : dirname(path), NAME);
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Plan;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new PruneError(
      'bad-file',
      {
        place: `verify "${file}"`,
        expected: 'the plan of the cut',
        got: missing ? 'no such file' : (cause as Error).message,
        cure: 'Pass the folder that tfjs-prune prune wrote.',
      },
      { cause },
    );
  }
}

/** @throws PruneError `bad-file` when the plan is of another model. */
export function requireSource({ source }: Plan, sha256: string): void {
  if (source?.sha256 === sha256) return;
  const short = (hash: string): string => hash.slice(0, 12);
  throw new PruneError('bad-file', {
    place: 'plan',
    expected: `the model it was made for (sha256 ${short(String(source?.sha256))})`,
    got: `another one (${short(sha256)})`,
    cure: 'Give it the original model.',
  });
}

/** The units that the plan names. */
export function removedUnits({ groups }: Plan, all: readonly Group[]): ReadonlySet<Unit> {
  const units = new Map(all.map(group => [group.name, group.units]));
  return new Set(groups.flatMap(({ name, removed }) => removed.map(index => units.get(name)![index])));
}
