/** Prunes a Llama that is too large to load, from its files to files. */
import { resolve } from 'node:path';
import { checkAborted, checkNumber, checkRatio } from '../core/check';
import type { Progress } from '../core/context';
import { PruneError } from '../core/errors';
import { describe } from '../core/json';
import { openSafetensors } from '../io/safetensors';
import { writeSafetensors, type TensorToWrite } from '../io/safetensorsWriter';
import { configFile, filesBeside } from './beside';
import { parseConfigJson, readConfig, readConfigFile } from './config';
import type { LayerShape } from './layerShape';
import { configAfter } from './llamaSizes';
import type { LlamaConfig } from './llamaConfig';
import { keptOf, tensorsAfter, type KeptOfLayer } from './llamaSlices';
import { matchTensors, tensorTable } from './tensorTable';
import { TOKENIZER_FILES } from './tokenizerBeside';

export interface PruneFilesOptions {
  /** Fraction of the feed-forward neurons to remove in every layer: those whose weights have the smallest norm. */
  readonly ffn?: number;
  /** Fraction of the key-value heads to remove in every layer, each with the heads it serves; by the same norm. */
  readonly heads?: number;
  /** Numbers of layers to remove, from 0. */
  readonly layers?: readonly number[];
  /** Feed-forward widths are rounded to the nearest multiple of it. */
  readonly multipleOf?: number;
  /** Bytes of tensors to a file at most. */
  readonly shardBytes?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (progress: Progress) => void;
}

/** What {@link pruneFiles} has done. */
export interface PrunedFiles {
  /** Of the model written. */
  readonly config: LlamaConfig;
  /** Number of values in all tensors. */
  readonly parameters: { readonly before: number; readonly after: number };
  /** For each layer that is left: its number before, and what is left of it, in the numbers it had before. */
  readonly layers: readonly {
    readonly layer: number;
    readonly keyValueHeads: readonly number[];
    readonly neurons: readonly number[];
  }[];
}

/**
 * Writes a smaller model of the Llama in folder `from` into folder `to`, in the dtypes it has, for `transformers` to load; with
 * its tokenizer. A few megabytes are in memory at a time, and every tensor is read once or twice. Scores are sums of squares over
 * all weights of a unit. A model that is in `to` already is replaced when the new one is complete.
 * @throws PruneError `bad-ratio`, `bad-option` for options; `empty-group` when nothing would be left; `bad-file` when the files
 * are damaged, of another model, or cannot be written; `aborted`.
 */
export async function pruneFiles(from: string, to: string, options: PruneFilesOptions): Promise<PrunedFiles> {
  const place = `pruneFiles "${from}"`;
  checkOptions(place, from, to, options);
  const { name, text } = await readConfigFile(from);
  const json = parseConfigJson(text, name);
  const before = requireLlama(place, readConfig(json, name));
  const left = layersLeft(place, before, options.layers ?? []);
  const shapes = left.map(layer => shapeAfter(place, before.layers[layer], options));
  const config = { ...before, layers: shapes };
  const files = await openSafetensors(from);
  const names = matchTensors(place, before, files.tensors);
  const kept = left.map((layer, i) => keptOf(files, { layer, before: before.layers[layer], after: shapes[i], names }));
  const tensors = tensorsAfter(files, names, { before, after: config, left, kept });
  await writeSafetensors(to, reporting(place, tensors, options), {
    metadata: Object.keys(files.metadata).length > 0 ? files.metadata : undefined,
    shardBytes: options.shardBytes,
    beside: [configFile(configAfter(json, config)), ...(await filesBeside(from, TOKENIZER_FILES))],
  });
  return report(config, before, left, kept);
}

function checkOptions(place: string, from: string, to: string, options: PruneFilesOptions): void {
  const { ffn = 0, heads = 0, multipleOf = 1, layers = [] } = options;
  checkRatio(place, ffn, 'ffn');
  checkRatio(place, heads, 'heads');
  checkNumber(place, 'multipleOf', multipleOf, { least: 1, integer: true });
  if (resolve(from) === resolve(to)) {
    const cure = 'Write into another folder.';
    throw new PruneError('bad-option', { place, expected: 'two folders', got: `"${to}" for both`, cure });
  }
  if (ffn > 0 || heads > 0 || layers.length > 0) return;
  const cure = 'Set ffn, heads or layers.';
  throw new PruneError('bad-option', { place, expected: 'something to remove', got: 'nothing', cure });
}

function requireLlama(place: string, config: { readonly kind: string }): LlamaConfig {
  if (config.kind === 'llama') return config as LlamaConfig;
  const cure = 'Load other models and prune them with compress.';
  throw new PruneError('bad-file', { place, expected: 'a Llama', got: config.kind, cure });
}

function layersLeft(place: string, { layers }: LlamaConfig, removed: readonly number[]): number[] {
  const wrong = removed.find((layer, i) => layers[layer] === undefined || removed.indexOf(layer) !== i);
  if (wrong !== undefined) {
    const expected = `layers to be different numbers of 0 to ${layers.length - 1}`;
    throw new PruneError('bad-option', { place, expected, got: describe(removed), cure: 'Change layers.' });
  }
  const left = [...layers.keys()].filter(layer => !removed.includes(layer));
  if (left.length > 0) return left;
  const cure = 'Leave one.';
  throw new PruneError('empty-group', { place, expected: 'a layer to be left', got: 'none', cure });
}

function shapeAfter(place: string, layer: LayerShape, options: PruneFilesOptions): LayerShape {
  const { ffn = 0, heads = 0, multipleOf = 1 } = options;
  const { keyValueHeads, intermediateSize } = layer;
  const neurons = intermediateSize - Math.round(ffn * intermediateSize);
  const nearest = Math.max(multipleOf, Math.round(neurons / multipleOf) * multipleOf);
  const groups = keyValueHeads - Math.round(heads * keyValueHeads);
  const after = {
    ...layer,
    heads: keyValueHeads === 0 ? 0 : (layer.heads / keyValueHeads) * groups,
    keyValueHeads: groups,
    intermediateSize: ffn === 0 ? intermediateSize : Math.min(nearest, intermediateSize),
  };
  const empty = (keyValueHeads > 0 && groups === 0) || (intermediateSize > 0 && neurons === 0);
  if (!empty) return after;
  const cure = `A layer has ${keyValueHeads} key-value heads and ${intermediateSize} neurons; lower the ratio.`;
  throw new PruneError('empty-group', { place, expected: 'something of each layer to be left', got: 'nothing', cure });
}

/** The same tensors; each looks for a signal and tells of itself when its turn has come. */
function reporting(place: string, tensors: readonly TensorToWrite[], options: PruneFilesOptions): TensorToWrite[] {
  let done = 0;
  return tensors.map(tensor => ({
    ...tensor,
    async *parts() {
      options.progress?.({ stage: 'pruneFiles', done: done++, total: tensors.length, detail: tensor.name });
      for await (const part of tensor.parts()) {
        checkAborted(place, options.signal);
        yield part;
      }
    },
  }));
}

async function report(
  config: LlamaConfig,
  before: LlamaConfig,
  left: readonly number[],
  kept: readonly KeptOfLayer[],
): Promise<PrunedFiles> {
  const layers = left.map(async (layer, i) => ({
    layer,
    keyValueHeads: Array.from(await kept[i].keyValueHeads()),
    neurons: Array.from(await kept[i].neurons()),
  }));
  const parameters = { before: parametersOf(before), after: parametersOf(config) };
  return { config, parameters, layers: await Promise.all(layers) };
}

function parametersOf(config: LlamaConfig): number {
  return tensorTable(config).rows.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}
