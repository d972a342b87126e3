/**
 * MiniLLM: a Llama loses half of its neurons and a quarter of its heads, and learns to write as it did: by reverse divergence on its own texts,
 * beside training on the data, by forward divergence, and on texts of the teacher, each for as many steps. Nats a token on a text that was not
 * trained on; and, as that favours the forward divergence, how likely the teacher finds what the student writes.
 *
 *   npx tsx examples/12-minillm.ts --model DIR --text FILE [--rounds 8]
 */
import { parseArgs } from 'node:util';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  chain,
  distill,
  fineTune,
  generate,
  miniLlm,
  perplexity,
  prune,
  sequenceDistill,
  taylor,
  perGroup,
  type Method,
  type Need,
} from 'tfjs-prune';
import { languageOptions, openLanguage, showDense, showSample, tryMethod, type Language } from './support/language';
import { start } from './support/start';

const RATIOS: Readonly<Record<string, number>> = { neurons: 0.5, heads: 0.25 };

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { ...languageOptions, rounds: { type: 'string', default: '8' } } });
  const language = await openLanguage(values);
  await showDense(language);
  await tellWriting(language, language.model);
  const cut = prune({
    criterion: taylor({ batchSize: 8, batches: 8 }),
    budget: perGroup({ ratios: ({ kind }) => RATIOS[kind], minimum: 1 }),
    groups: ({ kind }) => kind in RATIOS,
  });
  const texts = { rounds: Number(values.rounds), texts: 32, batchSize: 8, learningRate: 1e-3, prompt: 8, length: 48 };
  const steps = texts.rounds * 4 * (texts.texts / texts.batchSize);
  const epochs = Math.max(1, Math.round((steps * 8) / language.data.train.inputs.shape[0]));
  const plain = { epochs, batchSize: 8, learningRate: 1e-3, restoreBest: false };
  const methods: Readonly<Record<string, Method<Need>>> = {
    'cut, nothing else': cut,
    'trained on the data': chain<Need>(cut, fineTune(plain)),
    'forward divergence': chain<Need>(cut, distill({ ...plain, weight: 1, temperature: 1 })),
    'texts of the teacher': chain<Need>(cut, sequenceDistill({ ...texts, epochs: 4, languageModel: 1 })),
    'MiniLLM, single step': chain<Need>(cut, miniLlm({ ...texts, longTerm: false })),
    MiniLLM: chain<Need>(cut, miniLlm(texts)),
  };
  for (const [name, method] of Object.entries(methods)) {
    const small = await tryMethod(language, name, method);
    await tellWriting(language, small);
    if (name === 'MiniLLM') await showSample(language, small);
    small.dispose();
  }
}

/** The teacher's nats on 16 texts that `model` writes, and how many different pairs of tokens are in them. */
async function tellWriting({ model: teacher, data, seed }: Language, model: LayersModel): Promise<void> {
  const { data: tokens, shape } = data.validation.inputs;
  const [nats, pairs]: [number[], Set<string>] = [[], new Set()];
  let count = 0;
  for (let i = 0; i < 16; i++) {
    const begin = (i % shape[0]) * shape[1];
    const prompt = [...tokens.subarray(begin, begin + 8)];
    const text = await generate(model, prompt, { maxTokens: 48, temperature: 1, seed: seed + i });
    nats.push((await perplexity(teacher, [...prompt, ...text], { window: 64 })).nats);
    text.slice(1).forEach((token, at) => pairs.add(`${text[at]} ${token}`));
    count += text.length - 1;
  }
  const mean = nats.reduce((sum, each) => sum + each, 0) / nats.length;
  console.log(
    `  its texts: ${mean.toFixed(3)} nats a token to the teacher, ${(pairs.size / count).toFixed(2)} of the pairs differ`,
  );
}

start(main);
