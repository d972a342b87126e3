/**
 * LLM-Pruner: a quarter of the heads and neurons of the middle blocks gone by each of its saliences, random units and L2 beside them, then
 * brought back by LoRA. Nats a token on a text that was not calibrated with, and samples before and after.
 *
 *   npx tsx examples/10-llm-pruner.ts --model DIR --text FILE [--ratio 0.25] [--epochs 2]
 */
import { parseArgs } from 'node:util';
import {
  blocks,
  capture,
  chain,
  llmPruner,
  loraTune,
  magnitude,
  prune,
  random,
  uniform,
  type Criterion,
  type Method,
  type Need,
} from 'tfjs-prune';
import { languageOptions, openLanguage, showDense, showSample, tryMethod } from './support/language';
import { start } from './support/start';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...languageOptions,
      ratio: { type: 'string', default: '0.25' },
      epochs: { type: 'string', default: '2' },
    },
  });
  const language = await openLanguage(values);
  await showDense(language);
  const ratio = Number(values.ratio);
  const recover = { epochs: Number(values.epochs), batchSize: 8, learningRate: 1e-3 };
  const found = blocks(await capture(language.model)).blocks;
  const middle = new Set(found.slice(1, -1).flatMap(({ layers }) => layers));
  /** The same groups as llmPruner takes. */
  const by = (criterion: Criterion<Need>): Method<Need> =>
    prune({ criterion, budget: uniform({ ratio, minimum: 1 }), groups: ({ name }) => middle.has(name) });
  const methods: Readonly<Record<string, Method<Need>>> = {
    'random units': by(random()),
    'L2 magnitude': by(magnitude({ norm: 'l2' })),
    vector: llmPruner({ ratio, on: 'vector' }),
    'element, first order': llmPruner({ ratio, on: 'element1' }),
    'element, second order': llmPruner({ ratio, on: 'element2' }),
    'element, first order, globally': llmPruner({ ratio, scope: 'global' }),
  };
  for (const [name, method] of Object.entries(methods)) {
    (await tryMethod(language, name, method)).dispose();
    const mended = await tryMethod(language, '  and LoRA', chain<Need>(method, loraTune(recover)));
    if (name === 'element, first order') await showSample(language, mended);
    mended.dispose();
  }
}

start(main);
