/**
 * Perplexity against the parameters that are left, for each kind of structure of a Llama by itself: attention heads, feed-forward neurons,
 * dimensions of the stream, blocks. Every criterion that covers the structure, random units and L2 among them; all layers lose the same,
 * so that only the choice differs. Nothing is trained.
 *
 *   npx tsx examples/17-llm-curves.ts --model DIR --text FILE               (a folder of Hugging Face, or a .bin of llama2.c)
 *   npx tsx examples/17-llm-curves.ts --model DIR --text FILE --draw        (draws what is known, and runs nothing)
 *
 * Calibrated on the beginning of the text; the last 10 % is foretold in windows that do not overlap. What is measured is kept in
 * examples/results, run by run, with a drawing: started again, it goes on where it was.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { PruneError, type Method, type Need } from 'tfjs-prune';
import { standalone } from '../lib/report/drawing/drawing';
import { lineDrawing, type Series } from '../lib/report/drawing/lines';
import { languageOptions, openLanguage, type Language } from './support/language';
import { structures, type Structure } from './support/llmCriteria';
import { cutBy, goneFrom, llmData, qualityOf, resultsFolder, resultsOf, type LlmData } from './support/llmRuns';
import type { Notebook } from './support/notebook';
import { start } from './support/start';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...languageOptions,
      window: { type: 'string', default: '64' },
      tokens: { type: 'string', default: '10241' },
      held: { type: 'string', default: '4000' },
      seeds: { type: 'string', default: '3' },
      draw: { type: 'boolean', default: false },
    },
  });
  const language = await openLanguage(values);
  const results = resultsOf(values.model!, 'curves');
  results.settle({ window: Number(values.window), tokens: Number(values.tokens), held: Number(values.held) });
  const data = llmData(language);
  const all = structures(language);
  const file = `${resultsFolder(values.model!)}/curves.svg`;
  if (!results.has('dense, perplexity')) results.record('dense', await qualityOf(language, language.model));
  for (let seed = 0; seed < Number(values.seeds) && !values.draw; seed++) {
    for (const structure of all) await sweep({ ...language, seed }, data, structure, results);
    writeFileSync(file, drawing(all, seed + 1, results));
  }
  if (values.draw) writeFileSync(file, drawing(all, Number(values.seeds), results));
  console.log(`drawn: ${file}`);
  language.model.dispose();
}

/** Every criterion at every size, unless it does not cover the structure. */
async function sweep(language: Language, data: LlmData, structure: Structure, results: Notebook): Promise<void> {
  for (const [name, method] of Object.entries(structure.methods)) {
    for (const gone of structure.gone) {
      const key = keyOf(structure, name, gone)(language.seed);
      if (results.has(`${key}, perplexity`)) continue;
      const numbers = await measured(language, data, method(gone));
      if (numbers === undefined) break;
      results.record(key, numbers);
    }
  }
}

async function measured(
  language: Language,
  data: LlmData,
  method: Method<Need>,
): Promise<Record<string, number> | undefined> {
  try {
    const small = await cutBy(language, method, data, language.seed);
    const numbers = { ...(await goneFrom(language, small)), ...(await qualityOf(language, small)) };
    small.dispose();
    return numbers;
  } catch (error) {
    if (error instanceof PruneError && error.code === 'no-groups') return undefined;
    throw error;
  }
}

function keyOf({ name }: Structure, criterion: string, gone: number): (seed: number) => string {
  return seed => `seed ${seed}, ${name}, ${criterion}, ${gone}`;
}

/** 2000k has room where 2000000 has none. */
const short = (value: number): string => (value < 1e5 ? String(value) : `${value / 1000}k`);

/** Four plots, two by two; means over the seeds that are known. */
function drawing(all: readonly Structure[], seeds: number, results: Notebook): string {
  const [dense] = results.values(1, () => 'dense, perplexity');
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const plots = all.map(structure => {
    const series = Object.keys(structure.methods).flatMap((name): Series[] => {
      const points = structure.gone.flatMap((gone): (readonly [number, number])[] => {
        const known = (what: string) => results.values(seeds, seed => `${keyOf(structure, name, gone)(seed)}, ${what}`);
        const perplexities = known('perplexity');
        return perplexities.length === 0 ? [] : [[100 - mean(known('parameters -%')), mean(perplexities)]];
      });
      if (points.length === 0) return [];
      // Shortcuts and a head of its own may be more than what goes.
      const whole = points.every(([left]) => left < 100) ? [[100, dense] as const] : [];
      return [{ name, points: [...points, ...whole].sort(([a], [b]) => a - b) }];
    });
    const title = `${structure.name} removed, nothing trained; dashed: dense`;
    const description = `Perplexity against the parameters left, a line for each of ${series.length} criteria`;
    return standalone(lineDrawing(series, { title, description, x: 'parameters left, %', y: 'perplexity', level: dense, logarithmic: true, show: short })); // prettier-ignore
  });
  const sizes = plots.map(plot => /width="([\d.]+)" height="([\d.]+)"/.exec(plot)!.slice(1).map(Number));
  const [width, height] = [0, 1].map(side => Math.max(...sizes.map(size => size[side])));
  const placed = plots.map((plot, i) => plot.replace('<svg ', `<svg x="${(i % 2) * width}" y="${Math.floor(i / 2) * height}" `)); // prettier-ignore
  const size = `width="${2 * width}" height="${Math.ceil(plots.length / 2) * height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>\n${placed.join('')}</svg>\n`;
}

start(main);
