/**
 * MiniLLM: a Llama loses half of its neurons and a quarter of its heads, and learns to write as it did: by reverse divergence on its own texts,
 * beside training on the data, by forward divergence, and on texts of the teacher, each for as many steps. Nats a token on a text that was not
 * trained on; the divergence from the teacher on texts that the student writes, which MiniLLM lowers, and on the given ones, which is what
 * the forward divergence lowers.
 *
 *   npx tsx examples/12-minillm.ts --model DIR --text FILE [--rounds 8] [--seeds 3]
 *
 * What is measured is kept in examples/results, run by run: started again, it goes on where it was.
 */
import { parseArgs } from 'node:util';
import {
  chain,
  distill,
  fineTune,
  miniLlm,
  perGroup,
  prune,
  sequenceDistill,
  taylor,
  type Method,
  type Need,
} from 'tfjs-prune';
import { divergencesOf } from './support/divergences';
import { languageOptions, openLanguage, showDense, showSample, type Language } from './support/language';
import { cutBy, resultsOf } from './support/llmRuns';
import type { Notebook } from './support/notebook';
import { start } from './support/start';

const RATIOS: Readonly<Record<string, number>> = { neurons: 0.5, heads: 0.25 };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { ...languageOptions, rounds: { type: 'string', default: '8' }, seeds: { type: 'string', default: '3' } },
  });
  const language = await openLanguage(values);
  const [rounds, seeds] = [Number(values.rounds), Number(values.seeds)];
  const results = resultsOf(values.model!, 'minillm');
  results.settle({ window: Number(values.window), tokens: Number(values.tokens), rounds });
  await showDense(language);
  const methods = methodsFor(language, rounds);
  for (let seed = 0; seed < seeds; seed++) {
    for (const [name, method] of Object.entries(methods)) await run({ ...language, seed }, name, method, results);
    print(Object.keys(methods), seed + 1, results);
  }
  language.model.dispose();
}

/** Each trains for as many steps of 8 texts. */
function methodsFor({ data }: Language, rounds: number): Readonly<Record<string, Method<Need>>> {
  const cut = prune({
    criterion: taylor({ batchSize: 8, batches: 8 }),
    budget: perGroup({ ratios: ({ kind }) => RATIOS[kind], minimum: 1 }),
    groups: ({ kind }) => kind in RATIOS,
  });
  const texts = { rounds, texts: 32, batchSize: 8, learningRate: 1e-3, prompt: 8, length: 48 };
  const steps = rounds * 4 * (texts.texts / texts.batchSize);
  const epochs = Math.max(1, Math.round((steps * 8) / data.train.inputs.shape[0]));
  const plain = { epochs, batchSize: 8, learningRate: 1e-3, restoreBest: false };
  return {
    'cut, nothing else': cut,
    'trained on the data': chain<Need>(cut, fineTune(plain)),
    'forward divergence': chain<Need>(cut, distill({ ...plain, weight: 1, temperature: 1 })),
    'texts of the teacher': chain<Need>(cut, sequenceDistill({ ...texts, epochs: 4, languageModel: 1 })),
    'MiniLLM, single step': chain<Need>(cut, miniLlm({ ...texts, longTerm: false })),
    MiniLLM: chain<Need>(cut, miniLlm(texts)),
  };
}

const keyOf = (seed: number, name: string): string => `seed ${seed}, ${name}`;

async function run(language: Language, name: string, method: Method<Need>, results: Notebook): Promise<void> {
  const key = keyOf(language.seed, name);
  if (results.has(`${key}, reverse divergence`)) return;
  const small = await cutBy(language, method, language.data, language.seed);
  const { nats } = await language.measure(small);
  results.record(key, { 'held-out nats': nats, ...(await divergencesOf(language, small)) });
  if (name === 'MiniLLM') await showSample(language, small);
  small.dispose();
}

const COLUMNS = ['held-out nats', 'forward divergence', 'reverse divergence', 'different pairs %'];

function print(names: readonly string[], seeds: number, results: Notebook): void {
  console.log(`\n${''.padEnd(24)}${COLUMNS.map(name => name.padStart(20)).join('')}`);
  for (const name of names) {
    const cells = COLUMNS.map(column => results.cell(seeds, seed => `${keyOf(seed, name)}, ${column}`, 3));
    console.log(`${name.padEnd(24)}${cells.map(cell => cell.padStart(20)).join('')}`);
  }
}

start(main);
