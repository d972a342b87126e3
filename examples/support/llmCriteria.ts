/** What can go from a Llama, kind by kind, and the criteria that say what goes first. */
import {
  activation,
  blockInfluence,
  coupled,
  firstBlocks,
  fisher,
  fluctuation,
  isFeedForward,
  isHeads,
  lastBlocks,
  layerDrop,
  lossIncrease,
  magnitude,
  prune,
  random,
  randomBlocks,
  sliceGpt,
  taylor,
  uniform,
  wanda,
  type BlockCriterion,
  type Criterion,
  type GroupFilter,
  type Method,
  type Need,
} from 'tfjs-prune';
import type { Language } from './language';

export interface Structure {
  readonly name: string;
  /** Fractions of the units of each layer, or numbers of blocks. */
  readonly gone: readonly number[];
  /** By the criterion's name. */
  readonly methods: Readonly<Record<string, (gone: number) => Method<Need>>>;
}

const looking = { batches: 4, batchSize: 16 };

const criteria: Readonly<Record<string, Criterion<Need>>> = {
  'random': random(),
  'L2': magnitude({ norm: 'l2' }),
  'LLM-Pruner element1': coupled({ on: 'element1' }),
  'Taylor, activations': taylor({ on: 'activations', ...looking }),
  'Fisher': fisher(looking),
  'L2 of activations': activation({ statistic: 'l2', ...looking }),
  'Wanda': wanda(looking),
  'fluctuation (FLAP)': fluctuation(looking),
}; // prettier-ignore

/** The root of the sum of squares of all weights of a block. */
const blockMagnitude: BlockCriterion = {
  name: 'blockMagnitude',
  needs: [],
  score(blocks, { weights }) {
    const normOf = (paths: readonly string[]): number => {
      let squares = 0;
      for (const { data } of paths.flatMap(path => weights.get(path) ?? [])) for (const w of data) squares += w * w;
      return Math.sqrt(squares);
    };
    return Promise.resolve(blocks.map(({ layers }) => normOf(layers)));
  },
};

const blockCriteria: Readonly<Record<string, BlockCriterion<Need>>> = {
  'random': randomBlocks(),
  'L2': blockMagnitude,
  'influence (ShortGPT)': blockInfluence(looking),
  'loss (SLEB)': lossIncrease(looking),
  'last first': lastBlocks(),
  'first first': firstBlocks(),
}; // prettier-ignore

function units(groups: GroupFilter): Structure['methods'] {
  const by = (criterion: Criterion<Need>) => (ratio: number) => prune({ criterion, budget: uniform({ ratio, minimum: 1 }), groups }); // prettier-ignore
  return mapped(criteria, by);
}

function mapped<T, U>(record: Readonly<Record<string, T>>, of: (value: T) => U): Readonly<Record<string, U>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, of(value)]));
}

/** The kinds that `language` has. */
export function structures({ config: { layers } }: Language): readonly Structure[] {
  const heads = layers[0].keyValueHeads;
  const dimensions = units(({ kind }) => kind === 'dimensions');
  const oneBasis = (ratio: number): Method<Need> => sliceGpt({ ratio, shared: true, multipleOf: 1, batches: 8 });
  return [
    { name: 'heads', gone: upTo(heads - 1).map(count => count / heads), methods: units(isHeads) },
    { name: 'neurons', gone: [0.15, 0.3, 0.45, 0.6, 0.75], methods: units(isFeedForward) },
    { name: 'dimensions', gone: [0.0625, 0.125, 0.25, 0.375, 0.5], methods: { ...dimensions, 'one basis (SliceGPT)': oneBasis } }, // prettier-ignore
    {
      name: 'blocks',
      gone: upTo(layers.length - 1),
      methods: mapped(blockCriteria, criterion => count => layerDrop({ criterion, count })),
    },
  ];
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
