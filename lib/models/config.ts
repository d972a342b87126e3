/**
 * models: transformers of others, from their files and back. Knows the files of Hugging Face and of llama2.c.
 * This file: config.json, where every key is understood, known to be harmless, or refused by name.
 */
import { join } from 'node:path';
import { describe, parseObject, type Json } from '../core/json';
import { fileBytes, fileRefuser, readText } from '../io/bytes';
import { isFolder } from '../io/folder';
import { readBertConfig, type BertConfig } from './bertConfig';
import { configReader, type ConfigReader } from './configReader';
import { LLAMA_TYPES, readLlamaConfig, type LlamaConfig } from './llamaConfig';
import { readVitConfig, type VitConfig } from './vitConfig';

export type ModelConfig = LlamaConfig | BertConfig | VitConfig;
export type ModelKind = ModelConfig['kind'];

export const CONFIG_FILE = 'config.json';
const MOST_CONFIG = 16 * 1024 * 1024;

const READERS: Readonly<Record<string, (reader: ConfigReader) => ModelConfig>> = {
  ...Object.fromEntries(LLAMA_TYPES.map(type => [type, readLlamaConfig])),
  bert: readBertConfig,
  vit: readVitConfig,
};

/**
 * The config of a Llama, a BERT or a vision transformer from the text of its config.json; `name` names it in errors.
 * @throws PruneError `bad-file` for a key that is not understood, a value that is not supported, or a contradiction.
 */
export function parseConfig(text: string, name = CONFIG_FILE): ModelConfig {
  return readConfig(parseConfigJson(text, name), name);
}

/** The same from the JSON. */
export function readConfig(json: Json, name = CONFIG_FILE): ModelConfig {
  const refuse = fileRefuser(`config "${name}"`);
  const type = json.model_type;
  const known = typeof type === 'string' && Object.hasOwn(READERS, type);
  if (!known) return refuse(`model_type ${Object.keys(READERS).join(', ')}`, describe(type), 'No other is supported.');
  return READERS[type](configReader(json, refuse));
}

/** The object in a config.json, whatever it says. */
export function parseConfigJson(text: string, name = CONFIG_FILE): Json {
  return parseObject(text, fileRefuser(`config "${name}"`), `the ${CONFIG_FILE} of a model`);
}

/**
 * The config in the config.json at `path` or in the folder `path`.
 * @throws PruneError `bad-file` when it is missing, or as {@link parseConfig} says.
 */
export async function loadConfig(path: string): Promise<ModelConfig> {
  const { name, text } = await readConfigFile(path);
  return parseConfig(text, name);
}

export async function readConfigFile(path: string): Promise<{ readonly name: string; readonly text: string }> {
  const source = await fileBytes((await isFolder(path)) ? join(path, CONFIG_FILE) : path, `a ${CONFIG_FILE}`);
  return { name: source.name, text: await readText(source, MOST_CONFIG) };
}
