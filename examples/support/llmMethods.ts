/** The methods for language models by name, each set so that it removes a share of the parameters of the blocks. */
import {
  capture,
  compress,
  flap,
  isFeedForward,
  isHeads,
  laco,
  layerDrop,
  llmPruner,
  magnitude,
  plan,
  prune,
  random,
  randomBlocks,
  shearedLlama,
  shortGpt,
  sleb,
  sliceGpt,
  twoStage,
  uniform,
  wandaSp,
  type Criterion,
  type GroupFilter,
  type Method,
  type Need,
} from 'tfjs-prune';
import type { Language } from './language';
import { blockParameters, type LlmData } from './llmRuns';

/** A method set to a share; equal settings are one run. */
export interface Attempt {
  readonly setting: string;
  method(seed: number): Promise<Method<Need>>;
  /** Share of the recovery that is left, where the method trains itself. */
  readonly recovery?: number;
}

/** What follows from the model and the share alone, for all methods together. */
export interface Asked {
  readonly language: Language;
  readonly data: LlmData;
  /** Of the parameters of the blocks, in (0, 1). */
  readonly ratio: number;
  /** Fraction of heads and neurons that comes nearest when every layer loses the same. */
  readonly units: Units;
}

export interface Units {
  readonly ratio: number;
  /** What stays in each layer, by kind. */
  readonly kept: Readonly<Record<string, number>>;
}

/** Undefined where the nearest is nothing at all. */
type Maker = (asked: Asked) => Attempt | undefined;

const looking = { batches: 4, batchSize: 16 };
const parts: GroupFilter = (group, traced) => isHeads(group) || isFeedForward(group, traced);

function alike(method: (ratio: number) => Method<Need>): Maker {
  return ({ units: { ratio } }) => attempt(`${percent(ratio)} of units`, method(ratio));
}

function by(criterion: Criterion<Need>): Maker {
  return alike(ratio => prune({ criterion, budget: uniform({ ratio, minimum: 1 }), groups: parts }));
}

function salient(on: 'vector' | 'element1' | 'element2'): Maker {
  return alike(ratio => llmPruner({ ratio, on, protectFirst: 0, protectLast: 0 }));
}

function direct(method: (ratio: number) => Method<Need>): Maker {
  return ({ ratio }) => attempt(percent(ratio), method(ratio));
}

function depth(method: (count: number) => Method<Need>): Maker {
  return ({ language, ratio }) => {
    const count = blocksNear(language, ratio);
    return count === 0 ? undefined : attempt(blocksWord(count), method(count));
  };
}

export const llmMethods: Readonly<Record<string, Maker>> = {
  'random units': by(random()),
  'L2': by(magnitude({ norm: 'l2' })),
  'LLM-Pruner vector': salient('vector'),
  'LLM-Pruner element1': salient('element1'),
  'LLM-Pruner element2': salient('element2'),
  'Wanda-sp': alike(ratio => wandaSp({ ratio, ...looking })),
  'FLAP': direct(ratio => flap({ ratio, ...looking })),
  '2SSP': direct(ratio => twoStage({ ratio, ...looking })),
  'Sheared LLaMA': sheared,
  'SliceGPT': sliced,
  'SLEB': depth(count => sleb({ count, ...looking })),
  'ShortGPT': depth(count => shortGpt({ count, ...looking })),
  'LaCo': merged,
  'random blocks': depth(count => layerDrop({ criterion: randomBlocks(), count })),
}; // prettier-ignore

/** Half of the recovery's steps learn the masks, the other half recovers. */
function sheared({ data, units }: Asked): Attempt {
  const steps = Math.round(data.train.inputs.shape[0] / data.batchSize / 2);
  const shear = { target: { units: units.kept }, steps, batchSize: data.batchSize, learningRate: 3e-4 };
  return { ...attempt(`${percent(units.ratio)} of units`, shearedLlama(shear)), recovery: 0.5 };
}

/** The width at which what is left of the blocks comes near, were the last stream cut as well: two shortcuts for each block count. */
function sliced({ language: { config }, ratio }: Asked): Attempt {
  const { hiddenSize: width, layers } = config;
  const places = layers.map(({ heads, keyValueHeads, headSize, intermediateSize }) => 2 * headSize * (heads + keyValueHeads) + 3 * intermediateSize); // prettier-ignore
  const all = width * places.reduce((sum, size) => sum + size, 0);
  const off = (at: number): number => Math.abs((all * at) / width + 2 * layers.length * at * at - (1 - ratio) * all);
  const best = Array.from({ length: width - 1 }, (_, i) => i + 1).reduce((a, b) => (off(b) < off(a) ? b : a));
  return attempt(`width ${best}`, sliceGpt({ ratio: 1 - best / width, multipleOf: 1, batches: 8, batchSize: 8 }));
}

/** The threshold is looked for by halving, until as many blocks are merged as come nearest. */
function merged({ language, data, ratio }: Asked): Attempt | undefined {
  const count = blocksNear(language, ratio);
  if (count === 0) return undefined;
  const gone = async (threshold: number, seed: number): Promise<number> => {
    const { model, plan: made } = await compress(language.model, laco({ threshold }), { data, seed, latency: false });
    model.dispose();
    return made.blocks?.length ?? 0;
  };
  const method = async (seed: number): Promise<Method<Need>> => {
    let [low, high, threshold] = [-1, 1, 0];
    for (let halving = 0; halving < 10; halving++) {
      threshold = (low + high) / 2;
      const now = await gone(threshold, seed);
      if (now === count) break;
      if (now < count) high = threshold;
      else low = threshold;
    }
    return laco({ threshold });
  };
  return { setting: blocksWord(count), method };
}

function attempt(setting: string, method: Method<Need>): Attempt {
  return { setting, method: () => Promise.resolve(method) };
}

function blocksNear({ config }: Language, ratio: number): number {
  return Math.round(ratio * config.layers.length);
}

const blocksWord = (count: number): string => `${count} ${count === 1 ? 'block' : 'blocks'}`;
const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`;

/** The fraction that takes the parameters of the blocks nearest to `ratio` of them. */
export async function unitsFor({ model }: Language, ratio: number): Promise<Units> {
  const all = blockParameters(await capture(model));
  const at = async (fraction: number) => {
    const budget = uniform({ ratio: fraction, minimum: 1 });
    const { cost, groups } = await plan(model, { criterion: magnitude(), budget, groups: parts });
    const own = groups.filter(({ kind }) => kind === 'heads' || kind === 'neurons');
    const kept = Object.fromEntries(own.map(({ kind, units, removed }) => [kind, units - removed.length]));
    return { ratio: fraction, kept, off: (cost!.before.parameters - cost!.after.parameters) / all - ratio };
  };
  let [low, high] = [await at(0), await at(0.999)];
  for (let halving = 0; halving < 12; halving++) {
    const middle = await at((low.ratio + high.ratio) / 2);
    if (middle.off < 0) low = middle;
    else high = middle;
  }
  return -low.off < high.off ? low : high;
}
