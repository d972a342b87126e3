/** The widths of one transformer layer, and how a config.json tells them where layers differ. */
import { describe, isIndex, isRecord, type Json, type Refuse } from '../core/json';

/** A layer without heads has no attention, one of width 0 no feed-forward part; what it is added to passes by. */
export interface LayerShape {
  /** Of queries; a multiple of `keyValueHeads`. */
  readonly heads: number;
  /** Each serves `heads / keyValueHeads` heads that follow each other. */
  readonly keyValueHeads: number;
  /** Width of a query and of a key. */
  readonly headSize: number;
  /** Width of a value. */
  readonly valueSize: number;
  /** What `headSize` was before pruning: attention is divided by its root, and rotary angles count by it. */
  readonly originalHeadSize: number;
  /** Which of the `originalHeadSize / 2` pairs of rotary dimensions are left; all, where absent. */
  readonly rotaryPairs?: readonly number[];
  /** Neurons of the feed-forward part. */
  readonly intermediateSize: number;
}

/**
 * The key under which a config.json tells the widths of each layer where they differ, or cannot be told otherwise:
 * `{"layers": [{"num_attention_heads", "num_key_value_heads", "head_dim", "value_head_dim", "original_head_dim",
 * "rotary_pairs"?, "intermediate_size"}], "norm_width"?, "pooler_size"?, "transform_size"?}`: `norm_width` is what the sums of LayerNorm
 * are divided by where dimensions were cut, `pooler_size` the width of a BERT's pooler, `transform_size` that inside its head for masked
 * tokens. No other program reads it.
 */
export const LAYERS_KEY = 'tfjs_prune';

/** What an encoder may say there beside its layers. */
export const OWN_WIDTHS: readonly string[] = ['norm_width', 'pooler_size', 'transform_size'];

/** Far more than anybody has; a list of them has to be made. */
const MOST_LAYERS = 10_000;

const NAMES = {
  heads: 'num_attention_heads',
  keyValueHeads: 'num_key_value_heads',
  headSize: 'head_dim',
  valueSize: 'value_head_dim',
  originalHeadSize: 'original_head_dim',
  intermediateSize: 'intermediate_size',
} as const;

/**
 * The layers that `value` tells, as many as there have to be; `count` times `usual` where it is undefined. Beside them it may hold
 * `others` alone.
 */
export function readLayers(
  value: unknown,
  usual: LayerShape,
  count: number,
  refuse: Refuse,
  others: readonly string[] = [],
): readonly LayerShape[] {
  if (count > MOST_LAYERS) refuse(`num_hidden_layers of at most ${MOST_LAYERS}`, String(count));
  if (value === undefined) return Array.from({ length: count }, () => usual);
  const { layers, ...rest } = isRecord(value) ? value : refuse(`${LAYERS_KEY} to be an object`, describe(value));
  const strange = Object.keys(rest).filter(key => !others.includes(key));
  if (strange.length > 0) refuse(`keys of ${LAYERS_KEY} that are understood`, strange.join(', '));
  if (!Array.isArray(layers) || layers.length !== count) {
    const got = Array.isArray(layers) ? String(layers.length) : describe(layers);
    return refuse(`${LAYERS_KEY} to list num_hidden_layers = ${count} layers`, got);
  }
  return layers.map((layer: unknown, i) => {
    const refuseLayer: Refuse = (expected, got, cure) =>
      refuse(`layer ${i} of ${LAYERS_KEY} with ${expected}`, got, cure);
    return isRecord(layer) ? readLayer(layer, usual, refuseLayer) : refuseLayer('widths', describe(layer));
  });
}

/** The value for {@link LAYERS_KEY}. */
export function layersJson(layers: readonly LayerShape[]): Json {
  return {
    layers: layers.map(layer => ({
      ...Object.fromEntries(Object.entries(NAMES).map(([key, name]) => [name, layer[key as keyof typeof NAMES]])),
      ...(layer.rotaryPairs && { rotary_pairs: [...layer.rotaryPairs] }),
    })),
  };
}

/** What the sums of norms are divided by, where it is told: at least `size`, the width there is. */
export function readNormWidth(value: unknown, size: number, refuse: Refuse): number | undefined {
  return readOwnWidth(value, 'norm_width', refuse, size);
}

/** One of {@link OWN_WIDTHS}, where it is told: at least `least`. */
export function readOwnWidth(value: unknown, key: string, refuse: Refuse, least = 1): number | undefined {
  const width = isRecord(value) ? value[key] : undefined;
  if (width === undefined || (isIndex(width) && width >= least)) return width;
  return refuse(`${key} of ${LAYERS_KEY} to be a whole number of at least ${least}`, describe(width));
}

/** Whether the usual keys of a config.json tell all there is to tell of them. */
export function areUniform(layers: readonly LayerShape[]): boolean {
  const [first] = layers;
  const keys = Object.keys(NAMES) as (keyof typeof NAMES)[];
  const alike = layers.every(layer => layer.rotaryPairs === undefined && keys.every(key => layer[key] === first[key]));
  return alike && layers.every(isUsual);
}

function isUsual({ heads, headSize, valueSize, originalHeadSize, intermediateSize }: LayerShape): boolean {
  return heads > 0 && intermediateSize > 0 && valueSize === headSize && originalHeadSize === headSize;
}

/** @throws what `refuse` throws for heads that cannot be shared out. */
export function requireHeads({ heads, keyValueHeads }: LayerShape, refuse: Refuse): void {
  if (heads === 0 ? keyValueHeads === 0 : heads % keyValueHeads === 0) return;
  refuse('num_key_value_heads that divide num_attention_heads', `${keyValueHeads} and ${heads}`);
}

function readLayer(json: Json, usual: LayerShape, refuse: Refuse): LayerShape {
  const strange = Object.keys(json).filter(key => ![...Object.values<string>(NAMES), 'rotary_pairs'].includes(key));
  if (strange.length > 0) refuse('keys that are understood', strange.join(', '));
  const size = (key: keyof typeof NAMES): number => {
    const value = json[NAMES[key]] ?? usual[key];
    return isIndex(value) ? value : refuse(`${NAMES[key]} to be a whole number of at least 0`, describe(value));
  };
  const keys = Object.keys(NAMES) as (keyof typeof NAMES)[];
  const layer = Object.fromEntries(keys.map(key => [key, size(key)])) as unknown as LayerShape;
  requireHeads(layer, refuse);
  const { headSize, originalHeadSize } = layer;
  if (layer.heads > 0 && !(headSize > 0 && layer.valueSize > 0)) refuse('heads of some width', describe(json));
  if (json.rotary_pairs === undefined) return layer;
  const pairs = json.rotary_pairs;
  const most = originalHeadSize / 2;
  const sound =
    Array.isArray(pairs) &&
    pairs.length * 2 === headSize &&
    pairs.every((pair, i) => isIndex(pair) && pair < most && (i === 0 || pair > pairs[i - 1]));
  if (!sound) return refuse(`rotary_pairs of ${headSize / 2} ascending numbers below ${most}`, describe(pairs));
  return { ...layer, rotaryPairs: pairs as number[] };
}
