/** Draws docs/images anew, of one run on the digits that come with the project: `npm run pictures`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compress, networkSlimming, plotReport, sensitivity, taylor, train, useBackend } from '../lib';
import { showProgress } from '../examples/support/print';
import { digitsRecipe } from '../examples/support/recipes';

const FOLDER = join(__dirname, '../docs/images');
/** Of the drawings of a report, those that the guides show. */
const SHOWN = ['sensitivity', 'groups', 'gammas-2'];
const seed = 0;

async function main(): Promise<void> {
  await useBackend('wasm');
  const { build, read, dense, slimming } = digitsRecipe();
  const data = read(seed);
  const initial = build(seed);
  const model = await train(initial, { ...dense, data, seed, progress: showProgress });
  const scan = await sensitivity(model, { criterion: taylor(), data, seed, progress: showProgress });
  const settings = { data, seed, latency: false, progress: showProgress } as const;
  const { model: small, report, plan } = await compress(model, networkSlimming(slimming), settings);
  [initial, model, small].forEach(each => each.dispose());
  mkdirSync(FOLDER, { recursive: true });
  for (const { name, svg } of plotReport({ report, plan, sensitivity: scan })) {
    if (SHOWN.includes(name)) writeFileSync(join(FOLDER, `${name}.svg`), svg);
  }
}

void main();
