/**
 * BERT as a LayersModel of stock layers and ours: `tokens`, `mask` (1 for places that count) and `types`, each `[batch, time]`, in; by
 * the head the last hidden state `[batch, time, width]`, the pooled `[batch, width]`, or scores `[batch, labels]` out.
 */
import type { Topology } from '../core/checkpoint';
import type { AttentionUnits } from '../rules/attention';
import { FIRST_TOKEN, POSITION_EMBEDDING } from '../rules/positions';
import { LAYER_NORM } from '../rules/widthNorms';
import type { BertConfig } from './bertConfig';
import { addBlock, addNorm, prefixOf, type BlockStyle, type NormStyle } from './block';
import { blueprint, type Blueprint, type Wire } from './blueprint';
import type { LayerShape } from './layerShape';
import { densePlaces, normPlaces, type Place } from './places';

export type BertHead = 'hidden' | 'pooler' | 'classifier';
export const BERT_HEADS: readonly BertHead[] = ['hidden', 'pooler', 'classifier'];

export interface BertOptions {
  /** What comes out: the last hidden state, the pooled first token, or the scores of a classifier; default 'hidden'. */
  readonly head?: BertHead;
  /** What can be pruned in attention: whole heads, or dimensions of all heads of a layer alike; default 'heads'. */
  readonly units?: AttentionUnits;
}

/** `numbers` are those in the names of the layers: 0, 1, ... unless some layers are gone. */
export function bertTopology(
  config: BertConfig,
  { head = 'hidden', units = 'heads' }: BertOptions = {},
  numbers?: readonly number[],
): Topology {
  const { hiddenSize, normEpsilon, normWidth } = config;
  const norm: NormStyle = { className: LAYER_NORM, epsilon: normEpsilon, width: normWidth };
  const style = encoderStyle({ norm, place: 'post', activation: config.activation, units });
  const net = blueprint();
  const inputs = ['tokens', 'mask', 'types'].map(name => net.input(name, [null], 'int32'));
  const [, mask] = inputs;
  let stream = addNorm(net, 'embeddings_norm', norm, embeddings(net, config, inputs));
  config.layers.forEach((shape, i) => {
    stream = addBlock(net, stream, { prefix: prefixOf(numbers?.[i] ?? i), shape, style, mask, size: hiddenSize });
  });
  if (head !== 'hidden') {
    const first = net.layer(FIRST_TOKEN, 'first_token', {}, stream);
    stream = net.dense('pooler', hiddenSize, { useBias: true, activation: 'tanh' }, first);
  }
  if (head === 'classifier') stream = net.dense('classifier', config.labels.length, { useBias: true }, stream);
  return net.model('bert', inputs, stream);
}

/** Where the tensors of a BERT lie in the model of {@link bertTopology}. */
export function bertPlaces(
  config: BertConfig,
  { head = 'hidden' }: BertOptions = {},
  numbers?: readonly number[],
): Place[] {
  const table = (name: string): Place => ({
    layer: name,
    weight: 0,
    tensor: `bert.embeddings.${name}.weight`,
    lying: 'same',
  });
  return [
    ...['word_embeddings', 'position_embeddings', 'token_type_embeddings'].map(table),
    ...normPlaces('embeddings_norm', 'bert.embeddings.LayerNorm', true),
    ...config.layers.flatMap((shape, i) => layerPlaces(shape, prefixOf(numbers?.[i] ?? i), `bert.encoder.layer.${i}.`)),
    ...(head === 'hidden' ? [] : densePlaces('pooler', 'bert.pooler.dense', true)),
    ...(head === 'classifier' ? densePlaces('classifier', 'classifier', true) : []),
  ];
}

/** An encoder in which every Dense layer has a bias, unless it is told otherwise. */
export function encoderStyle(
  style: Pick<BlockStyle, 'norm' | 'place' | 'activation' | 'units'>,
  queryBias = true,
): BlockStyle {
  return { ...style, gated: false, causal: false, bias: { query: queryBias, output: true, feedForward: true } };
}

function embeddings(net: Blueprint, config: BertConfig, [tokens, , types]: readonly Wire[]): Wire {
  const { vocabSize, tokenTypes, hiddenSize: outputDim, maxPositions: maxLength } = config;
  const words = net.layer('Embedding', 'word_embeddings', { inputDim: vocabSize, outputDim }, tokens);
  const kinds = net.layer('Embedding', 'token_type_embeddings', { inputDim: tokenTypes, outputDim }, types);
  const sum = net.layer('Add', 'embeddings_add', {}, words, kinds);
  return net.layer(POSITION_EMBEDDING, 'position_embeddings', { maxLength }, sum);
}

function layerPlaces({ heads, intermediateSize }: LayerShape, ours: string, theirs: string): Place[] {
  const attention = [
    ...densePlaces(`${ours}attention_query`, `${theirs}attention.self.query`, true),
    ...densePlaces(`${ours}attention_key`, `${theirs}attention.self.key`, true),
    ...densePlaces(`${ours}attention_value`, `${theirs}attention.self.value`, true),
    ...densePlaces(`${ours}attention_output`, `${theirs}attention.output.dense`, true),
    ...normPlaces(`${ours}attention_norm`, `${theirs}attention.output.LayerNorm`, true),
  ];
  const feedForward = [
    ...densePlaces(`${ours}feed_forward_up`, `${theirs}intermediate.dense`, true),
    ...densePlaces(`${ours}feed_forward_down`, `${theirs}output.dense`, true),
    ...normPlaces(`${ours}feed_forward_norm`, `${theirs}output.LayerNorm`, true),
  ];
  return [...(heads > 0 ? attention : []), ...(intermediateSize > 0 ? feedForward : [])];
}
