/** Which part of each tensor of a Llama is left, and those parts as tensors to be written. */
import { PruneError } from '../core/errors';
import type { TensorFiles } from '../io/safetensors';
import type { TensorToWrite } from '../io/safetensorsWriter';
import type { LayerShape } from './layerShape';
import type { LlamaConfig } from './llamaConfig';
import { floatTensor, keptBytes, sumsOfSquares, type Kept } from './storedRows';
import { tensorTable } from './tensorTable';

/** What is left of a layer, in ascending order; found out when it is first asked for. */
export interface KeptOfLayer {
  readonly keyValueHeads: () => Promise<Int32Array>;
  readonly neurons: () => Promise<Int32Array>;
}

interface Layer {
  readonly layer: number;
  readonly before: LayerShape;
  readonly after: LayerShape;
  /** Under which name the file holds each tensor. */
  readonly names: ReadonlyMap<string, string>;
}

export function keptOf(files: TensorFiles, { layer, before, after, names }: Layer): KeptOfLayer {
  const sums = (part: string, of: 'rows' | 'columns'): Promise<Float64Array> =>
    sumsOfSquares(files, names.get(`model.layers.${layer}.${part}.weight`)!, of);
  const { keyValueHeads, heads, headSize, valueSize, intermediateSize } = before;
  return {
    keyValueHeads: once(async () => {
      if (after.keyValueHeads === keyValueHeads) return firstOf(keyValueHeads);
      const scores = new Float64Array(keyValueHeads);
      const perGroup = heads / keyValueHeads;
      addBlocks(scores, await sums('self_attn.q_proj', 'rows'), perGroup * headSize);
      addBlocks(scores, await sums('self_attn.k_proj', 'rows'), headSize);
      addBlocks(scores, await sums('self_attn.v_proj', 'rows'), valueSize);
      addBlocks(scores, await sums('self_attn.o_proj', 'columns'), perGroup * valueSize);
      return largest(scores, after.keyValueHeads, `"${files.name}", attention of layer ${layer}`);
    }),
    neurons: once(async () => {
      if (after.intermediateSize === intermediateSize) return firstOf(intermediateSize);
      const scores = new Float64Array(intermediateSize);
      addBlocks(scores, await sums('mlp.gate_proj', 'rows'), 1);
      addBlocks(scores, await sums('mlp.up_proj', 'rows'), 1);
      addBlocks(scores, await sums('mlp.down_proj', 'columns'), 1);
      return largest(scores, after.intermediateSize, `"${files.name}", feed-forward part of layer ${layer}`);
    }),
  };
}

interface Change {
  readonly before: LlamaConfig;
  readonly after: LlamaConfig;
  /** The number before of each layer after. */
  readonly left: readonly number[];
  readonly kept: readonly KeptOfLayer[];
}

/** The tensors of the model after, under the names that the files have, with layers numbered anew. */
export function tensorsAfter(
  files: TensorFiles,
  names: ReadonlyMap<string, string>,
  { before, after, left, kept }: Change,
): TensorToWrite[] {
  return tensorTable(after).rows.map(({ name, shape }) => {
    const [, number, part] = /^model\.layers\.(\d+)\.(.*)$/.exec(name) ?? [];
    const layer = number === undefined ? undefined : Number(number);
    const canonical = layer === undefined ? name : `model.layers.${left[layer]}.${part}`;
    const stored = names.get(canonical)!;
    const parts = async function* (): AsyncGenerator<Uint8Array> {
      const what = layer === undefined ? {} : await keptIn(part, kept[layer], before.layers[left[layer]]);
      yield* keptBytes(files, stored, what);
    };
    const newName = layer === undefined ? stored : stored.replace(/layers\.\d+\./, `layers.${layer}.`);
    return { name: newName, dtype: floatTensor(files, stored).dtype, shape, parts };
  });
}

/** Rows of what makes units, columns of what reads them. */
async function keptIn(part: string, kept: KeptOfLayer, shape: LayerShape): Promise<Kept> {
  const { keyValueHeads, heads, headSize, valueSize, intermediateSize } = shape;
  const perGroup = heads / keyValueHeads;
  const groups = async (width: number): Promise<Int32Array | undefined> => {
    const positions = await kept.keyValueHeads();
    return positions.length === keyValueHeads ? undefined : blocks(positions, width);
  };
  const neurons = async (): Promise<Int32Array | undefined> => {
    const positions = await kept.neurons();
    return positions.length === intermediateSize ? undefined : positions;
  };
  const isBias = part.endsWith('.bias');
  const [, projection] = /^(?:self_attn|mlp)\.(\w+)_proj\./.exec(part) ?? [];
  switch (projection) {
    case 'q':
      return { rows: await groups(perGroup * headSize) };
    case 'k':
      return { rows: await groups(headSize) };
    case 'v':
      return { rows: await groups(valueSize) };
    case 'o':
      return isBias ? {} : { columns: await groups(perGroup * valueSize) };
    case 'gate':
    case 'up':
      return { rows: await neurons() };
    case 'down':
      return isBias ? {} : { columns: await neurons() };
    default:
      return {};
  }
}

function once<T>(find: () => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  return () => (found ??= find());
}

function firstOf(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

/** Adds the sum of each `width` values that follow each other. */
function addBlocks(scores: Float64Array, values: Float64Array, width: number): void {
  for (let i = 0; i < values.length; i++) scores[Math.floor(i / width)] += values[i];
}

/** Positions of the `count` largest, ascending; of equal ones the first. */
function largest(scores: Float64Array, count: number, place: string): Int32Array {
  if (!scores.every(Number.isFinite)) {
    const cure = 'The checkpoint is damaged; take an earlier one.';
    throw new PruneError('bad-weights', { place, expected: 'finite weights', got: 'others', cure });
  }
  const order = firstOf(scores.length).sort((a, b) => scores[b] - scores[a] || a - b);
  return order.slice(0, count).sort();
}

function blocks(positions: Int32Array, width: number): Int32Array {
  return Int32Array.from(
    { length: positions.length * width },
    (_, i) => positions[Math.floor(i / width)] * width + (i % width),
  );
}
