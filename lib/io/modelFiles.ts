/**
 * io: model files on disk, in Node without native add-ons. Knows file formats and nothing of tf.js: tf.js itself turns a
 * model into this data and back (at the edge), so that what we write is what it writes.
 * This file: reads and writes model.json with its weight shards, the format of `tf.loadLayersModel`.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PruneError } from '../core/errors';
import { replaceFiles, type NewFile } from './atomic';
import { byteLengthOf, parseManifest, shardNames, type WeightSpec } from './manifest';
import { completeTopology } from './topology';

/** A layers-model as data, in the shape of `tf.io.ModelArtifacts`. */
export interface ModelArtifacts {
  readonly modelTopology: object;
  /** In the order of the bytes in `weightData`. */
  readonly weightSpecs: readonly WeightSpec[];
  /** All bytes, cut anywhere. */
  readonly weightData: readonly ArrayBuffer[];
  readonly generatedBy?: string;
  readonly convertedBy?: string | null;
  readonly userDefinedMetadata?: Readonly<Record<string, unknown>>;
}

/** Browsers cache files up to this size well, and tf.js fetches shards side by side. */
const SHARD_BYTES = 4 * 1024 * 1024;

/**
 * Writes `model.json` and its shards into `directory`, making it if need be. A model that is there already stays whole
 * until the new one is: shards are named by their content and `model.json` is swapped last. Other files are left alone.
 * The same model gives the same bytes.
 * @throws PruneError `bad-model` when two weights share one name, `bad-file` when the folder cannot be written.
 */
export async function writeModelFiles(artifacts: ModelArtifacts, directory: string): Promise<void> {
  const place = `saveLayersModel "${directory}"`;
  requireFolderName(place, directory);
  requireUniqueNames(place, artifacts.weightSpecs);
  const { weightSpecs, weightData, generatedBy, convertedBy = null, userDefinedMetadata } = artifacts;
  const modelTopology = completeTopology(artifacts.modelTopology, weightSpecs);
  const shards = nameShards(cut(weightData));
  const weightsManifest = shards.length === 0 ? [] : [{ paths: shards.map(({ name }) => name), weights: weightSpecs }];
  const description = { format: 'layers-model', generatedBy, convertedBy, userDefinedMetadata };
  const json = JSON.stringify({ modelTopology, ...description, weightsManifest });
  const main: NewFile = { name: 'model.json', parts: [Buffer.from(json)] };
  await replaceFiles(place, directory, { main, others: shards, isObsolete: await shardsIn(directory) });
}

/**
 * Reads a model from a `model.json` or the folder that holds one, as written here, by tf.js or by tensorflowjs_converter.
 * @throws PruneError `bad-file` when a file is missing, damaged, of another format or contradicts another.
 */
export async function readModelFiles(path: string): Promise<ModelArtifacts> {
  const file = await locate(path);
  const { groups, ...model } = parseManifest(file, (await read(file, 'a model file')).toString('utf8'));
  const weightData: ArrayBuffer[] = [];
  for (const { paths, weights } of groups) {
    const shards: ArrayBuffer[] = [];
    for (const shard of paths) {
      const { buffer } = new Uint8Array(await read(join(dirname(file), shard), `a shard named in "${file}"`));
      shards.push(buffer);
    }
    requireBytes(file, weights, paths, shards);
    weightData.push(...shards);
  }
  return { ...model, weightSpecs: groups.flatMap(({ weights }) => weights), weightData };
}

async function locate(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ? join(path, 'model.json') : path;
}

async function read(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const complaint = {
      place: `loadLayersModel "${file}"`,
      expected: what,
      got: missing ? 'no such file' : (cause as Error).message,
      cure: missing ? 'Check the path, or copy the whole model folder again.' : 'Check the file and its permissions.',
    };
    throw new PruneError('bad-file', complaint, { cause });
  }
}

function requireBytes(
  file: string,
  weights: readonly WeightSpec[],
  paths: readonly string[],
  shards: readonly ArrayBuffer[],
): void {
  const expected = weights.reduce((sum, weight) => sum + byteLengthOf(weight), 0);
  const got = shards.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (expected === got) return;
  const sizes = paths.map((path, i) => `${path}: ${shards[i].byteLength}`);
  throw new PruneError('bad-file', {
    place: `loadLayersModel "${file}"`,
    expected: `${expected} bytes of weights in ${paths.length} shards`,
    got: `${got} (${sizes.length > 4 ? [...sizes.slice(0, 3), '...'].join(', ') : sizes.join(', ')})`,
    cure: 'A shard is damaged or of another model; copy the whole model folder again.',
  });
}

function requireFolderName(place: string, directory: string): void {
  if (!/\.json$/.test(basename(directory))) return;
  throw new PruneError('bad-option', {
    place,
    expected: 'a folder to save into',
    got: `the file name "${basename(directory)}"`,
    cure: `Pass "${dirname(directory)}"; the file in it is called model.json.`,
  });
}

/** tf.js finds weights by name and refuses such a file only when it is loaded, when it may be too late. */
function requireUniqueNames(place: string, specs: readonly WeightSpec[]): void {
  const seen = new Set<string>();
  for (const { name } of specs) {
    if (seen.has(name)) {
      throw new PruneError('bad-model', {
        place,
        expected: 'a name of its own for every weight',
        got: `two weights "${name}"`,
        cure: 'Rename one of the two layers; tf.js cannot load such a file.',
      });
    }
    seen.add(name);
  }
}

/** Views of the bytes, grouped into shards. */
function cut(data: readonly ArrayBuffer[]): Uint8Array[][] {
  const shards: Uint8Array[][] = [];
  let room = 0;
  for (const buffer of data) {
    for (let from = 0; from < buffer.byteLength;) {
      if (room === 0) {
        shards.push([]);
        room = SHARD_BYTES;
      }
      const length = Math.min(room, buffer.byteLength - from);
      shards[shards.length - 1].push(new Uint8Array(buffer, from, length));
      from += length;
      room -= length;
    }
  }
  return shards;
}

function nameShards(shards: readonly Uint8Array[][]): NewFile[] {
  return shards.map((parts, i) => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return { name: `group1-shard${i + 1}of${shards.length}-${hash.digest('hex').slice(0, 16)}.bin`, parts };
  });
}

/** Which files belong to the model now in `directory`; none when there is none that can be read. */
async function shardsIn(directory: string): Promise<(name: string) => boolean> {
  const json = await readFile(join(directory, 'model.json'), 'utf8').catch(() => '');
  const names = new Set(shardNames(json));
  return name => names.has(name);
}
