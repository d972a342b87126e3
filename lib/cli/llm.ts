/** `tfjs-prune llm`: a language model cut down on a text. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { compress, type Compressed } from '../compress';
import { checkKeyword } from '../core/check';
import type { Need } from '../core/context';
import {
  blockPruner,
  chain,
  ffnPruning,
  flap,
  headPruning,
  laco,
  llmPruner,
  loraTune,
  shortGpt,
  sleb,
  sliceGpt,
  twoStage,
  wandaSp,
  type Method,
} from '../methods';
import { loadLlama, type Loaded } from '../models/load';
import type { LlamaConfig } from '../models/llamaConfig';
import { saveHuggingFace } from '../models/save';
import { tokenWindows } from '../models/tokenWindows';
import { formatReport } from '../report/format';
import { provenanceOf } from '../report/provenance';
import { wrap } from '../report/table';
import { saveLayersModel } from '../runtime/files';
import { generate } from '../runtime/generate';
import { perplexity, type Perplexity } from '../runtime/perplexity';
import { useBackendOf } from './model';
import type { Command, Given, Streams } from './command';
import { requireFolder, SEED, seedFrom, settingsLine } from './compressFile';
import { refusal } from './arguments';
import { readGivenFile } from './readFile';
import { watched } from './watch';

/** How much goes: a fraction of what the method removes, or, of a method that asks for it, what a threshold lets go. */
interface Amount {
  readonly ratio: number;
  readonly threshold: number;
}

const BATCH = { batchSize: 8 };

const METHODS: Readonly<Record<string, (amount: Amount) => Method<Need>>> = {
  'llm-pruner': ({ ratio }) => llmPruner({ ratio }),
  flap: ({ ratio }) => flap({ ratio, ...BATCH }),
  'wanda-sp': ({ ratio }) => wandaSp({ ratio, ...BATCH }),
  heads: ({ ratio }) => headPruning({ ratio }),
  neurons: ({ ratio }) => ffnPruning({ ratio }),
  'slice-gpt': ({ ratio }) => sliceGpt({ ratio, ...BATCH }),
  'short-gpt': ({ ratio }) => shortGpt({ ratio, ...BATCH }),
  sleb: ({ ratio }) => sleb({ ratio, ...BATCH }),
  'block-pruner': ({ ratio }) => blockPruner({ ratio, ...BATCH }),
  'two-stage': ({ ratio }) => twoStage({ ratio, ...BATCH }),
  laco: ({ threshold }) => laco({ threshold, ...BATCH }),
};

/** Turns streams, with shortcuts between them: no config.json can say that. */
const NO_LLAMA = 'slice-gpt';

export const llmCommand: Command = {
  name: 'llm',
  summary: 'a smaller Llama from the files of Hugging Face or llama2.c, judged by its perplexity',
  operands: ['MODEL'],
  about: 'MODEL: a folder with config.json, model.safetensors and tokenizer.json, or a .bin of llama2.c',
  options: {
    out: {
      value: 'DIR',
      help: `folder for config.json, model.safetensors and the tokenizer; for ${NO_LLAMA} for model.json`,
      required: true,
    },
    text: { value: 'FILE', help: 'what it is calibrated on, and judged by on its last tenth', required: true },
    method: { value: 'NAME', help: wrap(Object.keys(METHODS).join(', '), 85).join('\n'), required: true },
    ratio: { value: 'R', help: 'fraction of what the method removes, in [0, 1); default 0.2' },
    threshold: { value: 'T', help: 'for laco: how similar what the head reads has to stay; default 0.9' },
    epochs: { value: 'N', help: 'then train corrections of low rank (LoRA) so many times over the text; default 0' },
    window: { value: 'N', help: 'tokens that the model sees at once; default 128' },
    tokens: { value: 'N', help: 'most tokens of the text to calibrate on, and to judge by; default 20000' },
    ...SEED,
  },
  help: {
    about: 'Prints perplexity and a sample of text before and after.',
    example: 'tfjs-prune llm models/llama --method sleb --ratio 0.2 --text stories.txt --out out/llama',
  },
  async run(given, streams) {
    const [path] = given.paths;
    const directory = given.word('out')!;
    const { method, settings } = methodFrom(given);
    const [window, most] = [given.number('window') ?? 128, given.number('tokens') ?? 20_000];
    const seed = seedFrom(given);
    const file = given.word('text')!;
    const text = String(await readGivenFile(`--text "${file}"`, 'a text', file));
    await requireFolder(directory, path);
    await useBackendOf(given);
    const loaded = await loadLlama(path, { tokenizer: true });
    try {
      const tokens = loaded.tokenizer!.encode(text, { special: false });
      const end = Math.floor(0.9 * tokens.length);
      const held = tokens.slice(end, end + most);
      const data = {
        train: tokenWindows(tokens.slice(0, Math.min(end, most)), window),
        loss: 'sparseCategoricalCrossentropy',
      } as const;
      const judge = (model: LayersModel) => judged(model, loaded, { held, window, seed }, streams);
      const before = await judge(loaded.model);
      const compressed = await compress(loaded.model, method, { data, seed, latency: false, ...watched(streams) });
      try {
        const after = await judge(compressed.model);
        const written = await write(compressed, directory, settings.method === NO_LLAMA ? undefined : { ...loaded, path }); // prettier-ignore
        return answer(given, { settings, before, after, compressed, written });
      } finally {
        compressed.model.dispose();
      }
    } finally {
      loaded.model.dispose();
    }
  },
};

