/** Models from the folders of Hugging Face. */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import '../layers/registered';
import { checkKeyword } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import { fileRefuser } from '../io/bytes';
import { openSafetensors } from '../io/safetensors';
import { materialize } from '../runtime/materialize';
import { BERT_HEADS, bertPlaces, bertTopology, type BertOptions } from './bert';
import type { BertConfig } from './bertConfig';
import { loadConfig, type ModelConfig, type ModelKind } from './config';
import { openLlama2c } from './llama2c';
import { llamaPlaces, llamaTopology, type LlamaOptions } from './llama';
import type { LlamaConfig } from './llamaConfig';
import { weightsAt, type Place, type ReadTensor } from './places';
import { matchTensors } from './tensorTable';
import { canReadTokenizers, loadTokenizer, requireTokenizer } from './tokenizer';
import type { Tokenizer } from './tokens';
import { VIT_HEADS, vitPlaces, vitTopology, type VitOptions } from './vit';
import type { VitConfig } from './vitConfig';

/** A model, which the caller disposes, and the config it was built from. */
export interface Loaded<C extends ModelConfig> {
  readonly model: LayersModel;
  readonly config: C;
  /** Where the folder has one that can be read: a tokenizer.json needs the package `@huggingface/tokenizers`. */
  readonly tokenizer?: Tokenizer;
}

/**
 * A Llama (or a Mistral without a window) from the folder with `config.json` and `model.safetensors`, single or in shards, or from a
 * checkpoint `.bin` of llama2.c: `tokens [batch, time]` to `logits [batch, time, vocabulary]`. Its layers have names such as `layers_0_attention_query`.
 * @throws PruneError `bad-file` when a file is missing, damaged, not understood, or contradicts another.
 */
export async function loadLlama(
  path: string,
  options: LlamaOptions & TokenizerOptions = {},
): Promise<Loaded<LlamaConfig>> {
  const { config, read } = path.endsWith('.bin') ? await openOther(path) : await openModel(path, 'llama');
  const model = await built(llamaTopology(config, options), llamaPlaces(config), read);
  return withTokenizer({ model, config }, path, options);
}

/**
 * A BERT from `config.json` and `model.safetensors`: `tokens`, `mask` (1 for places that count) and `types`, each `[batch, time]`, to
 * what `head` says. @throws as {@link loadLlama}.
 */
export async function loadBert(
  path: string,
  options: BertOptions & TokenizerOptions = {},
): Promise<Loaded<BertConfig>> {
  if (options.head !== undefined) checkKeyword('loadBert', 'head', options.head, BERT_HEADS);
  const { config, read } = await openModel(path, 'bert');
  const model = await built(bertTopology(config, options), bertPlaces(config, options), read);
  return withTokenizer({ model, config }, path, options);
}

/**
 * A vision transformer from `config.json` and `model.safetensors`: `image [batch, height, width, channels]` to what `head` says.
 * @throws as {@link loadLlama}.
 */
export async function loadVit(path: string, options: VitOptions = {}): Promise<Loaded<VitConfig>> {
  if (options.head !== undefined) checkKeyword('loadVit', 'head', options.head, VIT_HEADS);
  const { config, read } = await openModel(path, 'vit');
  return { model: await built(vitTopology(config, options), vitPlaces(config, options), read), config };
}

export interface TokenizerOptions {
  /** Whether the tokenizer of the folder is read as well; default: where there is one and what it takes to read it. */
  readonly tokenizer?: boolean;
}

type ConfigOf<K extends ModelKind> = Extract<ModelConfig, { kind: K }>;

interface Opened<C extends ModelConfig> {
  readonly config: C;
  readonly read: ReadTensor;
}

async function openModel<K extends ModelKind>(path: string, kind: K): Promise<Opened<ConfigOf<K>>> {
  const config = await loadConfig(path);
  const refuse = fileRefuser(`"${path}"`);
  if (config.kind !== kind) return refuse(`the files of a ${kind}`, `those of a ${config.kind}`, 'Use its loader.');
  const files = await openSafetensors(path);
  const names = matchTensors(`"${files.name}"`, config, files.tensors);
  const read: ReadTensor = name => {
    const own = names.get(name);
    if (own !== undefined) return files.read(own);
    return refuse(`a tensor "${name}"`, 'none', 'The checkpoint was trained without this head; ask for another.');
  };
  return { config: config as ConfigOf<K>, read };
}

async function openOther(path: string): Promise<Opened<LlamaConfig>> {
  const { config, files } = await openLlama2c(path);
  return { config, read: files.read };
}

async function built(
  topology: Checkpoint['topology'],
  places: readonly Place[],
  read: ReadTensor,
): Promise<LayersModel> {
  return materialize({ topology, weights: await weightsAt(places, read) });
}

async function withTokenizer<C extends LlamaConfig | BertConfig>(
  loaded: Loaded<C>,
  path: string,
  { tokenizer: wanted }: TokenizerOptions,
): Promise<Loaded<C>> {
  try {
    const tokenizer = wanted === false ? undefined : await tokenizerBeside(path, wanted === true);
    if (tokenizer) requireTokenizer(`tokenizer of "${path}"`, tokenizer, loaded.config.vocabSize);
    return tokenizer ? { ...loaded, tokenizer } : loaded;
  } catch (error) {
    loaded.model.dispose();
    throw error;
  }
}

async function tokenizerBeside(path: string, required: boolean): Promise<Tokenizer | undefined> {
  const isOther = path.endsWith('.bin');
  const file = isOther ? join(dirname(path), 'tokenizer.bin') : join(path, 'tokenizer.json');
  if (required) return loadTokenizer(file);
  const isThere = (await stat(file).catch(() => undefined)) !== undefined;
  return isThere && (isOther || (await canReadTokenizers())) ? loadTokenizer(file) : undefined;
}
