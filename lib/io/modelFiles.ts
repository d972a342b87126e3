/**
 * io: model files, in Node without native add-ons. Knows file formats and nothing of tf.js: tf.js itself turns a model into
 * this data and back (at the edge), so that what we write is what it writes.
 * This file: reads and writes model.json with its weight shards, the format of `tf.loadLayersModel`.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PruneError } from '../core/errors';
import { isPlanFile, isReportFile, PLAN_FILE, REPORT_FILE } from './accountFiles';
import { replaceFiles, textFile, type NewFile } from './atomic';
import { textOf } from './bytes';
import { firstTwin, type Json } from '../core/json';
import { byteLengthOf, parseManifest, refuser, shardNames, type WeightGroup, type WeightSpec } from './manifest';
import { quantizeWeights, type Precision } from './quantize';
import { openSource, type GivenFile, type Source } from './source';
import { completeTopology } from './topology';

/** A layers-model as data, in the shape of `tf.io.ModelArtifacts`. */
export interface ModelArtifacts {
  readonly modelTopology: Json;
  /** In the order of the bytes in `weightData`. */
  readonly weightSpecs: readonly WeightSpec[];
  /** All bytes, cut anywhere. */
  readonly weightData: readonly ArrayBuffer[];
  readonly generatedBy?: string;
  readonly convertedBy?: string | null;
  readonly userDefinedMetadata?: Json;
}

export interface WriteOptions {
  /** Stores the float32 weights in 8 or 16 bits; tf.js widens them when it loads the file. */
  readonly quantize?: Precision;
  /** Text of the plan.json to go with the model. */
  readonly plan?: string;
  /** And of the report.json. */
  readonly report?: string;
}

/** Browsers cache files up to this size well, and tf.js fetches shards side by side. */
const SHARD_BYTES = 4 * 1024 * 1024;

/**
 * Writes `model.json` and its shards into `directory`, making it if need be. A model that is there already stays whole
 * until the new one is: shards are named by their content and `model.json` is swapped last. Other files are left alone, but
 * for the plan.json and report.json of the old model. The same model gives the same bytes.
 * @throws PruneError `bad-model` when two weights share one name, `bad-weights` for what `quantize` cannot store, `bad-option`
 * for metadata that JSON cannot hold, `bad-file` when the folder cannot be written.
 */
export async function writeModelFiles(
  artifacts: ModelArtifacts,
  directory: string,
  { quantize, plan, report }: WriteOptions = {},
): Promise<void> {
  const place = `saveLayersModel "${directory}"`;
  requireFolderName(place, directory);
  requireUniqueNames(place, artifacts.weightSpecs);
  const { generatedBy, convertedBy = null, userDefinedMetadata } = artifacts;
  const { weightSpecs, weightData } = quantize ? quantizeWeights(place, artifacts, quantize) : artifacts;
  const modelTopology = completeTopology(artifacts.modelTopology, weightSpecs);
  const shards = nameShards(cut(weightData));
  const weightsManifest = shards.length === 0 ? [] : [{ paths: shards.map(({ name }) => name), weights: weightSpecs }];
  const description = { format: 'layers-model', generatedBy, convertedBy, userDefinedMetadata };
  const json = toJson(place, { modelTopology, ...description, weightsManifest });
  await replaceFiles(place, directory, {
    main: textFile('model.json', json),
    others: shards,
    beside: [...textFiles(PLAN_FILE, plan), ...textFiles(REPORT_FILE, report)],
    isObsolete: await filesOfModelIn(directory),
  });
}

/**
 * Reads a model from a `model.json`, the folder that holds one, its http(s) address, or the files themselves, as written here, by tf.js or by
 * tensorflowjs_converter.
 * @throws PruneError `bad-file` when a file is missing, damaged, of another format or contradicts another.
 */
export async function readModelFiles(
  path: string | readonly GivenFile[],
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<ModelArtifacts & { readonly name: string }> {
  const source = await openSource(path, { caller: 'loadLayersModel', main: 'model.json', signal });
  const text = textOf(await source.readMain());
  const { groups, ...model } = parseManifest(text, refuser(source.name));
  const weightData: ArrayBuffer[] = [];
  for (const group of groups) weightData.push(...(await readShards(source, group)));
  const weightSpecs = groups.flatMap(({ weights }) => weights);
  const modelTopology = completeTopology(model.modelTopology, weightSpecs);
  return { ...model, modelTopology, name: source.name, weightSpecs, weightData };
}

async function readShards(source: Source, { paths, weights }: WeightGroup): Promise<ArrayBuffer[]> {
  const expected = weights.reduce((sum, weight) => sum + byteLengthOf(weight), 0);
  const shards: ArrayBuffer[] = [];
  let got = 0;
  for (const path of paths) {
    const { buffer } = await source.readBeside(path, expected - got);
    got += buffer.byteLength;
    shards.push(buffer);
  }
  if (got !== expected) {
    const sizes = paths.map((path, i) => `${path}: ${shards[i].byteLength}`);
    refuser(source.name)(
      `${expected} bytes of weights in ${paths.length} shards`,
      `${got} (${sizes.length > 4 ? [...sizes.slice(0, 3), '...'].join(', ') : sizes.join(', ')})`,
      'A shard is damaged or of another model; copy the whole model folder again.',
    );
  }
  return shards;
}

function textFiles(name: string, text: string | undefined): NewFile[] {
  return text === undefined ? [] : [textFile(name, text)];
}

function toJson(place: string, content: object): string {
  try {
    return JSON.stringify(content);
  } catch (cause) {
    const [got] = (cause as Error).message.split('\n');
    const cure = 'Keep numbers, words, lists and plain objects in it.';
    throw new PruneError('bad-option', { place, expected: 'metadata that JSON can hold', got, cure }, { cause });
  }
}

function requireFolderName(place: string, directory: string): void {
  if (typeof directory === 'string' && directory !== '' && !/\.json$/.test(basename(directory))) return;
  const isName = typeof directory === 'string' && directory !== '';
  throw new PruneError('bad-option', {
    place,
    expected: 'a folder to save into',
    got: isName ? `the file name "${basename(directory)}"` : String(directory),
    cure: isName ? `Pass "${dirname(directory)}"; the file in it is called model.json.` : 'Pass its path.',
  });
}

/** tf.js finds weights by name and refuses such a file only when it is loaded, when it may be too late. */
function requireUniqueNames(place: string, specs: readonly WeightSpec[]): void {
  const name = firstTwin(specs.map(({ name }) => name));
  if (name === undefined) return;
  throw new PruneError('bad-model', {
    place,
    expected: 'a name of its own for every weight',
    got: `two weights "${name}"`,
    cure: 'Rename one of the two layers; tf.js cannot load such a file.',
  });
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
async function filesOfModelIn(directory: string): Promise<(name: string) => boolean> {
  const [json, plan, report] = await Promise.all(
    ['model.json', PLAN_FILE, REPORT_FILE].map(name => readFile(join(directory, name), 'utf8').catch(() => '')),
  );
  const names = new Set(shardNames(json));
  if (json !== '' && isPlanFile(plan)) names.add(PLAN_FILE);
  if (json !== '' && isReportFile(report)) names.add(REPORT_FILE);
  return name => names.has(name);
}
