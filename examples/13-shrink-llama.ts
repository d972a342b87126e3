/**
 * All together: neurons and heads go by what the loss says, then the block that is missed least, and the student learns to write as its
 * teacher did; each step in its turn, with what it cost and what it gave back.
 *
 *   npx tsx examples/13-shrink-llama.ts --model DIR --text FILE [--ratio 0.25] [--blocks 1] [--save OUT]
 */
import { parseArgs } from 'node:util';
import { capture, fineTune, layerDrop, llmPruner, lossIncrease, miniLlm, saveHuggingFace } from 'tfjs-prune';
import { languageOptions, openLanguage, showDense, showSample, tryMethod } from './support/language';
import { start } from './support/start';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...languageOptions,
      ratio: { type: 'string', default: '0.25' },
      blocks: { type: 'string', default: '1' },
      save: { type: 'string' },
    },
  });
  const language = await openLanguage(values);
  await showDense(language);
  const tune = { epochs: 2, batchSize: 8, learningRate: 1e-3, restoreBest: false };
  const teacher = await capture(language.model);
  const whole = { protectFirst: 0, protectLast: 0 }; // all blocks lose the same, so that the files are those of a Llama
  const narrow = await tryMethod(language, 'heads and neurons', llmPruner({ ratio: Number(values.ratio), ...whole }));
  const trained = await tryMethod(language, '  trained on', fineTune(tune), narrow);
  const drop = layerDrop({ criterion: lossIncrease({ batches: 2, batchSize: 8 }), count: Number(values.blocks) });
  const shallow = await tryMethod(language, 'blocks', drop, trained);
  const mended = await tryMethod(language, '  trained on', fineTune(tune), shallow);
  const texts = { rounds: 4, texts: 32, batchSize: 8, learningRate: 5e-4, length: 48 };
  const small = await tryMethod(language, '  MiniLLM', miniLlm({ ...texts, teacher }), mended);
  await showSample(language, small);
  if (values.save) await saveHuggingFace(small, values.save, { config: language.config });
  [narrow, trained, shallow, mended, small].forEach(model => model.dispose());
}

start(main);
