/** What a Llama is made of, from its config.json and back. */
import { describe, isRecord, type Json } from '../core/json';
import { ACTIVATIONS, tokenIds, type ActivationName, type ConfigReader } from './configReader';
import { areUniform, LAYERS_KEY, layersJson, readLayers, requireHeads, type LayerShape } from './layerShape';

/** A decoder with RMSNorm, rotary positions and a gated feed-forward part. Widths are those of the model at hand, pruned or not. */
export interface LlamaConfig {
  readonly kind: 'llama';
  readonly vocabSize: number;
  readonly hiddenSize: number;
  /** One entry for every layer. */
  readonly layers: readonly LayerShape[];
  readonly maxPositions: number;
  readonly rmsEpsilon: number;
  readonly ropeTheta: number;
  /** Which dimensions of a head turn together: i and i + headSize / 2 (Hugging Face), or 2 i and 2 i + 1 (llama2.c). */
  readonly ropeLayout: 'halves' | 'pairs';
  readonly activation: ActivationName;
  /** Whether the output layer is the embedding of the tokens. */
  readonly tied: boolean;
  /** On queries, keys, values and the output of attention. */
  readonly attentionBias: boolean;
  readonly feedForwardBias: boolean;
  readonly beginIds: readonly number[];
  readonly endIds: readonly number[];
  readonly padIds: readonly number[];
}

/** Mistral is a Llama wherever it has no sliding window, Granite where its factors are those of a Llama. */
export const LLAMA_TYPES: readonly string[] = ['llama', 'mistral', 'granite'];

export function readLlamaConfig(reader: ConfigReader): LlamaConfig {
  const { integer, flag, refuse } = reader;
  const isMistral = reader.value('model_type') === 'mistral';
  requireSupported(reader, isMistral);
  const hiddenSize = integer('hidden_size');
  const heads = integer('num_attention_heads');
  const headSize = headSizeOf(reader, hiddenSize, heads);
  if (reader.value('model_type') === 'granite') requireFactors(reader, headSize);
  // Each of the two has a default of its own for keys that are absent, but not for those that are null.
  const lacksHeads = isMistral && !reader.has('num_key_value_heads');
  const keyValueHeads = integer('num_key_value_heads', lacksHeads ? 8 : heads);
  const intermediateSize = integer('intermediate_size');
  const sizes = { headSize, valueSize: headSize, originalHeadSize: headSize };
  const usual: LayerShape = { heads, keyValueHeads, ...sizes, intermediateSize };
  requireHeads(usual, refuse);
  const count = integer('num_hidden_layers', undefined, 0);
  const config: LlamaConfig = {
    kind: 'llama',
    vocabSize: integer('vocab_size'),
    hiddenSize,
    layers: readLayers(reader.value(LAYERS_KEY), usual, count, refuse),
    maxPositions: integer('max_position_embeddings', isMistral ? 131_072 : 2048),
    rmsEpsilon: reader.number('rms_norm_eps', 1e-6),
    ropeTheta: readTheta(reader),
    ropeLayout: 'halves',
    activation: reader.word('hidden_act', ACTIVATIONS, 'silu'),
    tied: flag('tie_word_embeddings', false),
    attentionBias: !isMistral && flag('attention_bias', false),
    feedForwardBias: !isMistral && flag('mlp_bias', false),
    beginIds: tokenIds(reader, 'bos_token_id'),
    endIds: tokenIds(reader, 'eos_token_id'),
    padIds: tokenIds(reader, 'pad_token_id'),
  };
  reader.finish(['torch_compile', 'unk_token_id']);
  return config;
}

/**
 * The config.json of `config`, as `transformers` reads it where all layers are alike; otherwise with the widths of each layer
 * under the key `tfjs_prune`. Where the heads do not divide the hidden size it is called a Mistral without a window or, with biases,
 * a Granite, which are the same model, as `transformers` refuses such a Llama.
 */
