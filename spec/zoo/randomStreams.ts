/** Random residual nets on rows of numbers: blocks of several builds, with shared layers, side inputs, nesting and readers in between. */
import * as tf from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { apply, bn, dense, model, relu, type Flow } from './parts';
import { sum } from './streams';
import { randomize } from './weights';

const { layers } = tf;

interface Piece {
  readonly kind: (typeof KINDS)[number];
  readonly choice: number;
}

export interface StreamRecipe {
  readonly width: number;
  readonly pieces: readonly Piece[];
  readonly normalised: boolean;
  readonly seed: number;
}

const KINDS = ['plain', 'normed', 'postNorm', 'projection', 'shared', 'within', 'nested', 'side', 'between', 'twice', 'parallel'] as const; // prettier-ignore

export function streamRecipes(longest = 6): fc.Arbitrary<StreamRecipe> {
  const piece = fc.record({ kind: fc.constantFrom(...KINDS), choice: fc.nat({ max: 11 }) });
  return fc.record({
    width: fc.integer({ min: 2, max: 5 }),
    pieces: fc.array(piece, { minLength: 1, maxLength: longest, size: 'max' }),
    normalised: fc.boolean(),
    seed: fc.nat({ max: 1000 }),
  });
}

interface Job {
  readonly name: string;
  readonly x: Flow;
  readonly input: Flow;
  readonly choice: number;
  /** Layers that several blocks call. */
  readonly common: (width: number) => tf.layers.Layer;
  readonly outputs: Flow[];
}

const widthOf = (x: Flow): number => x.shape[x.shape.length - 1]!;
const norm = (name: string): tf.layers.Layer => layers.layerNormalization({ name });
const either = (name: string, a: Flow, b: Flow, choice: number): Flow => (choice % 2 ? sum(name, a, b) : sum(name, b, a)); // prettier-ignore
const branch = ({ name, x, choice }: Pick<Job, 'name' | 'x' | 'choice'>): Flow => {
  const ends = [[], [bn(`${name}_bn`)], [layers.dropout({ name: `${name}_off`, rate: 0.5 })]][choice % 3];
  return apply(x, dense(`${name}_a`, 4, 'relu'), dense(`${name}_b`, widthOf(x)), ...ends);
};

const BUILDERS: Readonly<Record<Piece['kind'], (job: Job) => Flow>> = {
  plain: job => either(`${job.name}_add`, job.x, branch(job), job.choice),
  normed: job =>
    either(`${job.name}_add`, job.x, branch({ ...job, x: apply(job.x, norm(`${job.name}_n`)) }), job.choice),
  postNorm: job => apply(either(`${job.name}_add`, job.x, branch(job), job.choice), norm(`${job.name}_n`)),
  projection: ({ name, x, choice }) =>
    either(`${name}_add`, apply(x, dense(`${name}_p`, 3)), apply(x, dense(`${name}_a`, 4, 'relu'), dense(`${name}_b`, 3)), choice), // prettier-ignore
  shared: ({ name, x, common, choice }) =>
    either(`${name}_add`, x, apply(x, common(widthOf(x)), dense(`${name}_w`, widthOf(x))), choice),
  within(job) {
    const inner = apply(job.x, dense(`${job.name}_i`, 4));
    const whole = apply(sum(`${job.name}_in`, inner, apply(inner, dense(`${job.name}_j`, 4))), dense(`${job.name}_o`, widthOf(job.x))); // prettier-ignore
    return either(`${job.name}_add`, job.x, whole, job.choice);
  },
  nested({ name, x, choice }) {
    const inner = tf.input({ shape: [widthOf(x)], name: `${name}_in` });
    const first = either('add1', inner, branch({ name: 'f', x: inner, choice }), choice);
    return model(inner, either('add2', first, branch({ name: 's', x: first, choice }), choice), name).apply(x) as Flow;
  },
  side({ name, x, input, choice }) {
    const gate = apply(input, dense(`${name}_gate`, widthOf(x), 'sigmoid'));
    return either(`${name}_add`, x, apply([branch({ name, x, choice }), gate], layers.multiply({ name: `${name}_mul` })), choice); // prettier-ignore
  },
  between({ outputs, x, name }) {
    outputs.push(apply(x, dense(`${name}_probe`, 2)));
    return x;
  },
  twice({ name, x, choice }) {
    const inner = tf.input({ shape: [widthOf(x)], name: `${name}_in` });
    const block = model(inner, either('add', inner, branch({ name: 'f', x: inner, choice }), choice), name);
    return block.apply(apply(block.apply(x) as Flow, relu(`${name}_r`))) as Flow;
  },
  parallel({ name, x, choice }) {
    const [a, b] = [0, 1].map(i => either(`${name}_add${i}`, x, branch({ name: `${name}_${i}`, x, choice }), choice));
    return apply([a, b], layers.maximum({ name: `${name}_max` }));
  },
};

/** The model of a recipe, with random weights; the caller disposes it. */
export function buildStream({ width, pieces, normalised, seed }: StreamRecipe): tf.LayersModel {
  const input = tf.input({ shape: [3], name: 'x' });
  const stem = apply(input, dense('stem', width));
  const made = new Map<number, tf.layers.Layer>();
  const common = (width: number): tf.layers.Layer => {
    if (!made.has(width)) made.set(width, dense(`common_${width}`, width));
    return made.get(width)!;
  };
  const outputs: Flow[] = [];
  const end = pieces.reduce<Flow>(
    (x, { kind, choice }, i) => BUILDERS[kind]({ name: `p${i}`, x, input, choice, common, outputs }),
    normalised ? apply(stem, norm('stem_n')) : stem,
  );
  return randomize(model(input, [seed % 3 ? apply(end, dense('head', 3)) : end, ...outputs]), seed);
}
