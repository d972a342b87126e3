/**
 * LaCo on a Llama: blocks in a row made one, by the sum of differences of the paper, by what its code does, and by the mean, as long as
 * the cosine between what the head read and reads stays above a threshold; beside it as many blocks dropped by their influence, and at
 * random. Nothing is trained.
 *
 *   npx tsx examples/14-laco.ts --model DIR --text FILE                       (a folder of Hugging Face, or a .bin of llama2.c)
 *   npx tsx examples/14-laco.ts --model DIR --text FILE --thresholds 0.9,0.6 --merge 2,4
 *
 * Calibrated on the first 90 % of the text; the last 10 % is foretold in windows that do not overlap.
 */
import { parseArgs } from 'node:util';
import { blockInfluence, laco, layerDrop, randomBlocks, type Method } from 'tfjs-prune';
import { languageOptions, openLanguage, showDense, tryMethod } from './support/language';
import { start } from './support/start';

const combinations = ['rdsc', 'replaceLast', 'mean'] as const;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...languageOptions,
      thresholds: { type: 'string', default: '0.9,0.7,0.5' },
      merge: { type: 'string', default: '2,3' },
    },
  });
  const language = await openLanguage(values);
  await showDense(language);
  const all = language.config.layers.length;
  /** How many blocks went. */
  const tell = async (name: string, method: Method<'data'>): Promise<number> => {
    const small = await tryMethod(language, name, method);
    const left = small.layers.filter(layer => /^layers_\d+_feed_forward_add$/.test(layer.name));
    small.dispose();
    console.log(`  ${left.length} of ${all} blocks: ${left.map(layer => layer.name.split('_')[1]).join(' ')}`);
    return all - left.length;
  };
  const counts = new Set<number>();
  for (const merge of values.merge.split(',').map(Number)) {
    for (const threshold of values.thresholds.split(',').map(Number)) {
      for (const combine of combinations) {
        // Of two blocks the sum of differences is the last.
        if (merge === 2 && combine === 'replaceLast') continue;
        counts.add(await tell(`${combine} of ${merge}, above ${threshold}`, laco({ threshold, merge, combine })));
      }
    }
  }
  for (const count of [...counts].filter(Boolean).sort((a, b) => a - b)) {
    await tell(`${count} of least influence`, layerDrop({ criterion: blockInfluence({ batchSize: 8 }), count }));
    await tell(`${count} at random`, layerDrop<'data'>({ criterion: randomBlocks(), count }));
  }
  language.model.dispose();
}

start(main);
