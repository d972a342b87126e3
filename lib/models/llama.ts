/** Llama as a LayersModel of stock layers and ours: `tokens [batch, time]` in, `logits [batch, time, vocabulary]` out. */
import type { Topology } from '../core/checkpoint';
import type { AttentionUnits } from '../rules/attention';
import { TIED_EMBEDDING } from '../rules/tiedEmbedding';
import { RMS_NORM } from '../rules/widthNorms';
import { addBlock, addNorm, prefixOf, type BlockStyle } from './block';
import { blueprint } from './blueprint';
import type { LlamaConfig } from './llamaConfig';
import { densePlaces, normPlaces, type Place } from './places';

export interface LlamaOptions {
  /** What can be pruned in attention: whole heads, or dimensions of all heads of a layer alike; default 'heads'. */
  readonly units?: AttentionUnits;
}

/** `numbers` are those in the names of the layers: 0, 1, ... unless some layers are gone. */
export function llamaTopology(
  config: LlamaConfig,
  { units = 'heads' }: LlamaOptions = {},
  numbers?: readonly number[],
): Topology {
  const { vocabSize, hiddenSize, tied } = config;
  const style = styleOf(config, units);
  const net = blueprint();
  const tokens = net.input('tokens', [null], 'int32');
  const table = { inputDim: vocabSize, outputDim: hiddenSize };
  const embedding = tied ? TIED_EMBEDDING : 'Embedding';
  let stream = net.layer(embedding, 'embed_tokens', table, tokens);
  config.layers.forEach((shape, i) => {
    stream = addBlock(net, stream, { prefix: prefixOf(numbers?.[i] ?? i), shape, style, size: hiddenSize });
  });
  stream = addNorm(net, 'norm', style.norm, stream);
  const logits = tied
    ? net.layer(embedding, 'embed_tokens', table, stream)
    : net.dense('lm_head', vocabSize, { useBias: false }, stream);
  return net.model('llama', [tokens], logits);
}

/** Where the tensors of a `LlamaForCausalLM` lie in the model of {@link llamaTopology}. */
export function llamaPlaces(config: LlamaConfig, numbers?: readonly number[]): Place[] {
  const { attentionBias, feedForwardBias, tied } = config;
  const layers = config.layers.flatMap(({ heads, intermediateSize }, i) => {
    const [ours, theirs] = [prefixOf(numbers?.[i] ?? i), `model.layers.${i}.`];
    const attention = [
      ...normPlaces(`${ours}attention_norm`, `${theirs}input_layernorm`, false),
      ...densePlaces(`${ours}attention_query`, `${theirs}self_attn.q_proj`, attentionBias),
      ...densePlaces(`${ours}attention_key`, `${theirs}self_attn.k_proj`, attentionBias),
      ...densePlaces(`${ours}attention_value`, `${theirs}self_attn.v_proj`, attentionBias),
      ...densePlaces(`${ours}attention_output`, `${theirs}self_attn.o_proj`, attentionBias),
    ];
    const feedForward = [
      ...normPlaces(`${ours}feed_forward_norm`, `${theirs}post_attention_layernorm`, false),
      ...densePlaces(`${ours}feed_forward_gate`, `${theirs}mlp.gate_proj`, feedForwardBias),
      ...densePlaces(`${ours}feed_forward_up`, `${theirs}mlp.up_proj`, feedForwardBias),
      ...densePlaces(`${ours}feed_forward_down`, `${theirs}mlp.down_proj`, feedForwardBias),
    ];
    return [...(heads > 0 ? attention : []), ...(intermediateSize > 0 ? feedForward : [])];
  });
  return [
    { layer: 'embed_tokens', weight: 0, tensor: 'model.embed_tokens.weight', lying: 'same' },
    ...layers,
    ...normPlaces('norm', 'model.norm', false),
    ...(tied ? [] : densePlaces('lm_head', 'lm_head', false)),
  ];
}

function styleOf(config: LlamaConfig, units: AttentionUnits): BlockStyle {
  const { rmsEpsilon, activation, ropeLayout, ropeTheta, attentionBias, feedForwardBias } = config;
  return {
    norm: { className: RMS_NORM, epsilon: rmsEpsilon },
    place: 'pre',
    activation,
    gated: true,
    causal: true,
    units,
    rotary: { layout: ropeLayout === 'halves' ? 'half' : 'interleaved', theta: ropeTheta },
    bias: { query: attentionBias, output: attentionBias, feedForward: feedForwardBias },
  };
}