function methodFrom(given: Given) {
  const name = checkKeyword('arguments', '--method', given.word('method')!, Object.keys(METHODS));
  const [own, other] = name === 'laco' ? (['threshold', 'ratio'] as const) : (['ratio', 'threshold'] as const);
  if (given.has(other)) throw refusal(`--${own} for ${name}`, `--${other}`, 'llm');
  const amount: Amount = { ratio: given.number('ratio') ?? 0.2, threshold: given.number('threshold') ?? 0.9 };
  const epochs = given.number('epochs') ?? 0;
  const cut = METHODS[name](amount);
  const method = epochs === 0 ? cut : chain<Need>(cut, loraTune({ epochs, restoreBest: false, ...BATCH }));
  return { method, settings: { method: name, [own]: amount[own], epochs } };
}

/** Files of Hugging Face for what is one of their models, else of tf.js; gives what was written, in words. */
async function write(
  compressed: Compressed,
  directory: string,
  llama: { readonly config: LlamaConfig; readonly path: string } | undefined,
): Promise<string> {
  const { model, plan, report } = compressed;
  if (llama === undefined) {
    await saveLayersModel(model, directory, { plan, report, provenance: await provenanceOf(compressed) });
    return `model.json and its weights in ${directory}, as transformers knows no such model`;
  }
  const { config, path } = llama;
  const tokenizer = path.endsWith('.bin') ? undefined : path;
  await saveHuggingFace(model, directory, { config, tokenizer });
  return `config.json, model.safetensors${tokenizer === undefined ? '' : ' and the tokenizer'} in ${directory}`;
}

interface Judged extends Perplexity {
  readonly sample: string;
}

async function judged(
  model: LayersModel,
  { tokenizer }: Loaded<LlamaConfig>,
  { held, window, seed }: { readonly held: readonly number[]; readonly window: number; readonly seed: number },
  { signal }: Streams,
): Promise<Judged> {
  const measured = await perplexity(model, held, { window, signal });
  const { bos, encode, decode } = tokenizer!;
  const prompt = bos === undefined ? encode('Once') : [bos];
  const sample = await generate(model, prompt, { maxTokens: 60, temperature: 0.8, topP: 0.9, seed, signal });
  return { ...measured, sample: decode(sample).trim() };
}

interface Done {
  readonly settings: Readonly<Record<string, string | number>>;
  readonly before: Judged;
  readonly after: Judged;
  readonly compressed: Compressed;
  readonly written: string;
}

function answer(given: Given, done: Done): string {
  const { settings, before, after, written } = done;
  const { report } = done.compressed;
  if (given.has('json')) return JSON.stringify({ settings, before, after, out: given.word('out'), report }, null, 2);
  const [from, to] = [before, after].map(({ perplexity: value }) => value.toPrecision(4));
  return [
    settingsLine(settings),
    formatReport(report),
    `perplexity: ${from} before, ${to} now (last tenth of the text: ${before.tokens} tokens, ${before.protocol})`,
    `before: "${before.sample}"`,
    `now:    "${after.sample}"`,
    `written: ${written}`,
  ].join('\n\n');
}
