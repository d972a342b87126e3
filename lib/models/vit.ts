/**
 * A vision transformer as a LayersModel of stock layers and ours: `image [batch, height, width, channels]` in; by the head the last
 * hidden state `[batch, 1 + patches, width]`, the pooled `[batch, width]`, or the scores `[batch, labels]` out.
 */
import type { Topology } from '../core/checkpoint';
import type { AttentionUnits } from '../rules/attention';
import { CLASS_TOKEN, FIRST_TOKEN, POSITION_EMBEDDING } from '../rules/positions';
import { LAYER_NORM } from '../rules/widthNorms';
import { encoderStyle } from './bert';
import { ACTIVATION_WORDS, addBlock, addNorm, prefixOf, type NormStyle } from './block';
import { blueprint } from './blueprint';
import type { LayerShape } from './layerShape';
import { densePlaces, normPlaces, type Place } from './places';
import type { VitConfig } from './vitConfig';

export type VitHead = 'hidden' | 'pooler' | 'classifier';
export const VIT_HEADS: readonly VitHead[] = ['hidden', 'pooler', 'classifier'];

export interface VitOptions {
  /** What comes out: the last hidden state, the pooled first token, or the scores of the classes; default 'classifier'. */
  readonly head?: VitHead;
  /** What can be pruned in attention: whole heads, or dimensions of all heads of a layer alike; default 'heads'. */
  readonly units?: AttentionUnits;
}

/** `numbers` are those in the names of the layers: 0, 1, ... unless some layers are gone. */
export function vitTopology(
  config: VitConfig,
  { head = 'classifier', units = 'heads' }: VitOptions = {},
  numbers?: readonly number[],
): Topology {
  const { hiddenSize, imageSize, patchSize, channels, normEpsilon, normWidth } = config;
  const norm: NormStyle = { className: LAYER_NORM, epsilon: normEpsilon, width: normWidth };
  const style = encoderStyle({ norm, place: 'pre', activation: config.activation, units }, config.queryBias);
  const patches = (imageSize / patchSize) ** 2;
  const net = blueprint();
  const image = net.input('image', [imageSize, imageSize, channels], 'float32');
  const kernel = { filters: hiddenSize, kernelSize: [patchSize, patchSize], strides: [patchSize, patchSize] };
  const convolution = { ...kernel, padding: 'valid', useBias: true, activation: 'linear', dataFormat: 'channelsLast' };
  const grid = net.layer('Conv2D', 'patch_embeddings', convolution, image);
  const row = net.layer('Reshape', 'patch_row', { targetShape: [patches, hiddenSize] }, grid);
  const withToken = net.layer(CLASS_TOKEN, 'class_token', {}, row);
  let stream = net.layer(POSITION_EMBEDDING, 'position_embeddings', { maxLength: patches + 1 }, withToken);
  config.layers.forEach((shape, i) => {
    stream = addBlock(net, stream, { prefix: prefixOf(numbers?.[i] ?? i), shape, style, size: hiddenSize });
  });
  stream = addNorm(net, 'norm', norm, stream);
  if (head !== 'hidden') {
    const first = net.layer(FIRST_TOKEN, 'first_token', {}, stream);
    const activation = ACTIVATION_WORDS[config.poolerActivation];
    stream =
      head === 'pooler'
        ? net.dense('pooler', config.poolerSize ?? hiddenSize, { useBias: true, activation }, first)
        : net.dense('classifier', config.labels.length, { useBias: true }, first);
  }
  return net.model('vit', [image], stream);
}

/** Where the tensors of a ViT lie in the model of {@link vitTopology}. */
export function vitPlaces(
  config: VitConfig,
  { head = 'classifier' }: VitOptions = {},
  numbers?: readonly number[],
): Place[] {
  const embeddings = 'vit.embeddings.';
  const patches = `${embeddings}patch_embeddings.projection`;
  return [
    { layer: 'patch_embeddings', weight: 0, tensor: `${patches}.weight`, lying: 'patches' },
    { layer: 'patch_embeddings', weight: 1, tensor: `${patches}.bias`, lying: 'same' },
    { layer: 'class_token', weight: 0, tensor: `${embeddings}cls_token`, lying: 'same' },
    { layer: 'position_embeddings', weight: 0, tensor: `${embeddings}position_embeddings`, lying: 'row' },
    ...config.layers.flatMap((shape, i) =>
      layerPlaces(shape, config.queryBias, prefixOf(numbers?.[i] ?? i), `vit.encoder.layer.${i}.`),
    ),
    ...normPlaces('norm', 'vit.layernorm', true),
    ...(head === 'pooler' ? densePlaces('pooler', 'vit.pooler.dense', true) : []),
    ...(head === 'classifier' ? densePlaces('classifier', 'classifier', true) : []),
  ];
}

function layerPlaces(
  { heads, intermediateSize }: LayerShape,
  queryBias: boolean,
  ours: string,
  theirs: string,
): Place[] {
  const attention = [
    ...normPlaces(`${ours}attention_norm`, `${theirs}layernorm_before`, true),
    ...densePlaces(`${ours}attention_query`, `${theirs}attention.attention.query`, queryBias),
    ...densePlaces(`${ours}attention_key`, `${theirs}attention.attention.key`, queryBias),
    ...densePlaces(`${ours}attention_value`, `${theirs}attention.attention.value`, queryBias),
    ...densePlaces(`${ours}attention_output`, `${theirs}attention.output.dense`, true),
  ];
  const feedForward = [
    ...normPlaces(`${ours}feed_forward_norm`, `${theirs}layernorm_after`, true),
    ...densePlaces(`${ours}feed_forward_up`, `${theirs}intermediate.dense`, true),
    ...densePlaces(`${ours}feed_forward_down`, `${theirs}output.dense`, true),
  ];
  return [...(heads > 0 ? attention : []), ...(intermediateSize > 0 ? feedForward : [])];
}
