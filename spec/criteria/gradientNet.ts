/** The net of fixtures/gradients.json with its examples, and the abilities that criteria ask for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ndarray, type NdArray } from '../../lib/core/array';
import { weightsOf, type Checkpoint } from '../../lib/core/checkpoint';
import type { Context, Need, Progress } from '../../lib/core/context';
import type { Criterion, Scores } from '../../lib/criteria';
import { mask } from '../../lib/edit/slice';
import { groupsOf, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { createContext } from '../../lib/runtime/context';
import type { Splits } from '../../lib/runtime/data';
import { random } from '../../lib/core/random';
import { evaluate } from '../../lib/runtime/evaluate';
import { materialize } from '../../lib/runtime/materialize';
import { predict } from '../../lib/runtime/predict';
import { probeInputs } from '../../lib/runtime/probes';
import { withoutLeak } from '../runtime/help';
import { functional, input, layer } from '../zoo/topology';

interface Fixture {
  readonly weights: Readonly<Record<string, readonly { readonly shape: number[]; readonly data: number[] }[]>>;
  readonly inputs: { readonly shape: number[]; readonly data: number[] };
  readonly targets: readonly number[];
  readonly expected: Readonly<Record<string, Readonly<Record<string, { readonly values: number[]; readonly standardError?: number[] }>>>>; // prettier-ignore
  readonly 'gamma and beta of inner': readonly number[];
}

export const fixture = JSON.parse(readFileSync(join(__dirname, 'fixtures/gradients.json'), 'utf8')) as Fixture;
export const EXAMPLES = fixture.targets.length;

const array = ({ shape, data }: { shape: number[]; data: readonly number[] }): NdArray => ndarray(Float32Array.from(data), shape); // prettier-ignore
const convolution = { kernelSize: [3, 3], padding: 'same' };

/** image[4, 4, 2] -> stem[4] -> inner[5] -> outer[4], stem + outer -> pool -> flat[16] -> hidden[6] -> head[3]; only hidden has no norm. */
const topology = functional(
  [
    input('image', [4, 4, 2]),
    layer('Conv2D', 'stem', { filters: 4, useBias: false, ...convolution }, ['image']),
    layer('BatchNormalization', 'stemBn', { axis: -1, epsilon: 1e-3 }, ['stem']),
    layer('ReLU', 'stemRelu', {}, ['stemBn']),
    layer('Conv2D', 'inner', { filters: 5, ...convolution }, ['stemRelu']),
    layer('BatchNormalization', 'innerBn', { axis: -1, epsilon: 1e-3 }, ['inner']),
    layer('ReLU', 'innerRelu', {}, ['innerBn']),
    layer('Conv2D', 'outer', { filters: 4, useBias: false, ...convolution }, ['innerRelu']),
    layer('BatchNormalization', 'outerBn', { axis: -1, epsilon: 1e-3 }, ['outer']),
    layer('Add', 'sum', {}, ['stemRelu', 'outerBn']),
    layer('ReLU', 'sumRelu', {}, ['sum']),
    layer('AveragePooling2D', 'pool', { poolSize: [2, 2], strides: [2, 2] }, ['sumRelu']),
    layer('Flatten', 'flat', {}, ['pool']),
    layer('Dense', 'hidden', { units: 6, activation: 'relu' }, ['flat']),
    layer('Dense', 'head', { units: 3, activation: 'softmax' }, ['hidden']),
  ],
  ['head'],
);

export function residual(): Checkpoint {
  const weights = Object.entries(fixture.weights).map(([path, arrays]) => [path, arrays.map(array)] as const);
  return { topology, weights: new Map(weights) };
}

/** The examples of the fixture, `times` over. */
export function splits(times = 1): Splits {
  const { shape, data } = fixture.inputs;
  const inputs = array({ shape: [times * EXAMPLES, ...shape.slice(1)], data: new Array<readonly number[]>(times).fill(data).flat() }); // prettier-ignore
  const targets = ndarray(Int32Array.from(new Array(times).fill(fixture.targets).flat() as number[]), [times * EXAMPLES]); // prettier-ignore
  return { train: { inputs: [inputs], targets: [targets] }, loss: ['sparseCategoricalCrossentropy'] };
}

