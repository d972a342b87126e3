/** A language model with fewer tokens. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { gather, ndarray, relativeError, type NdArray } from '../core/array';
import { mapLeaves, type Checkpoint } from '../core/checkpoint';
import type { Certificate } from '../core/context';
import { PruneError } from '../core/errors';
import { random } from '../core/random';
import { TIED_EMBEDDING } from '../rules/tiedEmbedding';
import { capture } from '../runtime/capture';
import { materialize } from '../runtime/materialize';
import { predict } from '../runtime/predict';
import type { BertConfig } from './bertConfig';
import type { LlamaConfig } from './llamaConfig';
import type { Loaded } from './load';
import { badKept, remapTokens, requireKept } from './vocabulary';
import { reading, type Reading } from './widths';

export interface PruneVocabularyOptions {
  /** Of the texts that both models are compared by; default 0. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

export interface PrunedVocabulary<C> {
  /** A new model, which the caller disposes. */
  readonly model: LayersModel;
  /** With the new numbers of the tokens that it names. */
  readonly config: C;
  /** That both models give the same for the same texts, of tokens that are kept. */
  readonly certificate: Certificate;
}

/**
 * A Llama or BERT, cut or not, whose tokens are `kept` alone, the i-th of them as number i: rows of the embedding and of the output layer
 * go, be they one or two, and nothing else changes, so that the logits of tokens that are kept are what they were. The given model is left
 * as it was. Texts have to be encoded anew, see `remapTokens` and `pruneTokenizer`.
 * @throws PruneError `bad-option` unless `kept` is ascending and holds the tokens that the config names, `bad-model` for a model of others,
 * `not-exact` when both models differ, `aborted`.
 */
export async function pruneVocabulary<C extends LlamaConfig | BertConfig>(
  { model, config }: Pick<Loaded<C>, 'model' | 'config'>,
  kept: Int32Array,
  { seed = 0, signal }: PruneVocabularyOptions = {},
): Promise<PrunedVocabulary<C>> {
  const checkpoint = await capture(model);
  const place = `pruneVocabulary "${model.name}"`;
  const layers = layersOf(reading(place, checkpoint), config);
  const { size } = layers;
  requireKept(place, kept, size);
  const renamed = renumbered(place, { ...config, vocabSize: kept.length }, kept);
  const small = materialize(cut(checkpoint, layers, kept));
  try {
    const certificate = await compare(place, [model, small], { config, kept, layers, seed, signal });
    return { model: small, config: renamed, certificate };
  } catch (error) {
    small.dispose();
    throw error;
  }
}

interface VocabularyLayers {
  /** Tokens before. */
  readonly size: number;
  readonly table: string;
  /** A layer of its own that makes the logits. */
  readonly head?: string;
  /** Whether logits come out. */
  readonly tells: boolean;
}

function layersOf(model: Reading, { kind }: LlamaConfig | BertConfig): VocabularyLayers {
  const [table, end] = kind === 'llama' ? ['embed_tokens', 'lm_head'] : ['word_embeddings', 'decoder'];
  const size = model.size(table, 0, 0);
  const head = model.has(end) ? end : undefined;
  const { className } = model.spec(table);
  const isTied = className === TIED_EMBEDDING;
  if (!isTied && className !== 'Embedding') model.refuse(table, 'a layer of class Embedding', className);
  if (head !== undefined && model.spec(head).className !== 'Dense') {
    model.refuse(head, 'a layer of class Dense', model.spec(head).className);
  }
  return { size, table, head, tells: isTied || head !== undefined };
}

function cut({ topology, weights }: Checkpoint, { table, head }: VocabularyLayers, kept: Int32Array): Checkpoint {
  // A bias, of a tied table or of a head, has the tokens along its only axis; a kernel along its last.
  const cutLayer = (layer: string, arrays: readonly NdArray[]): readonly NdArray[] => {
    if (layer === table) return arrays.map(array => gather(array, 0, kept));
    return layer === head ? arrays.map(array => gather(array, array.shape.length - 1, kept)) : arrays;
  };
  const size = kept.length;
  return {
    topology: mapLeaves(topology, (spec, path) => {
      const sized = path === table ? { inputDim: size } : path === head ? { units: size } : {};
      return { ...spec, config: { ...spec.config, ...sized } };
    }),
    weights: new Map([...weights].map(([layer, arrays]) => [layer, cutLayer(layer, arrays)])),
  };
}

interface Comparison {
  readonly config: LlamaConfig | BertConfig;
  readonly kept: Int32Array;
  readonly layers: VocabularyLayers;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

const [TEXTS, LONGEST, TOLERANCE] = [2, 16, 1e-5];

/** Both models on texts of tokens that are kept. */
async function compare(
  place: string,
  [before, after]: readonly LayersModel[],
  { config, kept, layers, seed, signal }: Comparison,
): Promise<Certificate> {
  const draws = random(seed, 'pruneVocabulary');
  const time = Math.min(LONGEST, config.maxPositions);
  const tokens = Int32Array.from({ length: TEXTS * time }, () => kept[draws.integer(kept.length)]);
  const inputs = (ids: Int32Array): NdArray[] => {
    const all = [ids, ids.map(() => 1), ids.map(() => 0)].map(values => ndarray(values, [TEXTS, time]));
    return all.slice(0, before.inputs.length);
  };
  const [wanted] = await predict(before, inputs(tokens), { signal });
  const [got] = await predict(after, inputs(remapTokens(tokens, kept)), { signal });
  const same = layers.tells ? gather(wanted, 2, kept) : wanted;
  const error = relativeError(got.data, same.data);
  if (error <= TOLERANCE) return { error, tolerance: TOLERANCE, probes: TEXTS };
  throw new PruneError('not-exact', {
    place,
    expected: `the same logits within ${TOLERANCE}`,
    got: Number.isFinite(error) ? `a relative difference of ${error.toExponential(1)}` : 'outputs that are not finite',
    cure: 'Check the weights for extreme values.',
  });
}

/** The tokens that a config names by their new numbers. */
function renumbered<C extends LlamaConfig | BertConfig>(place: string, config: C, kept: Int32Array): C {
  const all = new Set(kept);
  const named = Object.entries(config).filter((entry): entry is [string, number[]] => entry[0].endsWith('Ids'));
  const missing = named.flatMap(([, ids]) => ids).find(id => !all.has(id));
  if (missing !== undefined) throw badKept(place, 'all tokens that the config names', `none of ${missing}`);
  return { ...config, ...Object.fromEntries(named.map(([key, ids]) => [key, Array.from(remapTokens(ids, kept))])) };
}
