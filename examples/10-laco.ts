/**
 * LaCo on a Llama: blocks in a row made one, by the sum of differences of the paper, by what its code does, and by the mean, as long as
 * the cosine between what the head read and reads stays above a threshold; beside it the same number of blocks dropped by their
 * influence, and at random. Perplexity on a text that nothing was measured on. Nothing is trained.
 *
 *   npx tsx examples/10-laco.ts --model DIR --text FILE                       (a folder of Hugging Face, or a .bin of llama2.c)
 *   npx tsx examples/10-laco.ts --model DIR --text FILE --thresholds 0.9,0.6 --merge 2,4
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  blockInfluence,
  compress,
  laco,
  layerDrop,
  loadLlama,
  perplexity,
  randomBlocks,
  useBackend,
  type Method,
} from 'tfjs-prune';
import { showProgress } from './support/print';
import { splitText } from './support/texts';

const combinations = ['rdsc', 'replaceLast', 'mean'] as const;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      text: { type: 'string' },
      window: { type: 'string', default: '256' },
      tokens: { type: 'string', default: '20000' },
      thresholds: { type: 'string', default: '0.9,0.7,0.5' },
      merge: { type: 'string', default: '2,3' },
      seed: { type: 'string', default: '0' },
    },
  });
  if (!values.model || !values.text) throw new Error('--model DIR and --text FILE are needed');
  console.log(`backend: ${(await useBackend('auto')).description}`);
  const { model, config, tokenizer } = await loadLlama(values.model, { tokenizer: true });
  const [window, seed] = [Number(values.window), Number(values.seed)];
  const tokens = tokenizer!.encode(readFileSync(values.text, 'utf8'), { special: false });
  const { calibration: data, heldOut } = splitText(tokens, window, Number(values.tokens));
  const measure = async (each: LayersModel) => (await perplexity(each, heldOut, { window })).perplexity;
  console.log(`dense: ${config.layers.length} blocks, perplexity ${(await measure(model)).toFixed(3)}`);
  /** Prints a line, and gives the number of blocks that are gone. */
  const tell = async (name: string, method: Method<'data'>): Promise<number> => {
    const { model: small, report } = await compress(model, method, { data, seed, latency: false, progress: showProgress }); // prettier-ignore
    const gone = report.blocks ?? [];
    const left = `${(100 * (report.after.parameters / report.before.parameters)).toFixed(1)} % of the parameters`;
    const names = gone.map(block => /layers_(\d+)/.exec(block.name)?.[1]).join(' ') || 'none';
    console.log(`${name.padEnd(36)} ${left}, blocks gone: ${names}, perplexity ${(await measure(small)).toFixed(3)}`);
    small.dispose();
    return gone.length;
  };
  const counts = new Set<number>();
  for (const merge of values.merge.split(',').map(Number)) {
    for (const threshold of values.thresholds.split(',').map(Number)) {
      for (const combine of combinations) {
        // Of two blocks the sum of differences is the last.
        if (merge === 2 && combine === 'replaceLast') continue;
        const name = `LaCo ${combine} of ${merge}, above ${threshold}`;
        counts.add(await tell(name, laco({ threshold, merge, combine })));
      }
    }
  }
  for (const count of [...counts].filter(Boolean).sort((a, b) => a - b)) {
    await tell(`${count} of least influence`, layerDrop({ criterion: blockInfluence({ batchSize: 8 }), count }));
    await tell(`${count} at random`, layerDrop<'data'>({ criterion: randomBlocks(), count }));
  }
  model.dispose();
}

void main();
