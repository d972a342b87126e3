/** What a vision transformer is made of, from its config.json and back. */
import type { Json } from '../core/json';
import { ACTIVATIONS, readLabels, type ActivationName, type ConfigReader } from './configReader';
import { activationWord, encoderJson, encoderLayers, widthsJson } from './encoderConfig';
import { LAYERS_KEY, readNormWidth, type LayerShape } from './layerShape';

/** Patches of an image behind a class token, LayerNorm before each part. Widths are those of the model at hand, pruned or not. */
export interface VitConfig {
  readonly kind: 'vit';
  readonly hiddenSize: number;
  /** One entry for every layer. */
  readonly layers: readonly LayerShape[];
  /** Height and width in pixels; a multiple of `patchSize`. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly channels: number;
  readonly normEpsilon: number;
  /** What the sums of norms are divided by where dimensions were cut: the width there was at first. */
  readonly normWidth?: number;
  readonly activation: ActivationName;
  /** On queries, keys and values; the other parts always have biases. */
  readonly queryBias: boolean;
  /** Width of the pooler, where it is not `hiddenSize`. */
  readonly poolerSize?: number;
  readonly poolerActivation: ActivationName;
  readonly labels: readonly string[];
}

export function readVitConfig(reader: ConfigReader): VitConfig {
  const { integer, only, refuse, value } = reader;
  const hiddenSize = integer('hidden_size');
  const poolerSize = integer('pooler_output_size', hiddenSize);
  const headSize = value('head_dim') === undefined ? undefined : integer('head_dim');
  only('is_encoder_decoder', [false]);
  only('quantization_config', [], 'Take a checkpoint in F32, F16 or BF16.');
  const config: VitConfig = {
    kind: 'vit',
    hiddenSize,
    layers: encoderLayers(reader, headSize),
    imageSize: integer('image_size', 224),
    patchSize: integer('patch_size', 16),
    channels: integer('num_channels', 3),
    normEpsilon: reader.number('layer_norm_eps', 1e-12),
    normWidth: readNormWidth(reader.value(LAYERS_KEY), hiddenSize, reader.refuse),
    activation: reader.word('hidden_act', ACTIVATIONS, 'gelu'),
    queryBias: reader.flag('qkv_bias', true),
    poolerSize: poolerSize === hiddenSize ? undefined : poolerSize,
    poolerActivation: reader.word('pooler_act', ACTIVATIONS, 'tanh'),
    labels: readLabels(reader),
  };
  value('model_type');
  const { imageSize, patchSize } = config;
  if (imageSize % patchSize !== 0) refuse('patch_size that divides image_size', `${patchSize} and ${imageSize}`);
  // The decoder for masked images is no part of what is read.
  reader.finish(['encoder_stride']);
  return config;
}

/**
 * The config.json of `config`. Where every layer lost as many heads, `head_dim` says how wide those left are, as `transformers` from
 * version 5 on reads it; where layers lost different numbers, `pruned_heads` names them, as versions before do; other widths stand
 * under the key `tfjs_prune`.
 */
export function vitConfigJson(config: VitConfig): Json {
  return {
    architectures: ['ViTForImageClassification'],
    model_type: 'vit',
    ...encoderJson(config),
    ...widthsJson(config, true),
    image_size: config.imageSize,
    num_channels: config.channels,
    patch_size: config.patchSize,
    pooler_act: activationWord(config.poolerActivation),
    ...(config.poolerSize !== undefined && { pooler_output_size: config.poolerSize }),
    qkv_bias: config.queryBias,
  };
}