export async function contextOf(
  data: Splits,
  { seed = 1, signal, progress = () => {} }: { seed?: number; signal?: AbortSignal; progress?: (event: Progress) => void } = {}, // prettier-ignore
): Promise<Context<Need>> {
  const run = { original: residual(), seed, signal, log: () => {}, progress };
  return (await createContext(run, data, () => Promise.resolve(undefined))).context;
}

export function groupNamed(model: Checkpoint, name: string): Group {
  return groupsOf(trace(model)).find(group => group.name === name)!;
}

type Awaitable = Context<Need> | Promise<Context<Need>>;

/** Scores by group, nothing left behind. */
export async function scoresOf(
  criterion: Criterion<'gradients'>,
  model = residual(),
  { names = ['stem', 'inner', 'hidden'], context = contextOf(splits()) }: { names?: readonly string[]; context?: Awaitable } = {}, // prettier-ignore
): Promise<Readonly<Record<string, Scores>>> {
  const chosen = names.map(name => groupNamed(model, name));
  const given = await context;
  const scores = await withoutLeak(() => criterion.score(chosen, model, given));
  return Object.fromEntries(names.map((name, i) => [name, scores[i]]));
}

/** Differences at most `tolerance` of the largest number expected. */
export function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 2e-5): void {
  expect(found).toHaveLength(expected.length);
  const scale = Math.max(...Array.from(expected, Math.abs));
  Array.from(expected).forEach((value, i) => expect(Math.abs(found[i] - value) / scale).toBeLessThan(tolerance));
}

/** `model` with the slice of one weight at `position` of `axis` multiplied. */
export function scaled(
  model: Checkpoint,
  path: string,
  weight: number,
  axis: number,
  position: number,
  by: number,
): Checkpoint {
  const change = ({ shape, data, dtype }: NdArray): NdArray => {
    const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const at = (i: number): number => Math.floor(i / inner) % shape[axis];
    return { shape, dtype, data: Float32Array.from(data, (value, i) => (at(i) === position ? value * by : value)) };
  };
  const arrays = weightsOf(model, path).map((each, i) => (i === weight ? change(each) : each));
  return { ...model, weights: new Map(model.weights).set(path, arrays) };
}

/** Derivative of the loss as what a mask of `unit` zeroes is scaled, by central differences. */
export async function slopeAt(model: Checkpoint, data: Splits, unit: number, step = 0.02): Promise<number> {
  const gone = mask(model, trace(model), new Set([unit]));
  const lossAt = async (factor: number): Promise<number> => {
    const mixed = [...model.weights].map(([path, arrays]) => {
      const masked = weightsOf(gone, path);
      const mix = (array: NdArray, i: number): NdArray => {
        const zeroed = masked[i].data;
        return { ...array, data: Float32Array.from(array.data, (v, at) => factor * v + (1 - factor) * zeroed[at]) };
      };
      return [path, arrays.map(mix)] as const;
    });
    return (await evaluate({ ...model, weights: new Map(mixed) }, data.train, data.loss)).loss;
  };
  return ((await lossAt(1 + step)) - (await lossAt(1 - step))) / (2 * step);
}

/** Random inputs for any model, and targets near its outputs, with a squared error on every output. */
export async function nearOutputs(model: Checkpoint): Promise<Splits> {
  const net = materialize(model);
  const inputs = probeInputs(net, 1, EXAMPLES);
  net.dispose();
  const outputs = await predict(model, inputs);
  const { normal } = random(2, 'targets');
  const targets = outputs.map(({ data, shape }) =>
    ndarray(
      Float32Array.from(data, v => v + normal()),
      [...shape],
    ),
  );
  return { train: { inputs, targets }, loss: outputs.map(() => 'meanSquaredError' as const) };
}
