/** Writes safetensors in pieces as they come: the same tensors give the same bytes, whatever their order. */
import { sizeOf, type NdArray } from '../core/array';
import { PruneError } from '../core/errors';
import { describe, firstTwin, isIndex } from '../core/json';
import { checkNumber } from '../core/check';
import { replaceFiles, type NewFile } from './atomic';
import { BITS, encodeFloats, FLOAT_TYPES, isFloatType, type FloatType } from './dtypes';
import { INDEX_FILE, SINGLE_FILE } from './safetensors';
import { METADATA } from './safetensorsHeader';

/** One tensor to be written. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: FloatType;
  readonly shape: readonly number[];
  /** Its bytes, little-endian, in pieces of any length; asked for once, when its turn has come. */
  readonly parts: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface WriteSafetensorsOptions {
  /** Words for the header. `transformers` wants a format. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** A file holds at most so many bytes of tensors, unless a single one has more; several get an index. */
  readonly shardBytes?: number;
  /** Files such as config.json that belong to the same set; `transformers` wants their usual names. */
  readonly beside?: readonly NewFile[];
}

const OURS = /^(\.?)(model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json)(\.\d+-\d+\.tmp)?$/;
/** Where tensors begin, from the beginning of the file: what reads them in place needs them aligned. */
const ALIGNED = 8;
/** As the reference implementation sorts them, so that the largest are aligned without holes. */
const RANK: Readonly<Record<FloatType, number>> = { F16: 0, BF16: 1, F32: 2 };

/**
 * `array` as a tensor to be written, rounded to the nearest values of `dtype`.
 * @throws PruneError `bad-weights`, when it is written, for a finite value that would become infinite.
 */
export function tensorToWrite(name: string, { shape, data }: NdArray, dtype: FloatType = 'F32'): TensorToWrite {
  return {
    name,
    dtype,
    shape,
    *parts() {
      const values = data instanceof Float32Array ? data : Float32Array.from(data);
      const bytes = encodeFloats(values, dtype);
      if (dtype !== 'F32') requireFinite(name, values, bytes, dtype);
      yield bytes;
    },
  };
}

/**
 * Writes `model.safetensors`, or shards of it with their index, into `directory`, making it if need be. Tensors pass through
 * one piece at a time. A checkpoint that is there already stays whole until the new one is, then goes; other files stay.
 * @throws PruneError `bad-option` for tensors that the format cannot hold, `bad-weights` for one whose bytes do not fill its
 * shape, `bad-file` when the folder cannot be written.
 */
export async function writeSafetensors(
  directory: string,
  tensors: readonly TensorToWrite[],
  { metadata = { format: 'pt' }, shardBytes = 5e9, beside = [] }: WriteSafetensorsOptions = {},
): Promise<void> {
  const place = `writeSafetensors "${directory}"`;
  checkNumber(place, 'shardBytes', shardBytes, { least: 1 });
  tensors.forEach(tensor => requireSound(place, tensor));
  const twice = firstTwin(tensors.map(({ name }) => name));
  if (twice !== undefined) refuseTensor(place, 'a name of its own for every tensor', `two ${describe(twice)}`);
  const shards = divide([...tensors].sort(byName), shardBytes);
  const files = shards.map((shard, i) => ({
    name: shards.length === 1 ? SINGLE_FILE : shardName(i + 1, shards.length),
    parts: fileOf(place, shard, metadata),
  }));
  const main = files.length === 1 ? files[0] : indexOf(files, shards);
  const others = files.length === 1 ? [] : files;
  const isObsolete = (name: string): boolean => OURS.test(name);
  await replaceFiles(place, directory, { main, beside: [...others, ...beside], isObsolete });
}

export function byteLengthOf({ shape, dtype }: Pick<TensorToWrite, 'shape' | 'dtype'>): number {
  return (sizeOf(shape) * BITS[dtype]) / 8;
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function shardName(number: number, count: number): string {
  const digits = (value: number): string => String(value).padStart(5, '0');
  return `model-${digits(number)}-of-${digits(count)}.safetensors`;
}

function divide(sorted: readonly TensorToWrite[], most: number): TensorToWrite[][] {
  const shards: TensorToWrite[][] = [[]];
  let bytes = 0;
  for (const tensor of sorted) {
    const length = byteLengthOf(tensor);
    if (bytes + length > most && shards[shards.length - 1].length > 0) {
      shards.push([]);
      bytes = 0;
    }
    shards[shards.length - 1].push(tensor);
    bytes += length;
  }
  return shards.map(shard => shard.sort((a, b) => RANK[b.dtype] - RANK[a.dtype] || byName(a, b)));
}

function indexOf(files: readonly NewFile[], shards: readonly TensorToWrite[][]): NewFile {
  const places = shards.flatMap((shard, i) => shard.map(({ name }) => [name, files[i].name] as const));
  const map = Object.fromEntries(places.sort(([a], [b]) => (a < b ? -1 : 1)));
  const total = shards.flat().reduce((sum, tensor) => sum + byteLengthOf(tensor), 0);
  const json = JSON.stringify({ metadata: { total_size: total }, weight_map: map }, undefined, 2);
  return { name: INDEX_FILE, parts: [new TextEncoder().encode(`${json}\n`)] };
}

async function* fileOf(
  place: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): AsyncGenerator<Uint8Array> {
  yield headerOf(tensors, metadata);
  for (const tensor of tensors) {
    const expected = byteLengthOf(tensor);
    let got = 0;
    for await (const part of tensor.parts()) {
      got += part.length;
      if (got <= expected) yield part;
    }
    if (got === expected) continue;
    const complaint = { expected: `${expected} bytes`, got: String(got), cure: 'Make its values fill its shape.' };
    throw new PruneError('bad-weights', { place: `${place}, tensor "${tensor.name}"`, ...complaint });
  }
}

function headerOf(tensors: readonly TensorToWrite[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [[METADATA, sorted(metadata)]] : [];
  let at = 0;
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    entries.push([name, { dtype, shape, data_offsets: [at, (at += byteLengthOf(tensor))] }]);
  }
  // By hand: an object would put names that are numbers first.
  const json = entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(',');
  const text = new TextEncoder().encode(`{${json}}`);
  const length = Math.ceil(text.length / ALIGNED) * ALIGNED;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}

function sorted(words: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(words).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function requireSound(place: string, { name, dtype, shape }: TensorToWrite): void {
  if (name === METADATA) refuseTensor(place, 'names of tensors', `"${METADATA}", which the format keeps for itself`);
  const expected = `a dtype of ${FLOAT_TYPES.join(', ')} for tensor "${name}"`;
  if (!isFloatType(dtype)) refuseTensor(place, expected, describe(dtype));
  if (!shape.every(isIndex)) refuseTensor(place, `whole numbers in the shape of tensor "${name}"`, describe(shape));
}

function refuseTensor(place: string, expected: string, got: string): never {
  throw new PruneError('bad-option', { place, expected, got, cure: 'Change the list of tensors.' });
}

function requireFinite(name: string, values: Float32Array, bytes: Uint8Array, dtype: FloatType): void {
  const stored = new Uint16Array(bytes.buffer);
  const infinite = dtype === 'F16' ? 0x7c00 : 0x7f80;
  const large = values.findIndex((value, i) => (stored[i] & 0x7fff) === infinite && Number.isFinite(value));
  if (large < 0) return;
  const expected = `values that ${dtype} can hold`;
  const cure = 'Write it as F32.';
  const place = `writeSafetensors, tensor "${name}"`;
  throw new PruneError('bad-weights', { place, expected, got: String(values[large]), cure });
}
