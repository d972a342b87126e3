/**
 * The main job, end to end: train a net with BatchNormalization, slim it with L1 on gamma, cut by a global threshold,
 * rebuild it smaller, fine-tune on a subset, and measure.
 *
 *   npm run demo                                      one seed on the digits that come with the project
 *   npm run demo -- --seeds 3                         mean and spread, beside random units and training from scratch
 *   npm run demo -- --seeds 3 --controls 1            the two controls for the first seed only (--from N: another first seed)
 *   npm run demo -- --dataset mnist --data DIR        a small VGG and a residual net on MNIST (IDX files); --net vgg for one
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatReport, useBackend } from 'tfjs-prune';
import { run, type Outcome } from './support/experiment';
import { showProgress, summary } from './support/print';
import { digitsRecipe, mnistRecipes } from './support/recipes';
import { start } from './support/start';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1' },
      from: { type: 'string', default: '0' },
      controls: { type: 'string' },
      dataset: { type: 'string', default: 'digits' },
      data: { type: 'string', default: 'data/mnist' },
      net: { type: 'string', default: '' },
      backend: { type: 'string', default: 'auto' },
      out: { type: 'string', default: 'out' },
    },
  });
  const seeds = Number(values.seeds);
  const from = Number(values.from);
  const controls = Number(values.controls ?? (seeds > 1 ? seeds : 0));
  const all = values.dataset === 'mnist' ? mnistRecipes(values.data) : [digitsRecipe()];
  const recipes = all.filter(({ name }) => name.includes(values.net));
  const { description } = await useBackend(values.backend as 'auto');
  console.log(`backend: ${description}`);
  for (const recipe of recipes) {
    const outcomes: Outcome[] = [];
    for (let seed = from; seed < from + seeds; seed++) {
      console.log(`\n${recipe.name}, seed ${seed}`);
      const directory = join(values.out, recipe.name);
      const log = (message: string): void => console.log(`  ${message}`);
      outcomes.push(await run(recipe, { seed, controls: seed < controls, directory, log, progress: showProgress }));
      const { report, reloaded } = outcomes[outcomes.length - 1];
      console.log(`\n${formatReport(report, 'terminal')}\n`);
      log(`the whole account: ${directory}/report.html`);
      log(`saved ${directory}/dense and ${directory}/slim; the slim one, read by plain tf.js, differs by ${reloaded}`);
    }
    if (seeds > 1) console.log(`\n${recipe.name}, mean of ${seeds} seeds +- standard deviation\n${summary(outcomes)}`);
  }
}

start(main);
