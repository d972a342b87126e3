/** What model.json says, read with distrust: it may be damaged, of another format, or point outside its folder. */
import { posix, win32 } from 'node:path';
import { sizeOf } from '../core/array';
import { PruneError } from '../core/errors';

/** One weight as model.json lists it; `quantization` says how its bytes are stored. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly quantization?: { readonly dtype: 'uint8' | 'uint16' | 'float16' };
}

/** Weights whose bytes lie one after the other in the files `paths`. */
export interface WeightGroup {
  readonly paths: readonly string[];
  readonly weights: readonly WeightSpec[];
}

export interface Manifest {
  readonly modelTopology: object;
  readonly groups: readonly WeightGroup[];
  readonly generatedBy?: string;
  readonly convertedBy?: string | null;
  readonly userDefinedMetadata?: Readonly<Record<string, unknown>>;
}

const BYTES: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 };
const STORED_AS = ['uint8', 'uint16', 'float16'];
const SAVE_AGAIN = 'Save the model again, or take it from its source.';

/** Bytes that a weight takes in its shards. */
export function byteLengthOf({ shape, dtype, quantization }: WeightSpec): number {
  return sizeOf(shape) * BYTES[quantization?.dtype ?? dtype];
}

/** @throws PruneError `bad-file`; `file` is named in it. */
export function parseManifest(file: string, text: string): Manifest {
  const refuse: Refuse = (expected, got, cure = SAVE_AGAIN) => {
    throw new PruneError('bad-file', { place: `loadLayersModel "${file}"`, expected, got, cure });
  };
  const json = parseJson(text, refuse);
  requireLayersModel(json, refuse);
  const { modelTopology, weightsManifest, generatedBy, convertedBy, userDefinedMetadata } = json;
  if (!isRecord(modelTopology)) return refuse('a modelTopology', describe(modelTopology));
  if (!Array.isArray(weightsManifest)) return refuse('a weightsManifest', describe(weightsManifest));
  const groups = weightsManifest.map(group => readGroup(group, refuse));
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
    const { weightsManifest } = parseJson(text, pass);
    const groups = (weightsManifest as unknown[]).map(group => readGroup(group, pass));
    return groups.flatMap(({ paths }) => paths).filter(path => !/[\\/]/.test(path) && path !== 'model.json');
  } catch {
    return [];
  }
}

type Json = Readonly<Record<string, unknown>>;
type Refuse = (expected: string, got: string, cure?: string) => never;

function parseJson(text: string, refuse: Refuse): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refuse('JSON', describe(text), 'Pass the model.json of a tf.js layers-model, or the folder that holds it.');
  }
  return isRecord(json) ? json : refuse('a JSON object', describe(json));
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
  const { name, shape, dtype, quantization } = isRecord(weight) ? weight : refuse('a weight', describe(weight));
  if (typeof name !== 'string') return refuse('a name for every weight', describe(name));
  const sizes = Array.isArray(shape) && shape.every(size => Number.isSafeInteger(size) && (size as number) >= 0);
  if (!sizes) return refuse(`a shape for weight "${name}"`, describe(shape));
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    return refuse(`dtype float32, int32 or bool for weight "${name}"`, describe(dtype));
  }
  const stored = isRecord(quantization) ? quantization.dtype : undefined;
  if (quantization !== undefined && !STORED_AS.includes(stored as string)) {
    return refuse(`quantization ${STORED_AS.join(', ')} for weight "${name}"`, describe(stored));
  }
  return weight as WeightSpec;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value in few characters. */
function describe(value: unknown): string {
  if (value === undefined) return 'none';
  const text = typeof value === 'string' && value.length === 0 ? 'an empty file' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
