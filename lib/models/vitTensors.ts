/** The tensors of a vision transformer: weights are `[out, in]`, patches `[out, channels, height, width]`. */
import { linear, normRows } from './bertTensors';
import type { LayerShape } from './layerShape';
import type { TensorRow, TensorTable } from './tensorRow';
import type { VitConfig } from './vitConfig';

export function vitTensors(config: VitConfig): TensorTable {
  const { hiddenSize, channels, patchSize, imageSize, labels, poolerSize = hiddenSize } = config;
  const positions = (imageSize / patchSize) ** 2 + 1;
  const patches = 'vit.embeddings.patch_embeddings.projection';
  const head = [
    ...linear('vit.pooler.dense', poolerSize, hiddenSize),
    ...linear('classifier', labels.length, hiddenSize),
  ];
  const rows: TensorRow[] = [
    { name: 'vit.embeddings.cls_token', shape: [1, 1, hiddenSize] },
    { name: 'vit.embeddings.position_embeddings', shape: [1, positions, hiddenSize] },
    { name: `${patches}.weight`, shape: [hiddenSize, channels, patchSize, patchSize] },
    { name: `${patches}.bias`, shape: [hiddenSize] },
    ...config.layers.flatMap((layer, i) => layerRows(`vit.encoder.layer.${i}.`, layer, config)),
    ...normRows('vit.layernorm', hiddenSize),
    ...head.map(row => ({ ...row, optional: true })),
  ];
  return { rows, prefix: 'vit.', harmless: /(^|\.)embeddings\.mask_token$/ };
}

function layerRows(prefix: string, layer: LayerShape, { hiddenSize, queryBias }: VitConfig): TensorRow[] {
  const { heads, headSize, valueSize, intermediateSize } = layer;
  const attention = [
    ...normRows(`${prefix}layernorm_before`, hiddenSize),
    ...linear(`${prefix}attention.attention.query`, heads * headSize, hiddenSize, queryBias),
    ...linear(`${prefix}attention.attention.key`, heads * headSize, hiddenSize, queryBias),
    ...linear(`${prefix}attention.attention.value`, heads * valueSize, hiddenSize, queryBias),
    ...linear(`${prefix}attention.output.dense`, hiddenSize, heads * valueSize),
  ];
  const feedForward = [
    ...normRows(`${prefix}layernorm_after`, hiddenSize),
    ...linear(`${prefix}intermediate.dense`, intermediateSize, hiddenSize),
    ...linear(`${prefix}output.dense`, hiddenSize, intermediateSize),
  ];
  return [...(heads > 0 ? attention : []), ...(intermediateSize > 0 ? feedForward : [])];
}
