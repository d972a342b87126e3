/** One run of an experiment on language models: cut, measured, trained on, measured again. */
import { basename, dirname } from 'node:path';
import { cpuUsage } from 'node:process';
import { tensor2d, tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  capture,
  compress,
  fineTune,
  generate,
  type Checkpoint,
  type Data,
  type Method,
  type NdArray,
  type Need,
} from 'tfjs-prune';
import { costAt, type Language } from './language';
import { notebook, type Notebook } from './notebook';
import { showProgress } from './print';

/** What is trained on, and in what batches. */
export type LlmData = Language['data'] & { readonly batchSize: number };

/** Trains as long as all others do; the text is gone through once. */
export const RECOVERY = { epochs: 1, batchSize: 8, learningRate: 5e-4, restoreBest: false } as const;

/** Few windows validate, as nothing is chosen by them. */
export function llmData({ data }: Language): LlmData {
  const few = ({ shape: [windows, window], dtype, data: all }: NdArray): NdArray => {
    const kept = Math.min(2, windows);
    return { shape: [kept, window], dtype, data: all.slice(0, kept * window) };
  };
  const { inputs, targets } = data.validation;
  return { ...data, validation: { inputs: few(inputs), targets: few(targets) }, batchSize: RECOVERY.batchSize };
}

/** Results of `experiment` on the model at `path`. */
export function resultsOf(path: string, experiment: string): Notebook {
  return notebook(`${resultsFolder(path)}/${experiment}.json`);
}

export function resultsFolder(path: string): string {
  return `examples/results/llama-${basename(path.endsWith('.bin') ? dirname(path) : path)}`;
}

/** Number of weights in the blocks: not in embeddings, the last norm or the head. */
export function blockParameters({ weights }: Checkpoint): number {
  const own = [...weights].filter(([path]) => path.startsWith('layers_')).flatMap(([, arrays]) => arrays);
  return own.reduce((sum, { data }) => sum + data.length, 0);
}

export async function cutBy(language: Language, method: Method<Need>, data: Data, seed: number): Promise<LayersModel> {
  const { model } = await compress(language.model, method, { data, seed, latency: false, progress: showProgress });
  return model;
}

export async function recovered(model: LayersModel, data: Data, seed: number, fraction = 1): Promise<LayersModel> {
  const method = fineTune({ ...RECOVERY, fraction });
  const { model: tuned } = await compress(model, method, { data, seed, latency: false, progress: showProgress });
  return tuned;
}

/** What went, in percent. */
export async function goneFrom(language: Language, small: LayersModel): Promise<Record<string, number>> {
  const [before, after] = [await costAt(language.model, language), await costAt(small, language)];
  const [all, left] = [await capture(language.model), await capture(small)].map(blockParameters);
  return {
    'blocks -%': 100 * (1 - left / all),
    'parameters -%': 100 * (1 - after.parameters / before.parameters),
    'MACs -%': 100 * (1 - after.macs! / before.macs!),
  };
}

/** Of the last 10 % of the text; accuracy is the share of tokens foretold right, in percent. */
export async function qualityOf(
  { measure }: Language,
  model: LayersModel,
): Promise<{ perplexity: number; accuracy: number }> {
  // prettier-ignore
  const { perplexity, accuracy } = await measure(model);
  return { perplexity, accuracy: 100 * accuracy };
}

/**
 * Tokens per second of processor time, which other work on the machine hardly changes, in a forward pass of 16 windows and in one text that
 * is written with remembered keys and values; each as a factor to the dense model, in turns.
 */
export async function speedOf(
  { model: dense, data, seed }: Language,
  small: LayersModel,
): Promise<Record<string, number>> {
  // prettier-ignore
  const window = data.train.inputs.shape[1];
  const tokens = data.train.inputs.data.subarray(0, 16 * window);
  const read = async (model: LayersModel): Promise<void> => {
    const logits = tidy(() => model.predict(tensor2d(tokens, [16, window], 'int32')) as Tensor);
    await logits.data();
    logits.dispose();
  };
  const write = async (model: LayersModel): Promise<void> => {
    await generate(model, [1, 2, 3, 4], { maxTokens: 24, temperature: 1, seed });
  };
  const [forward, writing] = [await inTurns(dense, small, read, 9), await inTurns(dense, small, write, 7)];
  return {
    'forward x': forward.factor,
    'forward tokens/s': tokens.length / forward.seconds,
    'writing x': writing.factor,
    'writing tokens/s': 24 / writing.seconds,
  };
}

/** Medians over `rounds` of `work` on either model, who goes first by turns; a round before warms up. */
async function inTurns(
  dense: LayersModel,
  small: LayersModel,
  work: (model: LayersModel) => Promise<void>,
  rounds: number,
): Promise<{ readonly factor: number; readonly seconds: number }> {
  const seconds = async (model: LayersModel): Promise<number> => {
    const start = cpuUsage();
    await work(model);
    const { user, system } = cpuUsage(start);
    return (user + system) / 1e6;
  };
  const pairs: number[][] = [];
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? [dense, small] : [small, dense];
    const times = [await seconds(order[0]), await seconds(order[1])];
    pairs.push(round % 2 === 0 ? times : times.reverse());
  }
  const timed = pairs.slice(1);
  return { factor: middle(timed.map(([before, now]) => before / now)), seconds: middle(timed.map(([, now]) => now)) };
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
