/**
 * SliceGPT on a Llama: its streams turned to their principal directions and cut, measured before or behind the norms, beside the same with
 * one basis for all streams, with
 * random directions, and with the dimensions of least magnitude gone; perplexity on a text that nothing was measured on, and what a
 * nominal slicing really saves. Nothing is trained.
 *
 *   npx tsx examples/09-slicegpt.ts --model DIR --text FILE                   (a folder of Hugging Face, or a .bin of llama2.c)
 *   npx tsx examples/09-slicegpt.ts --model DIR --text FILE --ratios 0.1,0.3 --multiple 4 --save OUT
 *
 * Directions are measured on the first 90 % of the text; the last 10 % is foretold in windows that do not overlap. --save keeps the model
 * of the last ratio for tf.js.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  capture,
  compress,
  costOf,
  generate,
  loadLlama,
  magnitude,
  perplexity,
  prune,
  saveLayersModel,
  sliceGpt,
  uniform,
  useBackend,
  type Method,
} from 'tfjs-prune';
import { showProgress } from './support/print';
import { splitText } from './support/texts';

interface Asked {
  readonly ratio: number;
  readonly multipleOf: number;
  /** Of the dense model. */
  readonly width: number;
}

type Row = readonly [name: string, method: (asked: Asked) => Method<'data'>];

const rows: readonly Row[] = [
  ['SliceGPT', ({ ratio, multipleOf }) => sliceGpt({ ratio, multipleOf })],
  ['SliceGPT, normed', ({ ratio, multipleOf }) => sliceGpt({ ratio, multipleOf, measure: 'normed' })],
  ['one basis', ({ ratio, multipleOf }) => sliceGpt({ ratio, multipleOf, shared: true })],
  ['random directions', ({ ratio, multipleOf }) => sliceGpt({ ratio, multipleOf, orientation: 'random' })],
  ['least magnitude', leastMagnitude],
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      text: { type: 'string' },
      window: { type: 'string', default: '256' },
      tokens: { type: 'string', default: '20000' },
      ratios: { type: 'string', default: '0.1,0.2,0.25,0.3' },
      multiple: { type: 'string', default: '8' },
      seed: { type: 'string', default: '0' },
      save: { type: 'string' },
    },
  });
  if (!values.model || !values.text) throw new Error('--model DIR and --text FILE are needed');
  console.log(`backend: ${(await useBackend('auto')).description}`);
  const { model, config, tokenizer } = await loadLlama(values.model, { tokenizer: true });
  const [window, seed] = [Number(values.window), Number(values.seed)];
  const tokens = tokenizer!.encode(readFileSync(values.text, 'utf8'), { special: false });
  const { calibration: data, heldOut } = splitText(tokens, window, Number(values.tokens));
  const measure = (each: LayersModel) => perplexity(each, heldOut, { window });
  const begin = tokenizer!.bos === undefined ? tokenizer!.encode('Once upon a time') : [tokenizer!.bos];
  const tell = async (each: LayersModel): Promise<string> =>
    tokenizer!.decode(await generate(each, begin, { maxTokens: 60, temperature: 0.8, topP: 0.9 }));
  const dense = await measure(model);
  const cost = await costAt(model, window);
  console.log(`${dense.tokens} tokens of the last 10 %, ${dense.protocol}`);
  console.log(`dense: perplexity ${dense.perplexity.toFixed(3)}; ${cost.parameters} parameters, ${cost.macs} MACs a window; a sample:\n  ${await tell(model)}\n`); // prettier-ignore
  const ratios = values.ratios.split(',').map(Number);
  for (const ratio of ratios) {
    for (const [name, method] of rows) {
      const settings = { data, seed, latency: false, progress: showProgress } as const;
      const { model: small } = await compress(model, method({ ratio, multipleOf: Number(values.multiple), width: config.hiddenSize }), settings); // prettier-ignore
      const { perplexity: raised, nats } = await measure(small);
      const left = await costAt(small, window);
      const width = small.getLayer('embed_tokens').getWeights()[0].shape[1]!;
      console.log(
        `asked for -${Math.round(100 * ratio)} %  ${name.padEnd(17)} width ${width} (nominal ${change(config.hiddenSize, width)}), ` +
          `parameters ${change(cost.parameters, left.parameters)}, MACs ${change(cost.macs!, left.macs!)}, ` +
          `perplexity ${raised.toFixed(3)} (${nats.toFixed(4)} nats a token)`,
      );
      if (name === 'SliceGPT') {
        console.log(`  ${await tell(small)}`);
        if (values.save && ratio === ratios[ratios.length - 1]) await saveLayersModel(small, values.save);
      }
      small.dispose();
    }
  }
  model.dispose();
}

/** So many dimensions of the stream as SliceGPT leaves, chosen by the weights that hold them. */
function leastMagnitude({ ratio, width, multipleOf }: Asked): Method<'data'> {
  const left = Math.floor((1 - ratio) * width + 1e-9);
  const kept = left - (left % multipleOf);
  const groups = ({ kind }: { readonly kind: string }): boolean => kind === 'dimensions';
  return prune({ criterion: magnitude({ norm: 'l2' }), budget: uniform({ ratio: 1 - kept / width }), groups });
}

/** Of texts of `time` tokens; the model itself takes texts of any length, whose MACs nobody knows. */
async function costAt(model: LayersModel, time: number): Promise<ReturnType<typeof costOf>> {
  const { topology, weights } = await capture(model);
  const layers = topology.config.layers.map(spec =>
    spec.className === 'InputLayer' ? { ...spec, config: { ...spec.config, batchInputShape: [null, time] } } : spec,
  );
  return costOf({ weights, topology: { ...topology, config: { ...topology.config, layers } } });
}

function change(before: number, after: number): string {
  return `${after < before ? '-' : '+'}${Math.abs(100 * (after / before - 1)).toFixed(1)} %`;
}

void main();
