/** What the config.json of an encoder says of its layers, in the words of `transformers` as far as these reach. */
import { describe, isIndex, isRecord, type Json, type Refuse } from '../core/json';
import { ACTIVATIONS, type ActivationName, type ConfigReader } from './configReader';
import {
  areUniform,
  LAYERS_KEY,
  layersJson,
  OWN_WIDTHS,
  readLayers,
  requireHeads,
  type LayerShape,
} from './layerShape';

/** `headSize` where the config has a key for it; otherwise heads together are as wide as the model was before any went. */
export function encoderLayers(reader: ConfigReader, headSize?: number): readonly LayerShape[] {
  const { integer, refuse } = reader;
  const [hiddenSize, heads] = [integer('hidden_size'), integer('num_attention_heads')];
  const told = reader.value(LAYERS_KEY);
  if (told === undefined && headSize === undefined && hiddenSize % heads !== 0) {
    refuse('num_attention_heads that divide hidden_size', `${heads} and ${hiddenSize}`);
  }
  const size = headSize ?? Math.floor(hiddenSize / heads);
  const sizes = { headSize: size, valueSize: size, originalHeadSize: size };
  const usual = { heads, keyValueHeads: heads, ...sizes, intermediateSize: integer('intermediate_size') };
  const count = integer('num_hidden_layers', undefined, 0);
  const layers = withoutPruned(readLayers(told, usual, count, refuse, OWN_WIDTHS), heads, reader);
  for (const layer of layers) {
    requireHeads(layer, refuse);
    if (layer.heads !== layer.keyValueHeads) refuse('as many heads of keys as of queries', JSON.stringify(layer));
    if (layer.rotaryPairs) refuse('no rotary_pairs, as it has no rotary positions', JSON.stringify(layer.rotaryPairs));
  }
  return layers;
}

/** `pruned_heads` names the heads that are gone, layer by layer; the tensors are without them. */
function withoutPruned(
  layers: readonly LayerShape[],
  heads: number,
  { value, refuse }: ConfigReader,
): readonly LayerShape[] {
  const pruned = value('pruned_heads') ?? {};
  if (!isRecord(pruned)) return refuse('pruned_heads to be an object', describe(pruned));
  const gone = new Map(Object.entries(pruned).map(([layer, list]) => [Number(layer), headsIn(list, heads, refuse)]));
  const strange = Object.keys(pruned).find(key => !(isIndex(Number(key)) && Number(key) < layers.length));
  if (strange !== undefined) refuse(`pruned_heads of layers below ${layers.length}`, strange);
  if (gone.size > 0 && value(LAYERS_KEY) !== undefined) refuse(`pruned_heads or ${LAYERS_KEY}`, 'both');
  return layers.map((layer, i) => {
    const left = heads - (gone.get(i) ?? 0);
    return gone.has(i) ? { ...layer, heads: left, keyValueHeads: left } : layer;
  });
}

function headsIn(list: unknown, heads: number, refuse: Refuse): number {
  const sound = Array.isArray(list) && list.every(head => isIndex(head) && head < heads);
  const gone = sound ? new Set(list).size : heads;
  return gone < heads ? gone : refuse(`pruned_heads to list some heads below ${heads}, not all`, describe(list));
}

export interface EncoderWidths {
  readonly hiddenSize: number;
  readonly layers: readonly LayerShape[];
  readonly normWidth?: number;
}

/**
 * The widths of `encoder`: where whole heads are gone, as `transformers` from version 5 (`headKey`) or before (`pruned_heads`) reads them;
 * otherwise under a key of our own, with `more`, widths that only stand there.
 */
export function widthsJson(encoder: EncoderWidths, headKey: boolean, more: Json = {}): Json {
  const { hiddenSize, layers, normWidth } = encoder;
  const others = { ...(normWidth !== undefined && normWidth !== hiddenSize && { norm_width: normWidth }), ...more };
  const most = (key: 'heads' | 'intermediateSize'): number =>
    layers.reduce((largest, layer) => Math.max(largest, layer[key]), 1);
  const usual = {
    hidden_size: hiddenSize,
    intermediate_size: most('intermediateSize'),
    num_attention_heads: most('heads'),
    num_hidden_layers: layers.length,
  };
  if (Object.keys(others).length > 0) return { ...usual, [LAYERS_KEY]: { ...layersJson(layers), ...others } };
  if (layers.length === 0) return usual;
  const [{ heads, headSize }] = layers;
  if (areUniform(layers) && heads * headSize === hiddenSize) return usual;
  if (areUniform(layers) && headKey) return { ...usual, head_dim: headSize };
  return { ...usual, ...(prunedHeadsJson(encoder) ?? { [LAYERS_KEY]: layersJson(layers) }) };
}

/** Undefined where more is gone than whole heads. */
function prunedHeadsJson({ hiddenSize, layers }: EncoderWidths): Json | undefined {
  const [{ headSize }] = layers;
  const all = hiddenSize / headSize;
  const alike = areUniform(layers.map(layer => ({ ...layer, heads: 1, keyValueHeads: 1 })));
  const some = layers.every(({ heads }) => heads > 0 && heads <= all);
  if (!Number.isInteger(all) || !alike || !some) return undefined;
  // Which they were makes no difference to those that are left.
  const gone = layers.map(({ heads }, i) => [i, Array.from({ length: all - heads }, (_, k) => heads + k)] as const);
  return {
    num_attention_heads: all,
    pruned_heads: Object.fromEntries(gone.filter(([, list]) => list.length > 0)),
  };
}

/** What is the same in the config.json of every encoder. */
export function encoderJson(config: {
  readonly activation: ActivationName;
  readonly normEpsilon: number;
  readonly labels: readonly string[];
}): Json {
  const { labels } = config;
  return {
    hidden_act: activationWord(config.activation),
    id2label: Object.fromEntries(labels.map((word, i) => [i, word])),
    label2id: Object.fromEntries(labels.map((word, i) => [word, i])),
    layer_norm_eps: config.normEpsilon,
    torch_dtype: 'float32',
  };
}

/** The first of the names that `transformers` has for it. */
export function activationWord(activation: ActivationName): string {
  return Object.entries(ACTIVATIONS).find(([, name]) => name === activation)![0];
}
