/** A model of ours as what Hugging Face's files say of it: the config that its widths make, and its tensors. */
import { gather, ndarray, type NdArray } from '../core/array';
import { leaves, type Checkpoint, type InboundNode, type LayerSpec, type Topology } from '../core/checkpoint';
import { TIED_EMBEDDING } from '../rules/tiedEmbedding';
import { bertPlaces, bertTopology, type BertHead } from './bert';
import type { BertConfig } from './bertConfig';
import { prefixOf } from './block';
import type { ModelConfig } from './config';
import { llamaPlaces, llamaTopology } from './llama';
import type { LlamaConfig } from './llamaConfig';
import { fromLayer, type Place } from './places';
import { vitPlaces, vitTopology, type VitHead } from './vit';
import type { VitConfig } from './vitConfig';
import { numbersOf, reading, shapeOf, type Reading } from './widths';

export interface ReadBack {
  readonly config: ModelConfig;
  /** Class of `transformers` that holds such a model; undefined where the config tells. */
  readonly architecture?: string;
  /** By name; each is made when it is asked for. */
  readonly tensors: readonly { readonly name: string; readonly read: () => NdArray }[];
}

/**
 * `base` says what shapes do not tell: tokens, positions, activations.
 * @throws PruneError `bad-model` for a model that is not one of ours with parts of it cut, as no file would say what it computes.
 */
export function readBack(place: string, checkpoint: Checkpoint, base: ModelConfig): ReadBack {
  const model = reading(place, checkpoint);
  const numbers = numbersOf(checkpoint);
  if (base.kind === 'llama') return llamaBack(checkpoint, model, numbers, base);
  return base.kind === 'bert' ? bertBack(checkpoint, model, numbers, base) : vitBack(checkpoint, model, numbers, base);
}

function llamaBack(checkpoint: Checkpoint, model: Reading, numbers: readonly number[], base: LlamaConfig): ReadBack {
  const biased = (part: string, names: readonly string[]): boolean =>
    numbers.some(number => names.some(name => isBiased(model, `${prefixOf(number)}${part}_${name}`)));
  const { epsilon, width } = normOf(model, 'norm');
  const hiddenSize = model.size('norm', 0, 0);
  const found: LlamaConfig = {
    ...base,
    vocabSize: model.size('embed_tokens', 0, 0),
    hiddenSize,
    layers: numbers.map(number => shapeOf(model, number, base.ropeTheta)),
    // A norm that divides by the width there is needs an epsilon and gammas larger by as much.
    rmsEpsilon: (epsilon * width) / hiddenSize,
    tied: model.spec('embed_tokens').className === TIED_EMBEDDING,
    attentionBias: biased('attention', ['query', 'key', 'value', 'output']),
    feedForwardBias: biased('feed_forward', ['gate', 'up', 'down']),
  };
  requireSame(model, checkpoint.topology, llamaTopology(found, {}, numbers));
  const tensors = llamaPlaces(found, numbers).map(place => {
    const read = (): NdArray => {
      const array = weightOrZeros(model, place);
      if (place.layer.endsWith('norm')) return times(array, Math.sqrt(width / hiddenSize));
      return found.ropeLayout === 'pairs' ? asHalves(model, place, array) : array;
    };
    return { name: place.tensor, read: () => fromLayer(read(), place.lying) };
  });
  return { config: { ...found, ropeLayout: 'halves' }, tensors };
}

function bertBack(checkpoint: Checkpoint, model: Reading, numbers: readonly number[], base: BertConfig): ReadBack {
  const head = BERT_ENDS.find(([layer]) => model.has(layer))?.[1] ?? 'hidden';
  const encoder = encoderOf(model, numbers, 'embeddings_norm');
  const config: BertConfig = {
    ...base,
    ...encoder,
    vocabSize: model.size('word_embeddings', 0, 0),
    tied: head === 'maskedLM' ? !model.has('decoder') : base.tied,
    poolerSize: ownWidth(model, 'pooler', encoder.hiddenSize),
    transformSize: ownWidth(model, 'predictions_dense', encoder.hiddenSize),
    labels: labelsOf(model, head, base.labels),
  };
  requireSame(model, checkpoint.topology, bertTopology(config, { head }, numbers));
  const tensors = [...asTheyAre(model, bertPlaces(config, { head }, numbers)), ...twinOfBias(model)];
  return { config, architecture: BERT_CLASSES[head], tensors };
}

/** `transformers` before version 5 wants the bias of a decoder that is not tied under its other name as well. */
function twinOfBias(model: Reading): ReadBack['tensors'] {
  return model.has('decoder') ? [{ name: 'cls.predictions.bias', read: () => model.weight('decoder', 1) }] : [];
}

/** The layers that tell a head, the one behind the others first. */
const BERT_ENDS: readonly (readonly [layer: string, head: BertHead])[] = [
  ['classifier', 'classifier'],
  ['pooler', 'pooler'],
  ['predictions_dense', 'maskedLM'],
];
const BERT_CLASSES: Readonly<Record<BertHead, string>> = {
  hidden: 'BertModel',
  pooler: 'BertModel',
  classifier: 'BertForSequenceClassification',
  maskedLM: 'BertForMaskedLM',
};

