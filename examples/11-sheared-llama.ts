/**
 * Sheared LLaMA: masks learnt with the weights cut a model to a given shape, beside the same shape by first-order scores and by chance, each
 * trained on for as many steps. Nats a token on a text that was not trained on, and samples before and after.
 *
 *   npx tsx examples/11-sheared-llama.ts --model DIR --text FILE [--steps 200] [--epochs 2] [--keep 0.75]
 */
import { parseArgs } from 'node:util';
import {
  chain,
  fineTune,
  magnitude,
  plan,
  prune,
  random,
  shearedLlama,
  taylor,
  uniform,
  type Criterion,
  type Method,
  type Need,
} from 'tfjs-prune';
import { languageOptions, openLanguage, showDense, showSample, tryMethod } from './support/language';
import { start } from './support/start';

const KINDS = ['heads', 'neurons'];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...languageOptions,
      steps: { type: 'string', default: '200' },
      epochs: { type: 'string', default: '2' },
      keep: { type: 'string', default: '0.75' },
    },
  });
  const language = await openLanguage(values);
  await showDense(language);
  const [keep, epochs, steps] = [Number(values.keep), Number(values.epochs), Number(values.steps)];
  const training = { batchSize: 8, learningRate: 1e-3, restoreBest: false };
  const { groups } = await plan(language.model, { criterion: magnitude(), budget: uniform({ ratio: 0 }) });
  const sizes = new Map(groups.map(({ kind, units }) => [kind, units]));
  const units = Object.fromEntries(KINDS.map(kind => [kind, Math.round(keep * sizes.get(kind)!)]));
  const more = Math.round((steps * training.batchSize) / language.data.train.inputs.shape[0]);
  const tuned = (criterion: Criterion<Need>): Method<Need> =>
    chain<Need>(
      prune({
        criterion,
        budget: uniform({ ratio: 1 - keep, minimum: 1 }),
        groups: ({ kind }) => KINDS.includes(kind),
      }),
      fineTune({ ...training, epochs: epochs + more }), // the steps that shearing took as well
    );
  const shear = { target: { units }, steps, batchSize: 8, learningRate: 3e-4 };
  const methods: Readonly<Record<string, Method<Need>>> = {
    'random units, trained on': tuned(random()),
    'Taylor, trained on': tuned(taylor({ batchSize: 8, batches: 8 })),
    'sheared, not trained on': shearedLlama(shear),
    'sheared, trained on': shearedLlama({ ...shear, fineTune: { ...training, epochs } }),
  };
  for (const [name, method] of Object.entries(methods)) {
    const small = await tryMethod(language, name, method);
    if (name === 'sheared, trained on') await showSample(language, small);
    small.dispose();
  }
}

start(main);
