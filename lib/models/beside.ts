/** What lies beside the tensors in a folder of a model: its config, and files that go along unchanged. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '../core/json';
import { jsonFile, type WholeFile } from '../io/atomic';
import { fileBytes, fileRefuser, readAll } from '../io/bytes';
import { CONFIG_FILE } from './config';

export function configFile(json: Json): WholeFile {
  return jsonFile(CONFIG_FILE, json);
}

/**
 * The files of `folder` whose names are `wanted`, in the order of their names.
 * @throws PruneError `bad-file` when it is no folder, or one of them cannot be read.
 */
export async function filesBeside(folder: string, wanted: RegExp): Promise<WholeFile[]> {
  const refuse = fileRefuser(`tokenizer "${folder}"`);
  const all = await readdir(folder).catch(() => refuse('a folder with tokenizer files', 'none', 'Check the path.'));
  const names = all.filter(name => wanted.test(name)).sort();
  return Promise.all(names.map(async name => ({ name, parts: [await readAll(await fileBytes(join(folder, name)))] })));
}