function vitBack(checkpoint: Checkpoint, model: Reading, numbers: readonly number[], base: VitConfig): ReadBack {
  const head: VitHead = model.has('classifier') ? 'classifier' : model.has('pooler') ? 'pooler' : 'hidden';
  const query = numbers.map(number => `${prefixOf(number)}attention_query`);
  const encoder = encoderOf(model, numbers, 'norm');
  const found: VitConfig = {
    ...base,
    ...encoder,
    queryBias: query.some(layer => isBiased(model, layer)),
    poolerSize: ownWidth(model, 'pooler', encoder.hiddenSize),
    labels: labelsOf(model, head, base.labels),
  };
  requireSame(model, checkpoint.topology, vitTopology(found, { head }, numbers));
  const architecture = head === 'classifier' ? 'ViTForImageClassification' : 'ViTModel';
  // Scores are divided by the root of what is left of a head's width, for which queries make up.
  const layers = found.layers.map(layer => ({ ...layer, originalHeadSize: layer.headSize }));
  const factors = new Map(
    found.layers.map(({ headSize, originalHeadSize }, i) => [query[i], Math.sqrt(headSize / (originalHeadSize || 1))]),
  );
  const tensors = vitPlaces(found, { head }, numbers).map(place => ({
    name: place.tensor,
    read: () => fromLayer(times(weightOrZeros(model, place), factors.get(place.layer) ?? 1), place.lying),
  }));
  return { config: { ...found, layers }, architecture, tensors };
}

/** What comes out of a Dense layer, where it is there and not as wide as the model. */
function ownWidth(model: Reading, layer: string, hiddenSize: number): number | undefined {
  const width = model.has(layer) ? model.size(layer, 0, 1) : hiddenSize;
  return width === hiddenSize ? undefined : width;
}

function encoderOf(model: Reading, numbers: readonly number[], norm: string) {
  const { epsilon, width } = normOf(model, norm);
  const hiddenSize = model.size(norm, 0, 0);
  const layers = numbers.map(number => shapeOf(model, number));
  return { hiddenSize, layers, normEpsilon: epsilon, normWidth: width === hiddenSize ? undefined : width };
}

function asTheyAre(model: Reading, places: readonly Place[]): ReadBack['tensors'] {
  return places.map(place => ({
    name: place.tensor,
    read: () => fromLayer(weightOrZeros(model, place), place.lying),
  }));
}

function normOf(model: Reading, layer: string): { readonly epsilon: number; readonly width: number } {
  const { epsilon, width } = model.spec(layer).config;
  return { epsilon: Number(epsilon), width: Number(width ?? model.size(layer, 0, 0)) };
}

function labelsOf(model: Reading, head: string, labels: readonly string[]): readonly string[] {
  const count = head === 'classifier' ? model.size('classifier', 0, 1) : labels.length;
  return count === labels.length ? labels : Array.from({ length: count }, (_, i) => `LABEL_${i}`);
}

function isBiased(model: Reading, layer: string): boolean {
  return model.has(layer) && model.spec(layer).config.useBias !== false;
}

/** A bias of a layer without one, where a file has to have it. */
function weightOrZeros(model: Reading, { layer, weight }: Place): NdArray {
  const isMissing = weight === 1 && model.spec(layer).className === 'Dense' && !isBiased(model, layer);
  return isMissing
    ? ndarray(new Float32Array(model.size(layer, 0, 1)), [model.size(layer, 0, 1)])
    : model.weight(layer, weight);
}

function times({ shape, data }: NdArray, factor: number): NdArray {
  return ndarray(factor === 1 ? data : Float32Array.from(data, value => value * factor), shape);
}

/** Queries and keys whose neighbours turn together, in the order in which halves do; the scores are the same. */
function asHalves(model: Reading, { layer }: Place, array: NdArray): NdArray {
  const part = /^(layers_\d+_attention)_(query|key)$/.exec(layer);
  if (part === null) return array;
  const { heads, kvHeads } = model.spec(part[1]).config;
  const count = Number(part[2] === 'query' ? heads : kvHeads);
  const axis = array.shape.length - 1;
  const size = array.shape[axis] / count;
  const half = size / 2;
  const order = Array.from({ length: count * size }, (_, to) => {
    const [head, dimension] = [Math.floor(to / size), to % size];
    return head * size + (dimension < half ? 2 * dimension : 2 * (dimension - half) + 1);
  });
  return gather(array, axis, order);
}

/** What of a layer's config is not in its widths and must be as it was. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  Dense: ['activation'],
  Conv2D: ['activation', 'padding'],
  PruneAttention: ['causal'],
  [TIED_EMBEDDING]: ['useBias'],
};

/** @throws where `got` is wired otherwise than what would be read from the file. */
function requireSame({ refuse }: Reading, got: Topology, wanted: Topology): void {
  const [ours, theirs] = [got, wanted].map(topology => new Map(leaves(topology).map(leaf => [leaf.path, leaf.spec])));
  for (const [path, spec] of ours) {
    const other = theirs.get(path);
    if (other === undefined) return refuse(path, 'to belong to such a model', spec.className);
    if (spec.className !== other.className) return refuse(path, `a layer of class ${other.className}`, spec.className);
    if (wires(spec) !== wires(other)) return refuse(path, `to read from ${wires(other)}`, wires(spec));
    for (const key of FIXED[spec.className] ?? []) {
      const [has, wants] = [spec, other].map(({ config }) => JSON.stringify(config[key] ?? null));
      if (has !== wants) return refuse(path, `${key} ${wants}`, has);
    }
  }
  for (const [path, { className }] of theirs)
    if (!ours.has(path)) refuse(path, `a layer of class ${className}`, 'none');
}

function wires({ inboundNodes = [] }: LayerSpec): string {
  const one = (node: InboundNode): string =>
    node.map(([layer, call, tensor]) => `${layer}:${call}:${tensor}`).join(' and ');
  return inboundNodes.map(one).join(', then ') || 'nothing';
}