export function llamaConfigJson(config: LlamaConfig, dtype: 'float32' | 'float16' | 'bfloat16' = 'float32'): Json {
  const { hiddenSize, layers } = config;
  const most = (key: 'heads' | 'keyValueHeads' | 'headSize' | 'intermediateSize'): number =>
    layers.reduce((largest, layer) => Math.max(largest, layer[key]), 1);
  const uniform = areUniform(layers);
  return {
    ...typeKeys(config, most('heads'), most('headSize')),
    bos_token_id: idsJson(config.beginIds),
    eos_token_id: idsJson(config.endIds),
    ...(config.padIds.length > 0 && { pad_token_id: idsJson(config.padIds) }),
    hidden_act: Object.entries(ACTIVATIONS).find(([, name]) => name === config.activation)![0],
    hidden_size: hiddenSize,
    intermediate_size: most('intermediateSize'),
    max_position_embeddings: config.maxPositions,
    num_attention_heads: most('heads'),
    num_key_value_heads: most('keyValueHeads'),
    head_dim: most('headSize'),
    num_hidden_layers: layers.length,
    rms_norm_eps: config.rmsEpsilon,
    rope_scaling: null,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tied,
    torch_dtype: dtype,
    vocab_size: config.vocabSize,
    ...(!uniform && { [LAYERS_KEY]: layersJson(layers) }),
  };
}

/** The keys that say which class of `transformers` can hold such a model. */
function typeKeys(config: LlamaConfig, heads: number, headSize: number): Json {
  const biases = { attention_bias: config.attentionBias, mlp_bias: config.feedForwardBias };
  if (config.hiddenSize % heads === 0) return { architectures: ['LlamaForCausalLM'], model_type: 'llama', ...biases };
  if (!config.attentionBias && !config.feedForwardBias) {
    return { architectures: ['MistralForCausalLM'], model_type: 'mistral', sliding_window: null };
  }
  const factors = { ...UNIT_FACTORS, attention_multiplier: 1 / Math.sqrt(headSize) };
  return { architectures: ['GraniteForCausalLM'], model_type: 'granite', ...biases, ...factors };
}

/** What a Granite multiplies by, or divides by, and a Llama does not. */
const UNIT_FACTORS = { embedding_multiplier: 1, residual_multiplier: 1, logits_scaling: 1 } as const;

function requireFactors({ only, value, refuse }: ConfigReader, headSize: number): void {
  for (const key of Object.keys(UNIT_FACTORS)) only(key, [1], 'Only Granites that are Llamas are supported.');
  const factor = value('attention_multiplier');
  if (typeof factor === 'number' && Math.abs(factor * Math.sqrt(headSize) - 1) < 1e-6) return;
  refuse(`attention_multiplier to be 1 / sqrt of the head size, ${headSize}`, describe(factor));
}

function idsJson(ids: readonly number[]): unknown {
  return ids.length === 0 ? null : ids.length === 1 ? ids[0] : [...ids];
}

function requireSupported({ only, has, refuse }: ConfigReader, isMistral: boolean): void {
  only('rope_scaling', [{ type: 'default' }, { rope_type: 'default' }], 'Scaled rotary positions are not supported.');
  only('partial_rotary_factor', [1]);
  only('is_encoder_decoder', [false]);
  only('quantization_config', [], 'Take a checkpoint in F32, F16 or BF16.');
  if (!isMistral) return;
  const cure = 'Attention with a window is not supported.';
  only('sliding_window', [], cure);
  if (!has('sliding_window')) refuse('sliding_window to be null', 'none, which stands for 4096', cure);
}

function headSizeOf({ integer, value, refuse }: ConfigReader, hiddenSize: number, heads: number): number {
  const told = value('head_dim') !== undefined;
  if (!told && hiddenSize % heads !== 0) {
    refuse('num_attention_heads that divide hidden_size, or a head_dim', `${heads} and ${hiddenSize}`);
  }
  const headSize = integer('head_dim', hiddenSize / heads);
  return headSize % 2 === 0 ? headSize : refuse('heads of even width, for rotary positions', String(headSize));
}

/** Newer files keep it in `rope_parameters`. */
function readTheta(reader: ConfigReader): number {
  const parameters = reader.value('rope_parameters');
  const theta = reader.number('rope_theta', 10_000);
  if (parameters === undefined) return theta;
  const { refuse } = reader;
  if (!isRecord(parameters)) return refuse('rope_parameters to be an object', describe(parameters));
  const { rope_type: type = 'default', rope_theta: inner = theta, ...rest } = parameters;
  const strange = Object.keys(rest).filter(
    key => rest[key] != null && !(key === 'partial_rotary_factor' && rest[key] === 1),
  );
  const sound = type === 'default' && strange.length === 0 && typeof inner === 'number' && inner > 0;
  const agree = reader.value('rope_theta') === undefined || inner === theta;
  if (sound && agree) return inner;
  const cure = 'Scaled rotary positions are not supported.';
  return refuse('rope_parameters of type "default" with a rope_theta', describe(parameters), cure);
}
