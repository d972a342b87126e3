/** The plan.json beside a model. What is in a plan is for others to judge; here it is a file. */
import { PruneError } from '../core/errors';
import { isRecord, parseObject, type Json, type Refuse } from '../core/json';
import { openSource } from './source';

export const PLAN_FILE = 'plan.json';

/**
 * The JSON object in `path`: a plan.json, the folder that holds one, or its http(s) address; and the metadata of the
 * model.json beside it, where there is one.
 * @throws PruneError `bad-file` when it is missing or no JSON object.
 */
export async function readPlanJson(
  path: string,
): Promise<{ readonly name: string; readonly json: Json; readonly metadata?: Json }> {
  const caller = 'readPlanFile';
  const source = await openSource(path, { caller, main: PLAN_FILE });
  const text = await source.readMain();
  const refuse: Refuse = (expected, got, cure = 'Save the plan again.') => {
    throw new PruneError('bad-file', { place: `${caller} "${source.name}"`, expected, got, cure });
  };
  const json = parse(text, refuse);
  const model = await source.readBeside('model.json', MOST_MODEL).catch(() => undefined);
  const { userDefinedMetadata } = model ? parseQuietly(model) : {};
  return { name: source.name, json, ...(isRecord(userDefinedMetadata) && { metadata: userDefinedMetadata }) };
}

/** Whether a file of that name is ours to replace, and not somebody's other plan. */
export function isPlanFile(text: string): boolean {
  try {
    const { version, source, sites } = JSON.parse(text) as Json;
    return version !== undefined && isRecord(source) && typeof source.sha256 === 'string' && Array.isArray(sites);
  } catch {
    return false;
  }
}

const MOST_MODEL = 64 * 1024 * 1024;

function parse(bytes: Uint8Array, refuse: Refuse): Json {
  return parseObject(Buffer.from(bytes).toString('utf8'), refuse, 'a plan.json, or the folder that holds it');
}

function parseQuietly(bytes: Uint8Array): Json {
  const pass: Refuse = () => {
    throw new Error('unreadable');
  };
  try {
    return parse(bytes, pass);
  } catch {
    return {};
  }
}
