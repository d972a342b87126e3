/** Models as files that `transformers` reads. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { checkKeyword } from '../core/check';
import type { Json } from '../core/json';
import type { NewFile } from '../io/atomic';
import { FLOAT_TYPES, type FloatType } from '../io/dtypes';
import { tensorToWrite, writeSafetensors, type TensorToWrite } from '../io/safetensorsWriter';
import { capture } from '../runtime/capture';
import { configFile, filesBeside } from './beside';
import { bertConfigJson } from './bertConfig';
import type { ModelConfig } from './config';
import { llamaConfigJson } from './llamaConfig';
import { readBack } from './readBack';
import { tensorTable } from './tensorTable';
import { TOKENIZER_FILES } from './tokenizerBeside';
import { vitConfigJson } from './vitConfig';

export interface SaveHuggingFaceOptions {
  /** Of the model before it was cut, as its loader gave it: it says what shapes do not tell. */
  readonly config: ModelConfig;
  /** A folder whose tokenizer files are copied, or the files of `pruneTokenizer`. */
  readonly tokenizer?: string | readonly NewFile[];
  /** How weights are stored; default F32. */
  readonly dtype?: FloatType;
  /** A file holds at most so many bytes of tensors; default 5e9. */
  readonly shardBytes?: number;
}

const TORCH_TYPES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/**
 * Writes `config.json` and `model.safetensors` into `directory`: `transformers` loads what it has a config for, which is all models whose
 * layers are alike. Where whole heads went from a BERT, or different numbers of them from the layers of a ViT, only its versions before 5
 * can tell (`pruned_heads`); where as many went from all layers of a ViT, only those from 5 on (`head_dim`); the others refuse the files.
 * Other widths that differ, and LayerNorms that count dimensions which were cut, stand under the key `tfjs_prune`, which only this
 * library reads. RMSNorms of a cut width are rewritten as plain ones, rotary embeddings of neighbours as ones of halves, and queries of a
 * ViT whose heads became narrower are scaled to fit. Where some layers of a Llama gained a bias, the others of its part are given one of zeros.
 * A checkpoint that is there already stays whole until the new one is.
 * @throws PruneError `bad-model` for a model that is not one of `loadLlama`, `loadBert` or `loadVit` with parts of it cut,
 * `bad-file` when the folder cannot be written.
 */
export async function saveHuggingFace(
  model: LayersModel,
  directory: string,
  { config: base, tokenizer, dtype = 'F32', shardBytes }: SaveHuggingFaceOptions,
): Promise<void> {
  const place = `saveHuggingFace "${directory}"`;
  checkKeyword(place, 'dtype', dtype, FLOAT_TYPES);
  const { config, architecture, tensors } = readBack(place, await capture(model), base);
  const json = {
    ...configJson(config),
    torch_dtype: TORCH_TYPES[dtype],
    ...(architecture && { architectures: [architecture] }),
  };
  const files = typeof tokenizer === 'string' ? await filesBeside(tokenizer, TOKENIZER_FILES) : (tokenizer ?? []);
  const beside = [configFile(sorted(json)), ...files];
  const shapes = new Map(tensorTable(config).rows.map(({ name, shape }) => [name, shape]));
  const stored = tensors.map(({ name, read }): TensorToWrite => {
    // Made where its bytes are asked for, so that one alone is held in memory beside the model.
    return { name, dtype, shape: shapes.get(name)!, parts: () => tensorToWrite(name, read(), dtype).parts() };
  });
  await writeSafetensors(directory, stored, { beside, ...(shardBytes && { shardBytes }) });
}

function configJson(config: ModelConfig): Json {
  if (config.kind === 'llama') return llamaConfigJson(config);
  return config.kind === 'bert' ? bertConfigJson(config) : vitConfigJson(config);
}

function sorted(json: Json): Json {
  return Object.fromEntries(Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1)));
}
