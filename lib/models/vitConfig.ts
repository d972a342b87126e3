/** What a vision transformer is made of, from its config.json and back. */
import type { Json } from '../core/json';
import { encoderJson, encoderLayers } from './bertConfig';
import { ACTIVATIONS, readLabels, type ActivationName, type ConfigReader } from './configReader';
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
  readonly labels: readonly string[];
}

export function readVitConfig(reader: ConfigReader): VitConfig {
  const { integer, only, refuse, value } = reader;
  only('is_encoder_decoder', [false]);
  only('quantization_config', [], 'Take a checkpoint in F32, F16 or BF16.');
  const config: VitConfig = {
    kind: 'vit',
    hiddenSize: integer('hidden_size'),
    layers: encoderLayers(reader),
    imageSize: integer('image_size', 224),
    patchSize: integer('patch_size', 16),
    channels: integer('num_channels', 3),
    normEpsilon: reader.number('layer_norm_eps', 1e-12),
    normWidth: readNormWidth(reader.value(LAYERS_KEY), integer('hidden_size'), reader.refuse),
    activation: reader.word('hidden_act', ACTIVATIONS, 'gelu'),
    queryBias: reader.flag('qkv_bias', true),
    labels: readLabels(reader),
  };
  value('model_type');
  const { imageSize, patchSize } = config;
  if (imageSize % patchSize !== 0) refuse('patch_size that divides image_size', `${patchSize} and ${imageSize}`);
  // The pooler and the decoder for masked images are no part of what is read.
  reader.finish(['encoder_stride', 'pooler_act', 'pooler_output_size']);
  return config;
}

/** The config.json of `config`; where heads were removed, widths stand under the key `tfjs_prune`, as ViT has no key for them. */
export function vitConfigJson(config: VitConfig): Json {
  return {
    architectures: ['ViTForImageClassification'],
    model_type: 'vit',
    ...encoderJson(config),
    image_size: config.imageSize,
    num_channels: config.channels,
    patch_size: config.patchSize,
    qkv_bias: config.queryBias,
  };
}
