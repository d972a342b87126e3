/**
 * BERT as a LayersModel of stock layers and ours: `tokens`, `mask` (1 for places that count) and `types`, each `[batch, time]`, in; by
 * the head the last hidden state `[batch, time, width]`, the pooled `[batch, width]`, scores `[batch, labels]`, or logits of what was
 * masked `[batch, time, vocabulary]` out.
 */
import type { Topology } from '../core/checkpoint';
import type { AttentionUnits } from '../rules/attention';
import { FIRST_TOKEN, POSITION_EMBEDDING } from '../rules/positions';
import { TIED_EMBEDDING } from '../rules/tiedEmbedding';
import { LAYER_NORM } from '../rules/widthNorms';
import type { BertConfig } from './bertConfig';
import { ACTIVATION_WORDS, addBlock, addNorm, prefixOf, type BlockStyle, type NormStyle } from './block';
import { blueprint, type Blueprint, type Wire } from './blueprint';
import type { LayerShape } from './layerShape';
import { densePlaces, normPlaces, type Place } from './places';

export type BertHead = 'hidden' | 'pooler' | 'classifier' | 'maskedLM';
export const BERT_HEADS: readonly BertHead[] = ['hidden', 'pooler', 'classifier', 'maskedLM'];

export interface BertOptions {
  /** What comes out: the last hidden state, the pooled first token, the scores of a classifier, or logits of tokens; default 'hidden'. */
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
  let stream = addNorm(net, 'embeddings_norm', norm, embeddings(net, config, head, inputs));
  config.layers.forEach((shape, i) => {
    stream = addBlock(net, stream, { prefix: prefixOf(numbers?.[i] ?? i), shape, style, mask, size: hiddenSize });
  });
  return net.model('bert', inputs, headOf(net, config, head, norm, stream));
}

function headOf(net: Blueprint, config: BertConfig, head: BertHead, norm: NormStyle, stream: Wire): Wire {
  if (head === 'hidden') return stream;
  if (head === 'maskedLM') return predictions(net, config, norm, stream);
  const { hiddenSize, poolerSize = hiddenSize, labels } = config;
  const first = net.layer(FIRST_TOKEN, 'first_token', {}, stream);
  const pooled = net.dense('pooler', poolerSize, { useBias: true, activation: 'tanh' }, first);
  return head === 'pooler' ? pooled : net.dense('classifier', labels.length, { useBias: true }, pooled);
}

function predictions(net: Blueprint, config: BertConfig, norm: NormStyle, stream: Wire): Wire {
  const { hiddenSize, transformSize = hiddenSize, normWidth, vocabSize, tied } = config;
  const activation = ACTIVATION_WORDS[config.activation];
  const transformed = net.dense('predictions_dense', transformSize, { useBias: true, activation }, stream);
  // At first it was as wide as the model.
  const width = transformSize === hiddenSize ? normWidth : (normWidth ?? hiddenSize);
  const normed = addNorm(net, 'predictions_norm', { ...norm, width }, transformed);
  return tied ? wordsOf(net, config, true, normed) : net.dense('decoder', vocabSize, { useBias: true }, normed);
}

/** The table of the tokens; `tied` makes logits of vectors as well. */
function wordsOf(net: Blueprint, { vocabSize, hiddenSize }: BertConfig, tied: boolean, from: Wire): Wire {
  const config = { inputDim: vocabSize, outputDim: hiddenSize, ...(tied && { useBias: true }) };
  return net.layer(tied ? TIED_EMBEDDING : 'Embedding', 'word_embeddings', config, from);
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
    ...(head === 'pooler' || head === 'classifier' ? densePlaces('pooler', 'bert.pooler.dense', true) : []),
    ...(head === 'classifier' ? densePlaces('classifier', 'classifier', true) : []),
    ...(head === 'maskedLM' ? predictionPlaces(config) : []),
  ];
}

function predictionPlaces({ tied }: BertConfig): Place[] {
  const theirs = 'cls.predictions.';
  return [
    ...densePlaces('predictions_dense', `${theirs}transform.dense`, true),
    ...normPlaces('predictions_norm', `${theirs}transform.LayerNorm`, true),
    ...(tied
      ? [{ layer: 'word_embeddings', weight: 1, tensor: `${theirs}bias`, lying: 'same' } as const]
      : densePlaces('decoder', `${theirs}decoder`, true)),
  ];
}

/** An encoder in which every Dense layer has a bias, unless it is told otherwise. */
export function encoderStyle(
  style: Pick<BlockStyle, 'norm' | 'place' | 'activation' | 'units'>,
  queryBias = true,
): BlockStyle {
  return { ...style, gated: false, causal: false, bias: { query: queryBias, output: true, feedForward: true } };
}

function embeddings(net: Blueprint, config: BertConfig, head: BertHead, [tokens, , types]: readonly Wire[]): Wire {
  const { tokenTypes, hiddenSize: outputDim, maxPositions: maxLength, tied } = config;
  const words = wordsOf(net, config, head === 'maskedLM' && tied, tokens);
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
