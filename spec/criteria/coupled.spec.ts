/** Coupled structures: the numbers of another program, what holds for any net, and heads that share keys. */
import { loadLlama, type Data } from 'tfjs-prune';
import { ndarray } from '../../lib/core/array';
import { weightsOf, type Checkpoint } from '../../lib/core/checkpoint';
import { coupled, type CoupledOptions } from '../../lib/criteria';
import { groupsOf, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { readData, type Splits } from '../../lib/runtime/data';
import { fixture as folder } from '../models/fixtures';
import { onWasm } from '../runtime/help';
import { refusal } from '../zoo/refusal';
import { functional, input, layer } from '../zoo/topology';
import { contextOf, EXAMPLES, expectClose, fixture, scoresOf } from './gradientNet';

onWasm();

const NAMES = ['stem', 'inner', 'hidden'];
const WAYS = ['vector', 'element1', 'element2'] as const;

test.each(
  WAYS.flatMap(on => (['sum', 'mean', 'max', 'prod', 'last'] as const).map(aggregate => [on, aggregate] as const)),
)('%s, %s: the numbers of PyTorch', async (on, aggregate) => {
  const scores = await scoresOf(coupled({ on, aggregate, examples: EXAMPLES }));
  for (const name of NAMES) expectClose(scores[name].values, fixture.expected[name][`coupled ${on}, ${aggregate}`].values); // prettier-ignore
});

test('a vector counts at most as much as its elements, as what pulls apart inside of it cancels', async () => {
  const [vector, element] = [await scoresOf(coupled({ on: 'vector' })), await scoresOf(coupled())];
  for (const name of NAMES) {
    vector[name].values.forEach((value, i) => expect(value).toBeLessThanOrEqual(element[name].values[i]));
    expect([...vector[name].values]).not.toEqual([...element[name].values]);
  }
});

/** x -> hidden[2] -> head, all linear, and targets that pull two examples apart. */
function tugOfWar(): { readonly model: Checkpoint; readonly data: Splits } {
  const topology = functional(
    [
      input('x', [1]),
      layer('Dense', 'hidden', { units: 2, useBias: false }, ['x']),
      layer('Dense', 'head', { units: 1, useBias: false }, ['hidden']),
    ],
    ['head'],
  );
  const weights = new Map([
    ['hidden', [ndarray(Float32Array.of(1, 0.5), [1, 2])]],
    ['head', [ndarray(Float32Array.of(0.5, 1), [2, 1])]],
  ]);
  const train = {
    inputs: [ndarray(Float32Array.of(1, 1), [2, 1])],
    targets: [ndarray(Float32Array.of(2, 0), [2, 1])], // the net says 1
  };
  return { model: { topology, weights }, data: { train, loss: ['meanSquaredError'] } };
}

test('the second order sees examples whose gradients cancel, the first does not', async () => {
  const { model, data } = tugOfWar();
  const context = await contextOf(data);
  const open = groupsOf(trace(model)).filter(({ frozen }) => frozen === undefined);
  const [first] = await coupled({ on: 'element1', examples: 2 }).score(open, model, context);
  expect([...first.values]).toEqual([0, 0]);
  const [second] = await coupled({ on: 'element2', examples: 2 }).score(open, model, context);
  // Each example's gradient by a weight is 2 or -2 times the other weight of its path: F = 4 v^2, so w^2 F / 2 = 2 w^2 v^2 at both weights.
  expect([...second.values]).toEqual([2 * 2 * 0.25, 2 * 2 * 0.25]);
});

test('key and value heads are credited with the query heads that they serve', async () => {
  const { model } = await loadLlama(folder('llama-tied'));
  const whole = await capture(model);
  model.dispose();
  const own = groupsOf(trace(whole)).find(({ kind }) => kind === 'heads')!;
  expect(own.units).toHaveLength(2); // of two query heads each
  // Only what the second group of heads writes is read: all gradients of the first are zero.
  const blind = silenced(whole, own, 0);
  const examples = Array.from({ length: 8 }, (_, i) => [1 + i, 3, 5 + i, 7, 2 + i]);
  const part = (from: number) => ({ shape: [8, 4], dtype: 'int32' as const, data: Int32Array.from(examples.flatMap(each => each.slice(from, from + 4))) }); // prettier-ignore
  const data: Data = { train: { inputs: part(0), targets: part(1) }, loss: 'sparseCategoricalCrossentropy' };
  const context = await contextOf(await readData(data, blind));
  for (const on of WAYS) {
    const [{ values }] = await coupled({ on, examples: 4 }).score([own], blind, context);
    expect(values[0]).toBe(0);
    for (const value of values.subarray(1)) expect(value).toBeGreaterThan(0);
  }
});

/** `model` where nobody reads what the unit at `index` gives. */
function silenced(model: Checkpoint, group: Group, index: number): Checkpoint {
  const weights = new Map(model.weights);
  for (const site of group.sites.filter(({ role }) => role === 'reads')) {
    const arrays = [...weightsOf({ ...model, weights }, site.layer)];
    const { shape, data } = arrays[site.weight];
    const copy = Float32Array.from(data);
    const inner = shape.slice(site.axis + 1).reduce((size, each) => size * each, 1);
    copy.forEach((_, i) => {
      if (site.width[Math.floor(i / inner) % shape[site.axis]] === group.units[index]) copy[i] = 0;
    });
    arrays[site.weight] = ndarray(copy, [...shape]);
    weights.set(site.layer, arrays);
  }
  return { ...model, weights };
}

test('progress is told', async () => {
  const seen: string[] = [];
  const { model, data } = tugOfWar();
  const context = await contextOf(data, {
    progress: ({ stage, done, total }) => seen.push(`${stage} ${done}/${total}`),
  });
  const open = groupsOf(trace(model)).filter(({ frozen }) => frozen === undefined);
  await coupled({ on: 'element2', examples: 2 }).score(open, model, context);
  expect(seen).toEqual(['coupled 1/2', 'coupled 2/2']);
});

test.each<[CoupledOptions, RegExp]>([
  [{ on: 'tensor' as never }, /tensor/],
  [{ aggregate: 'first' as never }, /aggregate/],
  [{ examples: 0 }, /examples/],
])('%p is refused', (options, message) => {
  expect(refusal(() => coupled(options))).toMatchObject({ code: 'bad-option', message: expect.stringMatching(message) as string }); // prettier-ignore
});
