/** A JSON file of ours beside a model. What is in it is for others to judge. */
import { PruneError } from '../core/errors';
import { isRecord, parseObject, type Json, type Refuse } from '../core/json';
import { textOf } from './bytes';
import { openSource, type Source } from './source';

export interface JsonFile {
  readonly source: Source;
  readonly json: Json;
}

/**
 * The JSON object in `path`: a file of the name `main`, the folder that holds one, or its http(s) address.
 * @throws PruneError `bad-file` when it is missing or no JSON object.
 */
export async function readJsonFile(
  path: string,
  at: { readonly caller: string; readonly main: string },
): Promise<JsonFile> {
  const source = await openSource(path, at);
  const bytes = await source.readMain();
  const refuse: Refuse = (expected, got, cure = 'Save it again.') => {
    throw new PruneError('bad-file', { place: `${at.caller} "${source.name}"`, expected, got, cure });
  };
  return { source, json: parseObject(textOf(bytes), refuse, `a ${at.main}, or the folder that holds it`) };
}

/** The metadata that the model.json beside the file holds; undefined where there is none that can be read. */
export async function metadataBeside({ source }: JsonFile): Promise<Json | undefined> {
  const bytes = await source.readBeside('model.json', MOST_MODEL).catch(() => undefined);
  const { userDefinedMetadata } = (bytes && objectIn(textOf(bytes))) ?? {};
  return isRecord(userDefinedMetadata) ? userDefinedMetadata : undefined;
}

/** The object that `text` is the JSON of; undefined where it is not. */
export function objectIn(text: string): Json | undefined {
  try {
    return parseObject(text, unreadable, '');
  } catch {
    return undefined;
  }
}

const MOST_MODEL = 64 * 1024 * 1024;

function unreadable(): never {
  throw new Error('unreadable');
}
