/** What examples on language models share: files, a text split in two, and what is said of a model. */
import { readFileSync } from 'node:fs';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  capture,
  compress,
  costOf,
  generate,
  loadLlama,
  perplexity,
  tokenWindows,
  useBackend,
  type Data,
  type LlamaConfig,
  type Method,
  type Need,
  type Perplexity,
  type Tokenizer,
  type TokenWindows,
} from 'tfjs-prune';
import { showProgress } from './print';

/** What every example on language models is told on its command line. */
export const languageOptions = {
  model: { type: 'string' },
  text: { type: 'string' },
  window: { type: 'string', default: '256' },
  tokens: { type: 'string', default: '20000' },
  held: { type: 'string' },
  seed: { type: 'string', default: '0' },
} as const;

export interface Language {
  readonly model: LayersModel;
  readonly config: LlamaConfig;
  readonly tokenizer: Tokenizer;
  /** From the first 90 % of the text: in windows, with the same one token later as targets. A tenth of the windows validates. */
  readonly data: Omit<Data, 'train' | 'validation'> & {
    readonly train: TokenWindows;
    readonly validation: TokenWindows;
  };
  readonly seed: number;
  /** Of the last 10 % of the text. */
  measure(model: LayersModel): Promise<Perplexity>;
}

/** A Llama from a folder of Hugging Face or a .bin of llama2.c, and a text; at most `tokens` of either part are used, or `held` of the last. */
export async function openLanguage(values: Partial<Record<keyof typeof languageOptions, string>>): Promise<Language> {
  if (!values.model || !values.text) throw new Error('--model DIR and --text FILE are needed');
  console.log(`backend: ${(await useBackend('auto')).description}`);
  const { model, config, tokenizer } = await loadLlama(values.model, { tokenizer: true });
  const [window, most] = [Number(values.window), Number(values.tokens)];
  const tokens = tokenizer!.encode(readFileSync(values.text, 'utf8'), { special: false });
  const end = Math.floor(0.9 * tokens.length);
  const heldOut = tokens.slice(end, end + Number(values.held ?? most));
  const data = windowsOf(tokens.slice(0, Math.min(end, most)), window);
  const seed = Number(values.seed);
  return { model, config, tokenizer: tokenizer!, data, seed, measure: each => perplexity(each, heldOut, { window }) };
}

function windowsOf(tokens: readonly number[], window: number): Language['data'] {
  const count = Math.floor((tokens.length - 1) / window);
  const trained = window * (count - Math.max(1, Math.floor(count / 10)));
  return {
    train: tokenWindows(tokens.slice(0, trained + 1), window),
    validation: tokenWindows(tokens.slice(trained), window),
    loss: 'sparseCategoricalCrossentropy',
  };
}

/** Perplexity of the dense model, and a sample of what it writes. */
export async function showDense(language: Language): Promise<void> {
  const { nats, tokens, protocol } = await language.measure(language.model);
  console.log(`${tokens} tokens of the last 10 %, ${protocol}`);
  console.log(`dense: ${nats.toFixed(4)} nats a token`);
  await showSample(language, language.model);
}

export async function showSample({ tokenizer, seed }: Language, model: LayersModel): Promise<void> {
  const begin = tokenizer.bos === undefined ? tokenizer.encode('Once upon a time') : [tokenizer.bos];
  const sample = await generate(model, begin, { maxTokens: 60, temperature: 0.8, topP: 0.9, seed });
  console.log(`  "${tokenizer.decode(sample).trim()}"\n`);
}

/** Runs `method` on `from` (default: the dense model), and says what it made of it; the caller disposes the model. */
export async function tryMethod(
  language: Language,
  name: string,
  method: Method<Need>,
  from: LayersModel = language.model,
): Promise<LayersModel> {
  const { data, seed } = language;
  const { model } = await compress(from, method, { data, seed, latency: false, progress: showProgress });
  const { nats } = await language.measure(model);
  const [before, after] = [await costAt(from, language), await costAt(model, language)];
  const parameters = change(before.parameters, after.parameters);
  console.log(
    `${name.padEnd(34)} ${nats.toFixed(4)} nats, parameters ${parameters}, MACs ${change(before.macs!, after.macs!)}`,
  );
  return model;
}

/** Of texts as long as the windows; the model itself takes texts of any length. */
export function costAt(model: LayersModel, { data }: Language): Promise<ReturnType<typeof costOf>> {
  return costOfTexts(model, data.train.inputs.shape[1]);
}

export async function costOfTexts(model: LayersModel, tokens: number): Promise<ReturnType<typeof costOf>> {
  return costOf(await capture(model), { example: model.inputs.map(() => [tokens]) });
}

export function change(before: number, after: number): string {
  return `${after < before ? '-' : '+'}${Math.abs(100 * (after / before - 1)).toFixed(1)} %`;
}
