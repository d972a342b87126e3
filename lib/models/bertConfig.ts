/** What a BERT is made of, from its config.json and back. */
import type { Json } from '../core/json';
import { ACTIVATIONS, readLabels, tokenIds, type ActivationName, type ConfigReader } from './configReader';
import {
  areUniform,
  LAYERS_KEY,
  layersJson,
  readLayers,
  readNormWidth,
  requireHeads,
  type LayerShape,
} from './layerShape';

/** An encoder with learned positions and LayerNorm after each sum. Widths are those of the model at hand, pruned or not. */
export interface BertConfig {
  readonly kind: 'bert';
  readonly vocabSize: number;
  readonly hiddenSize: number;
  /** One entry for every layer. */
  readonly layers: readonly LayerShape[];
  readonly maxPositions: number;
  /** Kinds of tokens: 2 where sentences come in pairs. */
  readonly tokenTypes: number;
  readonly normEpsilon: number;
  /** What the sums of norms are divided by where dimensions were cut: the width there was at first. */
  readonly normWidth?: number;
  readonly activation: ActivationName;
  /** Whether the output layer of a masked language model is the embedding of the tokens. */
  readonly tied: boolean;
  readonly padIds: readonly number[];
  /** Of a classifier, where the checkpoint has one. */
  readonly labels: readonly string[];
}

const UNUSED = ['directionality', 'layer_norm_type', 'bos_token_id', 'eos_token_id'];
const POOLER = ['fc_size', 'num_attention_heads', 'num_fc_layers', 'size_per_head', 'type'].map(key => `pooler_${key}`);

export function readBertConfig(reader: ConfigReader): BertConfig {
  const { integer, only, value } = reader;
  only('position_embedding_type', ['absolute'], 'Relative positions are not supported.');
  only('is_decoder', [false], 'Only encoders are supported.');
  only('add_cross_attention', [false]);
  only('is_encoder_decoder', [false]);
  only('pruned_heads', [{}], 'Load it with transformers and save it again.');
  only('quantization_config', [], 'Take a checkpoint in F32, F16 or BF16.');
  const config: BertConfig = {
    kind: 'bert',
    vocabSize: integer('vocab_size'),
    hiddenSize: integer('hidden_size'),
    layers: encoderLayers(reader),
    maxPositions: integer('max_position_embeddings', 512),
    tokenTypes: integer('type_vocab_size', 2),
    normEpsilon: reader.number('layer_norm_eps', 1e-12),
    normWidth: readNormWidth(reader.value(LAYERS_KEY), integer('hidden_size'), reader.refuse),
    activation: reader.word('hidden_act', ACTIVATIONS, 'gelu'),
    tied: reader.flag('tie_word_embeddings', true),
    padIds: tokenIds(reader, 'pad_token_id'),
    labels: readLabels(reader),
  };
  value('model_type');
  reader.finish([...UNUSED, ...POOLER]);
  return config;
}

/** The config.json of `config`; where heads were removed, widths stand under the key `tfjs_prune`, as BERT has no key for them. */
export function bertConfigJson(config: BertConfig): Json {
  return {
    architectures: ['BertModel'],
    model_type: 'bert',
    ...encoderJson(config),
    max_position_embeddings: config.maxPositions,
    ...(config.padIds.length > 0 && { pad_token_id: config.padIds[0] }),
    position_embedding_type: 'absolute',
    tie_word_embeddings: config.tied,
    type_vocab_size: config.tokenTypes,
    vocab_size: config.vocabSize,
  };
}

/** Heads have no width of their own in such configs: together they are as wide as the model. */
export function encoderLayers(reader: ConfigReader): readonly LayerShape[] {
  const { integer, refuse } = reader;
  const [hiddenSize, heads] = [integer('hidden_size'), integer('num_attention_heads')];
  const told = reader.value(LAYERS_KEY);
  if (told === undefined && hiddenSize % heads !== 0) {
    refuse('num_attention_heads that divide hidden_size', `${heads} and ${hiddenSize}`);
  }
  const size = Math.floor(hiddenSize / heads);
  const sizes = { headSize: size, valueSize: size, originalHeadSize: size };
  const usual = { heads, keyValueHeads: heads, ...sizes, intermediateSize: integer('intermediate_size') };
  const layers = readLayers(told, usual, integer('num_hidden_layers', undefined, 0), refuse);
  for (const layer of layers) {
    requireHeads(layer, refuse);
    if (layer.heads !== layer.keyValueHeads) refuse('as many heads of keys as of queries', JSON.stringify(layer));
    if (layer.rotaryPairs) refuse('no rotary_pairs, as it has no rotary positions', JSON.stringify(layer.rotaryPairs));
  }
  return layers;
}

export function encoderJson(config: {
  readonly hiddenSize: number;
  readonly layers: readonly LayerShape[];
  readonly activation: ActivationName;
  readonly normEpsilon: number;
  readonly normWidth?: number;
  readonly labels: readonly string[];
}): Json {
  const { hiddenSize, layers, normWidth, labels } = config;
  const most = (key: 'heads' | 'intermediateSize'): number =>
    layers.reduce((largest, layer) => Math.max(largest, layer[key]), 1);
  const ownNorms = normWidth !== undefined && normWidth !== hiddenSize;
  const plain =
    !ownNorms && areUniform(layers) && layers.every(({ heads, headSize }) => heads * headSize === hiddenSize);
  return {
    hidden_act: Object.entries(ACTIVATIONS).find(([, name]) => name === config.activation)![0],
    hidden_size: hiddenSize,
    id2label: Object.fromEntries(labels.map((word, i) => [i, word])),
    label2id: Object.fromEntries(labels.map((word, i) => [word, i])),
    intermediate_size: most('intermediateSize'),
    layer_norm_eps: config.normEpsilon,
    num_attention_heads: most('heads'),
    num_hidden_layers: layers.length,
    torch_dtype: 'float32',
    ...(!(plain || (layers.length === 0 && !ownNorms)) && {
      [LAYERS_KEY]: { ...layersJson(layers), ...(ownNorms && { norm_width: normWidth }) },
    }),
  };
}
