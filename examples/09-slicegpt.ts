/**
 * SliceGPT on a Llama: its streams turned to their principal directions and cut, beside the same with one basis for all streams, with
 * random directions, and with the dimensions of least magnitude gone; perplexity on a text that nothing was measured on, and what a
 * nominal slicing really saves. Nothing is trained.
 *
 *   npx tsx examples/09-slicegpt.ts --model DIR --text FILE                   (a folder of Hugging Face, or a .bin of llama2.c)
 *   npx tsx examples/09-slicegpt.ts --model DIR --text FILE --ratios 0.1,0.3 --multiple 4 --save OUT
 *
 * Directions are measured on the first 90 % of the text; the last 10 % is foretold in windows that do not overlap. --save keeps the model
 * of the last ratio for tf.js.
 */
import { parseArgs } from 'node:util';
import { magnitude, prune, saveLayersModel, sliceGpt, uniform, type Method } from 'tfjs-prune';
import { change, languageOptions, openLanguage, showDense, showSample, tryMethod } from './support/language';
import { start } from './support/start';

interface Asked {
  readonly ratio: number;
  readonly multipleOf: number;
  /** Of the dense model. */
  readonly width: number;
}

type Row = readonly [name: string, method: (asked: Asked) => Method<'data'>];

const rows: readonly Row[] = [
  ['SliceGPT', ({ ratio, multipleOf }) => sliceGpt({ ratio, multipleOf })],
  ['SliceGPT, behind norms', ({ ratio, multipleOf }) => sliceGpt({ ratio, multipleOf, measure: 'normed' })],
  ['one basis', ({ ratio, multipleOf }) => sliceGpt({ ratio, multipleOf, shared: true })],
  ['random directions', ({ ratio, multipleOf }) => sliceGpt({ ratio, multipleOf, orientation: 'random' })],
  ['least magnitude', leastMagnitude],
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...languageOptions,
      ratios: { type: 'string', default: '0.1,0.2,0.25,0.3' },
      multiple: { type: 'string', default: '8' },
      save: { type: 'string' },
    },
  });
  const language = await openLanguage(values);
  await showDense(language);
  const { hiddenSize: width } = language.config;
  const ratios = values.ratios.split(',').map(Number);
  for (const ratio of ratios) {
    for (const [name, method] of rows) {
      const asked = { ratio, multipleOf: Number(values.multiple), width };
      const small = await tryMethod(language, `-${Math.round(100 * ratio)} %, ${name}`, method(asked));
      if (name === 'SliceGPT') {
        const left = small.getLayer('embed_tokens').getWeights()[0].shape[1]!;
        console.log(`  nominal: width ${width} to ${left} (${change(width, left)})`);
        await showSample(language, small);
        if (values.save && ratio === ratios[ratios.length - 1]) await saveLayersModel(small, values.save);
      }
      small.dispose();
    }
  }
}

/** So many dimensions of the stream as SliceGPT leaves, chosen by the weights that hold them. */
function leastMagnitude({ ratio, width, multipleOf }: Asked): Method<'data'> {
  const left = Math.floor((1 - ratio) * width + 1e-9);
  const kept = left - (left % multipleOf);
  const groups = ({ kind }: { readonly kind: string }): boolean => kind === 'dimensions';
  return prune({ criterion: magnitude({ norm: 'l2' }), budget: uniform({ ratio: 1 - kept / width }), groups });
}

start(main);
