/**
 * All methods for language models side by side: perplexity, parameters, MACs and speed where 10, 20, 30 and 50 % of the parameters
 * of the blocks are gone (all weights but embeddings, last norm and head), right after the cut and after training on as many tokens.
 *
 *   npx tsx examples/16-llm-methods.ts --model DIR --text FILE               (a folder of Hugging Face, or a .bin of llama2.c)
 *   npx tsx examples/16-llm-methods.ts --model DIR --text FILE --table       (prints what is known, and runs nothing)
 *
 * What cannot meet a share takes the nearest and says what went: all layers lose the same number of heads and of neurons but for FLAP and
 * 2SSP, which choose; SliceGPT's shortcuts count; blocks go whole. Sheared LLaMA learns its masks in the first half of the steps. Calibrated
 * and trained on the beginning of the text; the last 10 % is foretold in windows that do not overlap. Speed is in tokens per second of
 * processor time, as a factor to the dense model: in a forward pass, and in writing. What is measured is kept in examples/results, run
 * by run: started again, it goes on where it was.
 */
import { parseArgs } from 'node:util';
import { languageOptions, openLanguage, type Language } from './support/language';
import { llmMethods, unitsFor, type Attempt } from './support/llmMethods';
import { cutBy, goneFrom, llmData, qualityOf, recovered, resultsOf, speedOf, type LlmData } from './support/llmRuns';
import type { Notebook } from './support/notebook';
import { start } from './support/start';

interface Row {
  /** In percent of the parameters of the blocks. */
  readonly share: number;
  readonly name: string;
  readonly attempt: Attempt;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...languageOptions,
      window: { type: 'string', default: '64' },
      tokens: { type: 'string', default: '22785' },
      held: { type: 'string', default: '6000' },
      ratios: { type: 'string', default: '0.2,0.5,0.3,0.1' },
      methods: { type: 'string', default: Object.keys(llmMethods).join() },
      seeds: { type: 'string', default: '3' },
      table: { type: 'boolean', default: false },
    },
  });
  const language = await openLanguage(values);
  const results = resultsOf(values.model!, 'methods');
  results.settle({ window: Number(values.window), tokens: Number(values.tokens), held: Number(values.held) });
  const data = llmData(language);
  const rows = await rowsFor(language, data, values.ratios.split(',').map(Number), values.methods.split(','));
  const seeds = Number(values.seeds);
  for (let seed = 0; seed < seeds && !values.table; seed++) {
    await denseRun({ ...language, seed }, data, results);
    for (const row of rows) await run({ ...language, seed }, data, row, results);
    if (seed === 0) for (const row of rows) await time(language, data, row, results);
    print(rows, seed + 1, results);
  }
  if (values.table) print(rows, seeds, results);
  language.model.dispose();
}

async function rowsFor(
  language: Language,
  data: LlmData,
  ratios: readonly number[],
  names: readonly string[],
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const ratio of ratios) {
    const units = await unitsFor(language, ratio);
    for (const name of names) {
      const attempt = llmMethods[name]({ language, data, ratio, units });
      if (attempt) rows.push({ share: 100 * ratio, name, attempt });
    }
  }
  return rows;
}

const keyOf = (seed: number, { name, attempt }: Row): string => `seed ${seed}, ${name}, ${attempt.setting}`;

async function run(language: Language, data: LlmData, row: Row, results: Notebook): Promise<void> {
  const { seed } = language;
  const key = keyOf(seed, row);
  if (results.has(`${key}, recovered accuracy`)) return;
  const small = await cutBy(language, await row.attempt.method(seed), data, seed);
  const cut = { ...(await goneFrom(language, small)), ...(await qualityOf(language, small)) };
  const tuned = await recovered(small, data, seed, row.attempt.recovery);
  const { perplexity, accuracy } = await qualityOf(language, tuned);
  results.record(key, { ...cut, 'recovered perplexity': perplexity, 'recovered accuracy': accuracy });
  small.dispose();
  tuned.dispose();
}

/** Of the first seed alone: the shapes of the others are hardly others. */
async function time(language: Language, data: LlmData, row: Row, results: Notebook): Promise<void> {
  const key = keyOf(0, row);
  if (results.has(`${key}, writing x`)) return;
  const small = await cutBy(language, await row.attempt.method(0), data, 0);
  results.record(key, await speedOf(language, small));
  small.dispose();
}

/** The model as it is, and trained on as long as the others. */
async function denseRun(language: Language, data: LlmData, results: Notebook): Promise<void> {
  const key = `seed ${language.seed}, dense`;
  if (results.has(`${key}, recovered accuracy`)) return;
  const before = await qualityOf(language, language.model);
  const tuned = await recovered(language.model, data, language.seed);
  const { perplexity, accuracy } = await qualityOf(language, tuned);
  results.record(key, { ...before, 'recovered perplexity': perplexity, 'recovered accuracy': accuracy });
  tuned.dispose();
}

/** Name of a number, its heading, and its digits. */
const columns = [
  ['blocks -%', 'blocks -%', 1],
  ['parameters -%', 'params -%', 1],
  ['MACs -%', 'MACs -%', 1],
  ['perplexity', 'ppl', 2],
  ['recovered perplexity', 'recovered', 2],
  ['recovered accuracy', 'accuracy %', 1],
  ['forward x', 'forward x', 2],
  ['writing x', 'writing x', 2],
] as const;

function print(rows: readonly Row[], seeds: number, results: Notebook): void {
  const dense = (name: string, digits: number): string =>
    results.cell(seeds, seed => `seed ${seed}, dense, ${name}`, digits);
  console.log(`\ndense: perplexity ${dense('perplexity', 2)}, accuracy ${dense('accuracy', 1)} %; trained on as long as the others: ${dense('recovered perplexity', 2)}, ${dense('recovered accuracy', 1)} %`); // prettier-ignore
  console.log(`${'method'.padEnd(22)}${columns.map(([, heading]) => heading.padStart(16)).join('')}`);
  for (const share of [...new Set(rows.map(row => row.share))].sort((a, b) => a - b)) {
    console.log(`${share} % of the blocks`);
    for (const row of rows.filter(each => each.share === share)) {
      const cells = columns.map(([name, , digits]) =>
        results.cell(seeds, seed => `${keyOf(seed, row)}, ${name}`, digits),
      );
      console.log(`  ${row.name.padEnd(20)}${cells.map(cell => cell.padStart(16)).join('')}  ${row.attempt.setting}`);
    }
  }
}

start(main);
