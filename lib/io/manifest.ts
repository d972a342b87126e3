/** What model.json says about itself and its weights, read with distrust: it may be damaged, of another format, or point outside its folder. */
import { posix, win32 } from 'node:path';
import { sizeOf } from '../core/array';
import { PruneError } from '../core/errors';
import { describe, firstTwin, isIndex, isRecord, parseObject, type Json, type Refuse } from '../core/json';

/** How the bytes of a weight are stored: as float16, or as whole numbers that stand for `value * scale + min`. */
export type Quantization =
  { readonly dtype: 'float16' } | { readonly dtype: 'uint8' | 'uint16'; readonly scale: number; readonly min: number };

/** One weight as model.json lists it. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly quantization?: Quantization;
  /** 'optimizer' for what is not the model's own. */
  readonly group?: string;
}

/** Weights whose bytes lie one after the other in the files `paths`. */
export interface WeightGroup {
  readonly paths: readonly string[];
  readonly weights: readonly WeightSpec[];
}

export interface Manifest {
  readonly modelTopology: Json;
  readonly groups: readonly WeightGroup[];
  readonly generatedBy?: string;
  readonly convertedBy?: string | null;
  readonly userDefinedMetadata?: Json;
}

const BYTES: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 };
const STORED_AS = ['uint8', 'uint16', 'float16'];
const SAVE_AGAIN = 'Save the model again, or take it from its source.';

/** Bytes that a weight takes in its shards. */
export function byteLengthOf({ shape, dtype, quantization }: WeightSpec): number {
  return sizeOf(shape) * BYTES[quantization?.dtype ?? dtype];
}

/** Throws `bad-file` for the model file called `name`. */
export function refuser(name: string): Refuse {
  return (expected, got, cure = SAVE_AGAIN) => {
    const place = `loadLayersModel "${name}"`;
    throw new PruneError('bad-file', { place, expected: short(expected), got: short(got), cure });
  };
}

/** One line of bounded length, whatever names a file holds. */
export function short(text: string): string {
  const line = text.replace(/\p{Cc}/gu, '?');
  return line.length > 300 ? `${line.slice(0, 297)}...` : line;
}

/** @throws what `refuse` throws. */
export function parseManifest(text: string, refuse: Refuse): Manifest {
  const json = parseObject(text, refuse, 'the model.json of a tf.js layers-model, or the folder that holds it');
  requireLayersModel(json, refuse);
  const { modelTopology, weightsManifest, generatedBy, convertedBy, userDefinedMetadata } = json;
  if (!isRecord(modelTopology)) return refuse('a modelTopology', describe(modelTopology));
  if (!Array.isArray(weightsManifest)) return refuse('a weightsManifest', describe(weightsManifest));
  const groups = weightsManifest.map(group => readGroup(group, refuse));
  const twice = firstTwin(groups.flatMap(({ weights }) => weights.map(({ name }) => name)));
  if (twice !== undefined) refuse('a name of its own for every weight', `two weights ${describe(twice)}`);
  return {
    modelTopology,
    groups,
    ...(typeof generatedBy === 'string' && { generatedBy }),
    ...(typeof convertedBy === 'string' && { convertedBy }),
    ...(isRecord(userDefinedMetadata) && { userDefinedMetadata }),
  };
}

/** Plain file names of the shards that a model.json lists; none when it cannot be read. */
export function shardNames(text: string): string[] {
  const pass: Refuse = () => {
    throw new Error('unreadable');
  };
  try {
    const { weightsManifest } = parseObject(text, pass, '');
    const groups = (weightsManifest as unknown[]).map(group => readGroup(group, pass));
    return groups.flatMap(({ paths }) => paths).filter(path => !/[\\/]/.test(path) && path !== 'model.json');
  } catch {
    return [];
  }
}

function requireLayersModel({ format, modelTopology }: Json, refuse: Refuse): void {
  const isGraph = format === 'graph-model' || (isRecord(modelTopology) && Array.isArray(modelTopology.node));
  if (isGraph) {
    refuse(
      'a layers-model',
      'a graph-model, which holds frozen operations without layers',
      'Convert the original Keras model with --output_format tfjs_layers_model.',
    );
  }
  if (format != null && format !== 'layers-model') refuse('format "layers-model"', describe(format));
}

function readGroup(group: unknown, refuse: Refuse): WeightGroup {
  const { paths, weights } = isRecord(group) ? group : refuse('groups of weights', describe(group));
  if (!Array.isArray(paths)) return refuse('paths of shards', describe(paths));
  if (!Array.isArray(weights)) return refuse('a list of weights', describe(weights));
  return {
    paths: paths.map(path => readPath(path, refuse)),
    weights: weights.map(weight => readWeight(weight, refuse)),
  };
}

/** A file from elsewhere must not make us read outside its folder. */
function readPath(path: unknown, refuse: Refuse): string {
  if (typeof path !== 'string' || path === '') return refuse('names of shards', describe(path));
  const leaves = path.split(/[\\/]/).includes('..') || posix.isAbsolute(path) || win32.isAbsolute(path);
  if (!leaves && !/^[a-z]+:/i.test(path) && !path.includes('\0')) return path;
  return refuse('shards inside the folder of the model', describe(path), 'Do not use this file unless you trust it.');
}

function readWeight(weight: unknown, refuse: Refuse): WeightSpec {
  const { name, shape, dtype, quantization, group } = isRecord(weight) ? weight : refuse('a weight', describe(weight));
  if (typeof name !== 'string') return refuse('a name for every weight', describe(name));
  if (!Array.isArray(shape) || !shape.every(isIndex)) return refuse(`a shape for weight "${name}"`, describe(shape));
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    return refuse(`dtype float32, int32 or bool for weight "${name}"`, describe(dtype));
  }
  const spec: WeightSpec = { name, shape: shape, dtype, ...(typeof group === 'string' && { group }) };
  return quantization == null ? spec : { ...spec, quantization: readQuantization(quantization, spec, refuse) };
}

function readQuantization(quantization: unknown, { name, dtype }: WeightSpec, refuse: Refuse): Quantization {
  const { dtype: storedAs, scale, min } = isRecord(quantization) ? quantization : ({} as Json);
  if (!STORED_AS.includes(storedAs as string)) {
    return refuse(`quantization ${STORED_AS.join(', ')} for weight "${name}"`, describe(storedAs));
  }
  if (dtype === 'bool' || (dtype === 'int32' && storedAs === 'float16')) {
    return refuse(`weight "${name}" of ${dtype} not to be stored as ${String(storedAs)}`, describe(quantization));
  }
  if (storedAs === 'float16') return { dtype: storedAs };
  if (!Number.isFinite(scale) || !Number.isFinite(min)) {
    return refuse(`numbers scale and min for weight "${name}"`, describe(quantization));
  }
  return { dtype: storedAs, scale, min } as Quantization;
}
