/**
 * A Llama from its files, its perplexity on a text that it was not calibrated with, a sample, and the same after heads or neurons of
 * the feed-forward parts went by several criteria, random units beside them. Nothing is trained.
 *
 *   npx tsx examples/08-llama.ts --model DIR --text FILE                   (a folder of Hugging Face, or a .bin of llama2.c)
 *   npx tsx examples/08-llama.ts --model DIR --text FILE --ratios 0.1,0.25,0.5 --save OUT
 *
 * The text is calibrated on in its first 90 %, and foretold in its last 10 %, in windows that do not overlap. --save writes the model
 * with the fewest nats at the last ratio as files of Hugging Face.
 */
import { parseArgs } from 'node:util';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  activation,
  compress,
  fisher,
  magnitude,
  prune,
  random,
  saveHuggingFace,
  taylor,
  uniform,
  type Criterion,
  type Group,
  type Need,
} from 'tfjs-prune';
import { languageOptions, openLanguage, showDense } from './support/language';
import { meanAndSpread } from './support/print';
import { start } from './support/start';

const criteria = {
  taylor: taylor({ batchSize: 8, batches: 8 }) as Criterion<Need>,
  fisher: fisher({ batchSize: 8, batches: 8 }) as Criterion<Need>,
  activation: activation({ batchSize: 8, batches: 8 }) as Criterion<Need>,
  'L2 magnitude': magnitude({ norm: 'l2' }),
  random: random(),
};

const targets: Readonly<Record<string, (group: Group) => boolean>> = {
  heads: ({ kind }) => kind === 'heads',
  neurons: ({ kind }) => kind === 'neurons',
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...languageOptions,
      ratios: { type: 'string', default: '0.25,0.5' },
      seeds: { type: 'string', default: '3' },
      save: { type: 'string' },
    },
  });
  const language = await openLanguage(values);
  const { model, config, data, measure } = language;
  await showDense(language);
  let best: { nats: number; model: LayersModel } | undefined;
  const ratios = values.ratios.split(',').map(Number);
  for (const [target, groups] of Object.entries(targets)) {
    for (const ratio of ratios) {
      for (const [name, criterion] of Object.entries(criteria)) {
        const seeds = name === 'random' ? Number(values.seeds) : 1;
        const found: number[] = [];
        let kept = 1;
        for (let seed = 0; seed < seeds; seed++) {
          const method = prune({ criterion, budget: uniform({ ratio }), groups });
          const { model: small, report } = await compress(model, method, { data, seed, latency: false }); // prettier-ignore
          const { nats } = await measure(small);
          found.push(nats);
          kept = report.after.parameters / report.before.parameters;
          if (ratio === ratios[ratios.length - 1] && !(best && best.nats <= nats)) {
            best?.model.dispose();
            best = { nats, model: small };
          } else small.dispose();
        }
        const { mean, spread } = meanAndSpread(found);
        const shown = seeds > 1 ? `${mean.toFixed(4)} +- ${spread.toFixed(4)}` : mean.toFixed(4);
        console.log(`${target} -${Math.round(100 * ratio)} %  ${name.padEnd(13)} ${shown} nats, ${(100 * kept).toFixed(1)} % of the parameters`); // prettier-ignore
      }
    }
  }
  if (values.save && best) await saveHuggingFace(best.model, values.save, { config });
}

start(main);
