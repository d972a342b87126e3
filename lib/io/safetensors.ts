/** Reads safetensors: one file, or shards with their index. Headers at once, tensors one by one when they are asked for. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ndarray, type NdArray } from '../core/array';
import { PruneError } from '../core/errors';
import { describe, isRecord, parseObject, type Refuse } from '../core/json';
import { fileBytes, fileRefuser, memoryBytes, readText, type ByteSource } from './bytes';
import { isFolder } from './folder';
import { decodeFloats, FLOAT_TYPES, isFloatType } from './dtypes';
import { readHeader, type SafetensorsHeader, type StoredTensor } from './safetensorsHeader';
import { twinKey } from './twinKeys';

/** The tensors of a checkpoint, however many files they lie in. Nothing is held in memory but their names. */
export interface TensorFiles {
  /** The file, or the index of the shards. */
  readonly name: string;
  /** What stands in the header, of the first shard where there are several. */
  readonly metadata: Readonly<Record<string, string>>;
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The tensor as float32. @throws PruneError `bad-file` when there is none, or its dtype is not F32, F16 or BF16. */
  readonly read: (name: string) => Promise<NdArray>;
  /** Its bytes as they are stored, or those from `from` to before `to`. @throws PruneError `bad-file` when there is none. */
  readonly readBytes: (name: string, from?: number, to?: number) => Promise<Uint8Array<ArrayBuffer>>;
}

export const SINGLE_FILE = 'model.safetensors';
export const INDEX_FILE = `${SINGLE_FILE}.index.json`;
const MOST_INDEX = 64 * 1024 * 1024;

/**
 * Opens a `.safetensors` file, an index `.safetensors.index.json`, or the folder that holds `model.safetensors` or its index.
 * Every header is read and judged; a tensor is read from disk when it is asked for, into as many bytes as it needs.
 * @throws PruneError `bad-file` when a file is missing, damaged, or contradicts itself or the index.
 */
export async function openSafetensors(path: string): Promise<TensorFiles> {
  if (typeof path !== 'string' || path === '' || /^https?:/i.test(path)) {
    const [expected, cure] = ['the path of a file or folder', 'Download the files first.'];
    throw new PruneError('bad-option', { place: 'openSafetensors', expected, got: describe(path), cure });
  }
  const main = await mainFile(path);
  return openTensorFiles(main, file =>
    fileBytes(file === main ? main : join(dirname(main), file), 'a safetensors file'),
  );
}

/**
 * The same from bytes in memory: of one file, or of all files by name, the index among them.
 * @throws PruneError `bad-file` when a file is missing, damaged, or contradicts itself or the index.
 */
export async function safetensorsFromBytes(
  files: Uint8Array | Readonly<Record<string, Uint8Array>>,
): Promise<TensorFiles> {
  const byName = files instanceof Uint8Array ? { [SINGLE_FILE]: files } : files;
  const names = Object.keys(byName);
  const main = names.find(name => name.endsWith('.index.json')) ?? names[0] ?? SINGLE_FILE;
  return openTensorFiles(main, async name => {
    if (Object.hasOwn(byName, name)) return memoryBytes(name, byName[name]);
    return fileRefuser(`"${name}"`)('a safetensors file', 'no such file', 'Pass the bytes of all files.');
  });
}

async function mainFile(path: string): Promise<string> {
  if (!(await isFolder(path))) return path;
  const [single, index] = [join(path, SINGLE_FILE), join(path, INDEX_FILE)];
  const isThere = async (file: string): Promise<boolean> => (await stat(file).catch(() => undefined)) !== undefined;
  if (await isThere(single)) return single;
  if (await isThere(index)) return index;
  const cure = 'Check the path; files of PyTorch (.bin, .pt) have to be saved as safetensors first.';
  return fileRefuser(`openSafetensors "${path}"`)(`a file ${SINGLE_FILE} or ${INDEX_FILE}`, 'a folder without', cure);
}

/** The bytes of a file by its name, as the index has it. */
export type OpenFile = (file: string) => Promise<ByteSource>;

