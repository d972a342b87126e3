/** What a BERT is made of, from its config.json and back. */
import type { Json } from '../core/json';
import { ACTIVATIONS, readLabels, tokenIds, type ActivationName, type ConfigReader } from './configReader';
import { encoderJson, encoderLayers, widthsJson } from './encoderConfig';
import { LAYERS_KEY, readNormWidth, readOwnWidth, type LayerShape } from './layerShape';

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
  /** Width of the pooler, where it is not `hiddenSize`. */
  readonly poolerSize?: number;
  /** Width inside the head of a masked language model that is not tied, where it is not `hiddenSize`. */
  readonly transformSize?: number;
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
    poolerSize: readOwnWidth(reader.value(LAYERS_KEY), 'pooler_size', reader.refuse),
    transformSize: readOwnWidth(reader.value(LAYERS_KEY), 'transform_size', reader.refuse),
    labels: readLabels(reader),
  };
  value('model_type');
  reader.finish([...UNUSED, ...POOLER]);
  return config;
}

/**
 * The config.json of `config`. Where only whole heads were removed, `pruned_heads` says so, as `transformers` before version 5 has it;
 * other widths stand under the key `tfjs_prune`, as BERT has no key for them.
 */
export function bertConfigJson(config: BertConfig): Json {
  const { poolerSize, transformSize } = config;
  const more = {
    ...(poolerSize !== undefined && { pooler_size: poolerSize }),
    ...(transformSize !== undefined && { transform_size: transformSize }),
  };
  return {
    architectures: ['BertModel'],
    model_type: 'bert',
    ...encoderJson(config),
    ...widthsJson(config, false, more),
    max_position_embeddings: config.maxPositions,
    ...(config.padIds.length > 0 && { pad_token_id: config.padIds[0] }),
    position_embedding_type: 'absolute',
    tie_word_embeddings: config.tied,
    type_vocab_size: config.tokenTypes,
    vocab_size: config.vocabSize,
  };
}
