/** A tokenizer as the files it is made of, so far as tokens can be taken out of it. */
import { dirname } from 'node:path';
import { fileBytes, readAll } from '../io/bytes';
import { filesBeside } from './beside';
import { openScoreFiles } from './scoreFiles';
import { BESIDE_FILES } from './tokenizerBeside';
import { openTokenizerJson } from './tokenizerJson';
import type { TokenizerFiles } from './tokens';
import { tokenizerFile } from './tokenizer';

/**
 * Of the `tokenizer.json` or the `tokenizer.bin` of llama2.c at `path` or in the folder `path`, with what lies beside it.
 * @throws PruneError `bad-file` when it is missing, damaged, or of a kind whose tokens cannot be taken out.
 */
export async function openTokenizerFiles(path: string): Promise<TokenizerFiles> {
  const file = await tokenizerFile(path);
  const bytes = await readAll(await fileBytes(file));
  if (!file.endsWith('.json')) return openScoreFiles(bytes, file);
  return openTokenizerJson(bytes, file, await filesBeside(dirname(file), BESIDE_FILES));
}