/** The same from wherever `openFile` finds `main` and what it names. */
export async function openTensorFiles(main: string, openFile: OpenFile): Promise<TensorFiles> {
  if (!main.endsWith('.index.json')) {
    const source = await openFile(main);
    return filesOf(main, await readHeader(source), () => source);
  }
  const shards = await readIndex(await openFile(main));
  const sources = new Map<string, ByteSource>();
  const tensors = new Map<string, StoredTensor>();
  let metadata: SafetensorsHeader['metadata'] | undefined;
  for (const [shard, names] of shards) {
    const source = await openFile(shard);
    const header = await readHeader(source);
    metadata ??= header.metadata;
    requireSame(main, source.name, names, header);
    for (const [name, tensor] of header.tensors) tensors.set(name, tensor);
    sources.set(source.name, source);
  }
  return filesOf(main, { metadata: metadata ?? {}, tensors }, file => sources.get(file)!);
}

/** The names of the tensors that belong into each shard. */
async function readIndex(source: ByteSource): Promise<Map<string, Set<string>>> {
  const refuse = fileRefuser(`safetensors "${source.name}"`);
  const text = await readText(source, MOST_INDEX);
  const { weight_map: map } = parseObject(text, refuse, `a ${INDEX_FILE}`);
  const twice = twinKey(text);
  if (twice !== undefined) refuse('every name once', `${describe(twice)} twice`);
  if (!isRecord(map)) return refuse('a weight_map from tensors to files', describe(map));
  const shards = new Map<string, Set<string>>();
  for (const [name, file] of Object.entries(map)) {
    const shard = requirePlainName(file, refuse);
    if (!shards.has(shard)) shards.set(shard, new Set());
    shards.get(shard)!.add(name);
  }
  return new Map([...shards].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A file from elsewhere must not make us read outside its folder. */
function requirePlainName(file: unknown, refuse: Refuse): string {
  const plain = typeof file === 'string' && file.endsWith('.safetensors') && !/[\\/:\0]/.test(file);
  const cure = 'Do not use this file unless you trust it.';
  return plain ? file : refuse('shards named *.safetensors beside the index', describe(file), cure);
}

function requireSame(main: string, shard: string, names: ReadonlySet<string>, { tensors }: SafetensorsHeader): void {
  const refuse = fileRefuser(`safetensors "${shard}"`);
  const cure = 'A shard or the index is of another model; download all of them again.';
  for (const name of names) {
    if (!tensors.has(name)) refuse(`tensor ${describe(name)}, which "${basename(main)}" promises`, 'none', cure);
  }
  for (const name of tensors.keys()) {
    if (!names.has(name)) refuse(`the tensors that "${basename(main)}" lists for it`, `also ${describe(name)}`, cure);
  }
}

/** Reads what `header` lists from where it says. */
export function filesOf(name: string, header: SafetensorsHeader, sourceOf: (file: string) => ByteSource): TensorFiles {
  const find = (tensor: string): StoredTensor =>
    header.tensors.get(tensor) ??
    fileRefuser(`safetensors "${name}"`)(
      `a tensor ${describe(tensor)}`,
      `none among ${header.tensors.size}${closest(tensor, header.tensors)}`,
      'Check its name, and that the checkpoint is of this architecture.',
    );
  const readBytes: TensorFiles['readBytes'] = async (tensor, from = 0, to) => {
    const found = find(tensor);
    const bytes = new Uint8Array(requireRange(tensor, from, to ?? found.byteLength, found.byteLength));
    await sourceOf(found.file).read(bytes, found.from + from);
    return bytes;
  };
  const read = async (tensor: string): Promise<NdArray> => {
    const { dtype, shape, file } = find(tensor);
    if (isFloatType(dtype)) return ndarray(decodeFloats(await readBytes(tensor), dtype), shape);
    const place = `safetensors "${file}", tensor ${describe(tensor)}`;
    return fileRefuser(place)(`dtype ${FLOAT_TYPES.join(', ')}`, dtype, 'Convert it to one of these.');
  };
  return { name, ...header, read, readBytes };
}

function requireRange(name: string, from: number, to: number, most: number): number {
  if (from >= 0 && from <= to && to <= most) return to - from;
  const expected = `bytes within the ${most} of tensor ${describe(name)}`;
  const cure = 'Change from and to.';
  throw new PruneError('bad-option', { place: 'readBytes', expected, got: `${from} to ${to}`, cure });
}

/** Names that end alike, which is where prefixes differ. */
function closest(name: string, tensors: ReadonlyMap<string, unknown>): string {
  const ending = name.split('.').slice(-2).join('.');
  const alike = [...tensors.keys()].find(other => other.endsWith(ending));
  return alike === undefined ? '' : `, for example ${describe(alike)}`;
}
