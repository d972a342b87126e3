/** The tensors of a Llama: weights are `[out, in]`. */
import type { LayerShape } from './layerShape';
import type { LlamaConfig } from './llamaConfig';
import type { TensorRow, TensorTable } from './tensorRow';

export function llamaTensors(config: LlamaConfig): TensorTable {
  const { vocabSize, hiddenSize, tied } = config;
  const [embedding, head] = ['model.embed_tokens.weight', 'lm_head.weight'];
  const shape = [vocabSize, hiddenSize];
  const rows: TensorRow[] = [
    // Where both are one, a file may hold it under either name.
    { name: embedding, shape, ...(tied && { or: [head] }) },
    ...config.layers.flatMap((layer, i) => layerRows(`model.layers.${i}.`, layer, config)),
    { name: 'model.norm.weight', shape: [hiddenSize] },
    ...(tied ? [] : [{ name: head, shape }]),
  ];
  return { rows, prefix: 'model.', harmless: /rotary_emb\.inv_freq$/ };
}

function layerRows(prefix: string, layer: LayerShape, config: LlamaConfig): TensorRow[] {
  const { hiddenSize, attentionBias, feedForwardBias } = config;
  const { heads, keyValueHeads, headSize, valueSize, intermediateSize } = layer;
  const linear = (name: string, out: number, from: number, bias: boolean): TensorRow[] => [
    { name: `${prefix}${name}.weight`, shape: [out, from] },
    ...(bias ? [{ name: `${prefix}${name}.bias`, shape: [out] }] : []),
  ];
  const attention = [
    { name: `${prefix}input_layernorm.weight`, shape: [hiddenSize] },
    ...linear('self_attn.q_proj', heads * headSize, hiddenSize, attentionBias),
    ...linear('self_attn.k_proj', keyValueHeads * headSize, hiddenSize, attentionBias),
    ...linear('self_attn.v_proj', keyValueHeads * valueSize, hiddenSize, attentionBias),
    ...linear('self_attn.o_proj', hiddenSize, heads * valueSize, attentionBias),
  ];
  const feedForward = [
    { name: `${prefix}post_attention_layernorm.weight`, shape: [hiddenSize] },
    ...linear('mlp.gate_proj', intermediateSize, hiddenSize, feedForwardBias),
    ...linear('mlp.up_proj', intermediateSize, hiddenSize, feedForwardBias),
    ...linear('mlp.down_proj', hiddenSize, intermediateSize, feedForwardBias),
  ];
  return [...(heads > 0 ? attention : []), ...(intermediateSize > 0 ? feedForward : [])];
}
