/** Models of random weights, to be trained from the beginning. */
import '../layers/registered';
import { checkNumber } from '../core/check';
import { ndarray, sizeOf } from '../core/array';
import type { Checkpoint } from '../core/checkpoint';
import type { Json } from '../core/json';
import { random } from '../core/random';
import { materialize } from '../runtime/materialize';
import { bertPlaces, bertTopology, type BertOptions } from './bert';
import type { BertConfig } from './bertConfig';
import { readConfig, type ModelConfig } from './config';
import { llamaPlaces, llamaTopology, type LlamaOptions } from './llama';
import type { LlamaConfig } from './llamaConfig';
import type { Loaded } from './load';
import { weightsAt, type Place } from './places';
import { tensorTable } from './tensorTable';

export interface CreateOptions {
  /** Default: 0. */
  readonly seed?: number;
  /** Standard deviation of the weights; default: 0.02, as in BERT and Llama. Narrow models learn sooner with more. */
  readonly deviation?: number;
}

/**
 * A Llama with the keys of a config.json, as `loadLlama` gives it, of random weights: normal ones, scales of norms 1, biases 0. The
 * caller disposes it. The same seed gives the same bytes.
 * @throws PruneError `bad-file` for a key that is not understood or a value that is not supported, `bad-option`.
 */
export async function createLlama(
  json: Json,
  { seed, deviation, ...options }: CreateOptions & LlamaOptions = {},
): Promise<Loaded<LlamaConfig>> {
  const config = readConfig({ ...json, model_type: 'llama' }) as LlamaConfig;
  const weights = await randomWeights('createLlama', config, llamaPlaces(config), { seed, deviation });
  return { model: materialize({ topology: llamaTopology(config, options), weights }), config };
}

/** A BERT likewise, as `loadBert` gives it. @throws as {@link createLlama}. */
export async function createBert(
  json: Json,
  { seed, deviation, ...options }: CreateOptions & BertOptions = {},
): Promise<Loaded<BertConfig>> {
  const config = readConfig({ ...json, model_type: 'bert' }) as BertConfig;
  const weights = await randomWeights('createBert', config, bertPlaces(config, options), { seed, deviation });
  return { model: materialize({ topology: bertTopology(config, options), weights }), config };
}

function randomWeights(
  place: string,
  config: ModelConfig,
  places: readonly Place[],
  { seed = 0, deviation = 0.02 }: CreateOptions,
): Promise<Checkpoint['weights']> {
  checkNumber(place, 'deviation', deviation, { least: 0 });
  return drawnWeights(config, places, (tensor, { length: rank }) => {
    const { normal } = random(seed, 'create', tensor);
    return rank > 1 ? () => deviation * normal() : () => (tensor.endsWith('weight') ? 1 : 0);
  });
}

/** The weights at `places` of a model of that config, each number of a tensor what `drawsFor` its name and shape gives next. */
export function drawnWeights(
  config: ModelConfig,
  places: readonly Place[],
  drawsFor: (tensor: string, shape: readonly number[]) => () => number,
): Promise<Checkpoint['weights']> {
  const shapes = new Map(tensorTable(config).rows.map(({ name, shape }) => [name, shape]));
  return weightsAt(places, async tensor => {
    const shape = shapes.get(tensor)!;
    return ndarray(Float32Array.from({ length: sizeOf(shape) }, drawsFor(tensor, shape)), shape);
  });
}
