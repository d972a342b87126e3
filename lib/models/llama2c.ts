/** Checkpoints of llama2.c: numbers of a header, then all weights as float32 in a fixed order, without names. */
import { basename } from 'node:path';
import { sizeOf } from '../core/array';
import type { Refuse } from '../core/json';
import { fileBytes, fileRefuser, memoryBytes, type ByteSource } from '../io/bytes';
import { filesOf, type TensorFiles } from '../io/safetensors';
import type { StoredTensor } from '../io/safetensorsHeader';
import type { LlamaConfig } from './llamaConfig';

/** The model that a checkpoint of llama2.c holds; its tensors by the names that Hugging Face gives them. */
export interface Llama2c {
  readonly config: LlamaConfig;
  /** Queries and keys turn in pairs, see `ropeLayout`: other than in files of Hugging Face. */
  readonly files: TensorFiles;
}

/**
 * Opens a checkpoint of llama2.c in float32: of the format without a version (where a negative number of tokens says that the
 * output layer is not the embedding), or of version 1. Tensors are read when they are asked for.
 * @throws PruneError `bad-file` when its size is not what its header says, or the header contradicts itself.
 */
export async function openLlama2c(path: string): Promise<Llama2c> {
  return read(await fileBytes(path, 'a checkpoint of llama2.c'));
}

/** The same from bytes in memory. @throws PruneError `bad-file` as {@link openLlama2c}. */
export async function llama2cFromBytes(bytes: Uint8Array, name = 'checkpoint.bin'): Promise<Llama2c> {
  return read(memoryBytes(name, bytes));
}

interface Header {
  readonly dim: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly vocab: number;
  readonly positions: number;
  readonly tied: boolean;
  readonly version: 0 | 1;
}

const MAGIC = 0x616b3432;
const LEGACY_HEADER = 28;
const HEADER = 256;
/** What the code of llama2.c has fixed. */
const [EPSILON, THETA, BEGIN, END] = [1e-5, 10_000, 1, 2];

async function read(source: ByteSource): Promise<Llama2c> {
  const refuse = fileRefuser(`llama2.c "${source.name}"`);
  const header = await readHeader(source, refuse);
  const config = configOf(header);
  const tensors = new Map<string, StoredTensor>();
  let from = header.version === 1 ? HEADER : LEGACY_HEADER;
  for (const [name, shape] of header.version === 1 ? versionOne(header) : legacy(header)) {
    const byteLength = 4 * sizeOf(shape);
    if (name !== undefined) tensors.set(name, { dtype: 'F32', shape, file: source.name, from, byteLength });
    from += byteLength;
  }
  return { config, files: filesOf(source.name, { metadata: {}, tensors }, () => source) };
}

async function readHeader(source: ByteSource, refuse: Refuse): Promise<Header> {
  const { size, name } = source;
  if (size < LEGACY_HEADER) refuse(`a header of ${LEGACY_HEADER} bytes`, `${size} in all`);
  const view = new DataView(new ArrayBuffer(Math.min(HEADER, size)));
  await source.read(new Uint8Array(view.buffer), 0);
  const numbers = Array.from({ length: 9 }, (_, i) => (4 * i + 4 <= view.byteLength ? view.getInt32(4 * i, true) : 0));
  const isLegacy = numbers[0] >>> 0 !== MAGIC;
  if (!isLegacy && numbers[1] !== 1) {
    const cure = 'Export it again with --version 1; what is stored in 8 bits cannot be pruned.';
    refuse('version 1, which holds float32', String(numbers[1]), cure);
  }
  if (!isLegacy && size < HEADER) refuse(`a header of ${HEADER} bytes`, `${size} in all`);
  const [dim, hidden, layers, heads, keyValueHeads, vocab, positions] = numbers.slice(isLegacy ? 0 : 2);
  const tied = isLegacy ? vocab > 0 : view.getUint8(36) === 1;
  const version = isLegacy ? 0 : 1;
  const sizes = { dim, hidden, layers, heads, keyValueHeads, vocab: isLegacy ? Math.abs(vocab) : vocab, positions };
  if (!isLegacy && view.getUint8(36) > 1) refuse('a byte 0 or 1 for a shared classifier', String(view.getUint8(36)));
  return requireSound({ ...sizes, tied, version }, { size, name }, refuse);
}

