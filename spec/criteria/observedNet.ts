/** The net of fixtures/observed.json with its examples, and what it takes to score it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gather, ndarray, type NdArray } from '../../lib/core/array';
import { weightsOf, type Checkpoint } from '../../lib/core/checkpoint';
import type { Context, Need, Progress, Split } from '../../lib/core/context';
import type { Criterion, Scores } from '../../lib/criteria';
import { groupsOf, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { createContext } from '../../lib/runtime/context';
import { withoutLeak } from '../runtime/help';
import { functional, input, layer } from '../zoo/topology';

interface Plain {
  readonly shape: number[];
  readonly data: readonly number[];
}
type ByGroup<T> = Readonly<Record<string, T>>;
interface Expected {
  readonly values: readonly number[];
  readonly standardError: readonly number[];
}

export const fixture = JSON.parse(readFileSync(join(__dirname, 'fixtures/observed.json'), 'utf8')) as {
  readonly weights: Readonly<Record<string, readonly Plain[]>>;
  readonly inputs: Plain;
  readonly geometricMedian: Readonly<Record<'l2' | 'l1' | 'cosine', ByGroup<readonly number[]>>>;
  readonly lamp: ByGroup<readonly number[]>;
} & Readonly<Record<'activation' | 'activation l2' | 'apoz' | 'wanda' | 'hrank', ByGroup<Expected>>>;

const array = ({ shape, data }: Plain): NdArray => ndarray(Float32Array.from(data), shape);
const same = { kernelSize: [3, 3], padding: 'same' };

/**
 * image[5, 4, 2] -> a[3], b[2] -> their concatenation -> c[4]; a -> d[4]; c + d -> e[3] -> flat[18] -> f[6] -> head; c + d -> pool -> g. Every unit is
 * read by something other than the next: a by c and d, the sum by e as maps and by g flattened.
 */
const topology = functional(
  [
    input('image', [5, 4, 2]),
    layer('Conv2D', 'a', { filters: 3, activation: 'relu', ...same }, ['image']),
    layer('Conv2D', 'b', { filters: 2, kernelSize: [1, 1], activation: 'relu' }, ['image']),
    layer('Concatenate', 'join', { axis: -1 }, ['a', 'b']),
    layer('Conv2D', 'c', { filters: 4, ...same }, ['join']),
    layer('Conv2D', 'd', { filters: 4, kernelSize: [1, 1] }, ['a']),
    layer('Add', 'sum', {}, ['c', 'd']),
    layer('ReLU', 'relu', {}, ['sum']),
    layer('Conv2D', 'e', { filters: 3, kernelSize: [3, 3], activation: 'relu' }, ['relu']),
    layer('Flatten', 'flat', {}, ['e']),
    layer('Dense', 'f', { units: 6, activation: 'relu' }, ['flat']),
    layer('Dense', 'head', { units: 2 }, ['f']),
    layer('MaxPooling2D', 'pool', { poolSize: [2, 2], strides: [2, 2] }, ['relu']),
    layer('Flatten', 'flatPool', {}, ['pool']),
    layer('Dense', 'g', { units: 2 }, ['flatPool']),
  ],
  ['head', 'g'],
);

export const NAMES = ['a', 'b', 'c', 'e', 'f'];
export const EXAMPLES = fixture.inputs.shape[0];

export function branched(): Checkpoint {
  const weights = Object.entries(fixture.weights).map(([path, arrays]) => [path, arrays.map(array)] as const);
  return { topology, weights: new Map(weights) };
}

/** The examples of the fixture, `times` over. */
export function split(times = 1): Split {
  const { shape, data } = fixture.inputs;
  const all = new Array<readonly number[]>(times).fill(data).flat();
  return { inputs: [array({ shape: [times * EXAMPLES, ...shape.slice(1)], data: all })], targets: [] };
}

export interface ContextOptions {
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (event: Progress) => void;
}

export async function contextOf(
  train: Split,
  { seed = 1, signal, progress = () => {} }: ContextOptions = {},
): Promise<Context<Need>> {
  const run = { original: branched(), seed, signal, log: () => {}, progress };
  return (await createContext(run, { train, loss: [] }, () => Promise.resolve(undefined))).context;
}

export function groupNamed(model: Checkpoint, name: string): Group {
  return groupsOf(trace(model)).find(group => group.name === name)!;
}

/** Scores by group, nothing left behind. */
export async function scoresOf(
  criterion: Criterion<'data'>,
  names = NAMES,
  model = branched(),
  context: Context<Need> | Promise<Context<Need>> = contextOf(split()),
): Promise<Readonly<Record<string, Scores>>> {
  const chosen = names.map(name => groupNamed(model, name));
  const given = await context;
  const scores = await withoutLeak(() => criterion.score(chosen, model, given));
  return Object.fromEntries(names.map((name, i) => [name, scores[i]]));
}

/** Differences at most `tolerance` of the largest number expected. */
export function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  expect(found).toHaveLength(expected.length);
  const scale = Math.max(...Array.from(expected, Math.abs)) || 1;
  Array.from(expected).forEach((value, i) => expect(Math.abs(found[i] - value) / scale).toBeLessThan(tolerance));
}

export const divided = (values: ArrayLike<number>, by: number): number[] => Array.from(values, value => value / by);
export const meanOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** `model` with the slices of weights at `position` of an axis multiplied: `[path, weight, axis, position, by]`. */
export function scaled(
  model: Checkpoint,
  ...changes: readonly (readonly [string, number, number, number, number])[]
): Checkpoint {
  const weights = new Map(model.weights);
  for (const [path, weight, axis, position, by] of changes) {
    const change = ({ shape, data, dtype }: NdArray): NdArray => {
      const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const at = (i: number): number => Math.floor(i / inner) % shape[axis];
      return { shape, dtype, data: Float32Array.from(data, (value, i) => (at(i) === position ? value * by : value)) };
    };
    const arrays = weights.get(path) ?? weightsOf(model, path);
    weights.set(
      path,
      arrays.map((each, i) => (i === weight ? change(each) : each)),
    );
  }
  return { ...model, weights };
}

/** `model` of {@link branched} with the units of its groups `a` in another order. */
export function permuted(model: Checkpoint, order: readonly number[]): Checkpoint {
  const turn = (path: string, axis: number, positions = order): [string, readonly NdArray[]] => {
    const [kernel, bias] = weightsOf(model, path);
    return [path, [gather(kernel, axis, positions), axis === 3 ? gather(bias, 0, positions) : bias]];
  };
  return { ...model, weights: new Map([...model.weights, turn('a', 3), turn('c', 2, [...order, 3, 4]), turn('d', 2)]) };
}