/** By arithmetic alone, before a list of anything is made: a header can say anything. */
function requireSound(header: Header, { size, name }: { size: number; name: string }, refuse: Refuse): Header {
  const { dim, heads, keyValueHeads, tied: _, version: __, ...others } = header;
  const told = Object.entries({ dim, heads, keyValueHeads, ...others });
  const [wrong] = told.filter(([, value]) => value <= 0);
  const cure = `Check that "${basename(name)}" is a checkpoint of llama2.c, and not its tokenizer.`;
  if (wrong) refuse('a header of numbers above 0', `${wrong[0]} ${wrong[1]}`, cure);
  if (dim % heads !== 0 || (dim / heads) % 2 !== 0) refuse('heads of one even width', `${heads} in ${dim}`, cure);
  if (heads % keyValueHeads !== 0)
    refuse('key-value heads that divide the heads', `${keyValueHeads} and ${heads}`, cure);
  const expected = bytesOf(header);
  if (expected !== size) refuse(`${expected} bytes, as its header says`, String(size));
  return header;
}

function bytesOf(header: Header): number {
  const { dim, hidden, layers, heads, keyValueHeads, vocab, positions, tied, version } = header;
  const keyDim = (dim / heads) * keyValueHeads;
  const each = 2 * dim + 2 * dim * dim + 2 * dim * keyDim + 3 * dim * hidden;
  const tables = version === 0 ? positions * (dim / heads) : 0;
  const values = layers * each + dim + vocab * dim * (tied ? 1 : 2) + tables;
  return (version === 0 ? LEGACY_HEADER : HEADER) + 4 * values;
}

function configOf(header: Header): LlamaConfig {
  const { dim, hidden, layers, heads, keyValueHeads, vocab, positions, tied } = header;
  const size = dim / heads;
  const sizes = { headSize: size, valueSize: size, originalHeadSize: size };
  const layer = { heads, keyValueHeads, ...sizes, intermediateSize: hidden };
  return {
    kind: 'llama',
    vocabSize: vocab,
    hiddenSize: dim,
    layers: Array.from({ length: layers }, () => layer),
    maxPositions: positions,
    rmsEpsilon: EPSILON,
    ropeTheta: THETA,
    ropeLayout: 'pairs',
    activation: 'silu',
    tied,
    attentionBias: false,
    feedForwardBias: false,
    beginIds: [BEGIN],
    // In what these models were trained on, the beginning of the next text ends one.
    endIds: [END, BEGIN],
    padIds: [],
  };
}

/** In the order of their bytes; without a name what nobody needs. */
type Entries = readonly (readonly [name: string | undefined, shape: readonly number[]])[];

function legacy(header: Header): Entries {
  const { dim, heads, positions, tied } = header;
  const parts = partsOf(header);
  const angles = [positions, dim / heads / 2];
  return [
    parts.embedding,
    ...parts.attentionNorm,
    ...parts.attention,
    ...parts.feedForwardNorm,
    ...parts.gate,
    ...parts.down,
    ...parts.up,
    parts.norm,
    [undefined, angles],
    [undefined, angles],
    ...(tied ? [] : [parts.head]),
  ];
}

function versionOne(header: Header): Entries {
  const parts = partsOf(header);
  return [
    ...parts.attentionNorm,
    ...parts.feedForwardNorm,
    parts.norm,
    parts.embedding,
    ...parts.attention,
    ...parts.gate,
    ...parts.down,
    ...parts.up,
    ...(header.tied ? [] : [parts.head]),
  ];
}

function partsOf({ dim, hidden, layers, heads, keyValueHeads, vocab }: Header) {
  const keyDim = (dim / heads) * keyValueHeads;
  const each = (name: string, shape: readonly number[]): Entries =>
    Array.from({ length: layers }, (_, i) => [`model.layers.${i}.${name}.weight`, shape] as const);
  return {
    embedding: ['model.embed_tokens.weight', [vocab, dim]],
    attentionNorm: each('input_layernorm', [dim]),
    attention: [
      ...each('self_attn.q_proj', [dim, dim]),
      ...each('self_attn.k_proj', [keyDim, dim]),
      ...each('self_attn.v_proj', [keyDim, dim]),
      ...each('self_attn.o_proj', [dim, dim]),
    ],
    feedForwardNorm: each('post_attention_layernorm', [dim]),
    gate: each('mlp.gate_proj', [hidden, dim]),
    down: each('mlp.down_proj', [dim, hidden]),
    up: each('mlp.up_proj', [hidden, dim]),
    norm: ['model.norm.weight', [dim]],
    head: ['lm_head.weight', [vocab, dim]],
  } as const;
}
