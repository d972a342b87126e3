import fc from 'fast-check';
import { global, isomorphic, uniform, type Budget, type Scored } from '../../lib/budgets';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { Group } from '../../lib/graph/group';
import { groups } from '../../lib/graph/group';
import { refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer, sequential } from '../zoo/topology';

/** a and b alike: convolution, BatchNormalization, read by a convolution; c has no norm and is read by d, a dense layer. */
function net(): Checkpoint {
  const convolution = { filters: 4, kernelSize: [1, 1] };
  const topology = sequential(
    layer('Conv2D', 'a', { ...convolution, batchInputShape: [null, 2, 2, 3] }),
    layer('BatchNormalization', 'a_bn', { axis: -1 }),
    layer('Conv2D', 'b', { ...convolution, filters: 6 }),
    layer('BatchNormalization', 'b_bn', { axis: -1 }),
    layer('Conv2D', 'c', convolution),
    layer('Flatten', 'flatten'),
    layer('Dense', 'd', { units: 5 }),
    layer('Dense', 'e', { units: 3 }),
    layer('Dense', 'head', { units: 2 }),
  );
  const norm = (size: number): number[][] => [[size], [size], [size], [size]];
  return checkpoint(topology, {
    a: [[1, 1, 3, 4], [4]],
    a_bn: norm(4),
    b: [[1, 1, 4, 6], [6]],
    b_bn: norm(6),
    c: [[1, 1, 6, 4], [4]],
    d: [[16, 5], [5]],
    e: [[5, 3], [3]],
    head: [[3, 2], [2]],
  });
}

const scoredBy = (model: Checkpoint, score: (group: Group, unit: number) => number): Scored[] =>
  groups(model)
    .filter(({ frozen }) => frozen === undefined)
    .map(group => ({ group, scores: Float64Array.from(group.units, (_, unit) => score(group, unit)) }));

const kept = (budget: Budget, items: readonly Scored[], model: Checkpoint): Record<string, readonly number[]> =>
  Object.fromEntries(budget(items, model));
const sizes = (budget: Budget, items: readonly Scored[], model: Checkpoint): Record<string, number> =>
  Object.fromEntries([...budget(items, model)].map(([name, { length }]) => [name, length]));

test('groups of one structure are ranked together, others apart', () => {
  const model = net();
  // Whatever c, d and e score does not touch a and b, of which a is worth less.
  const worth: Record<string, number> = { a: 1, b: 2, c: 100, d: 0, e: 50 };
  const items = scoredBy(model, ({ name }, unit) => worth[name] + unit / 100);
  expect(kept(isomorphic({ ratio: 0.4, minimum: 1 }), items, model)).toEqual({
    a: [3],
    b: [1, 2, 3, 4, 5],
    c: [2, 3],
    // 3 of the 8 neurons, all of the lower-scored group
    d: [3, 4],
    e: [0, 1, 2],
  });
});

test('removes round(ratio * units) of every class, exactly', () => {
  const model = net();
  const ratios = fc.double({ min: 0, max: 0.7, noNaN: true });
  fc.assert(
    fc.property(ratios, fc.array(fc.integer({ max: 5, min: 0 }), { minLength: 22, maxLength: 22 }), (ratio, values) => {
      let next = 0;
      const items = scoredBy(model, () => values[next++]);
      const left = sizes(isomorphic({ ratio, minimum: 1 }), items, model);
      expect(left.a + left.b).toBe(10 - Math.round(ratio * 10));
      expect(left.c).toBe(4 - Math.round(ratio * 4));
      expect(left.d + left.e).toBe(8 - Math.round(ratio * 8));
    }),
  );
});

test('of one class it is global, where all classes differ it is uniform', () => {
  const model = net();
  const items = scoredBy(model, ({ name, units }, unit) => ((unit * 7 + name.charCodeAt(0)) % units.length) / 3);
  const [alike, different] = [
    items.filter(({ group }) => 'ab'.includes(group.name)),
    items.filter(({ group }) => 'acd'.includes(group.name)),
  ];
  expect([alike.length, different.length]).toEqual([2, 3]);
  for (const ratio of [0.1, 0.3, 0.5, 0.7]) {
    const options = { ratio, minimum: 1 };
    expect(isomorphic(options)(alike, model)).toEqual(global(options)(alike, model));
    expect(isomorphic(options)(different, model)).toEqual(uniform(options)(different, model));
  }
});

test('the class of a layer and the kind of unit tell structures apart, sizes and the order of sites do not', () => {
  const topology = functional(
    [
      input('x', [3]),
      layer('Dense', 'p', {}, ['x']),
      layer('Dense', 'q', {}, ['x']),
      layer('Conv1D', 'r', {}, ['x']),
      layer('TimeDistributed', 's', { layer: layer('Dense', 'inner') }, ['x']),
      layer('TimeDistributed', 't', { layer: layer('Dense', 'inner') }, ['x']),
      layer('TimeDistributed', 'u', { layer: layer('Conv1D', 'inner') }, ['x']),
    ],
    ['p'],
  );
  const model = checkpoint(topology, {});
  const site = (at: string, axis: number) => ({
    layer: at,
    parameter: 'kernel',
    weight: 0,
    axis,
    role: 'makes' as const,
    width: Int32Array.of(),
  });
  const group = (name: string, layers: readonly string[], kind = 'neurons', axes = [0, 1]): Scored => ({
    group: { name, kind, units: [0, 1], sites: layers.map((at, i) => site(at, axes[i])) },
    scores: Float64Array.of(name === 'first' ? 0 : 5, name === 'first' ? 1 : 6),
  });
  const plain = group('first', ['p', 'q']);
  const together = (other: Scored, first = plain): boolean =>
    isomorphic({ ratio: 0.25, minimum: 1 })([first, other], model).get('first')!.length === 1 &&
    isomorphic({ ratio: 0.25, minimum: 1 })([first, other], model).get('second')!.length === 2;
  expect(together(group('second', ['q', 'p'], 'neurons', [1, 0]))).toBe(true);
  expect(together(group('second', ['q', 'p']))).toBe(true);
  expect(together(group('second', ['p', 'r']))).toBe(false);
  expect(together(group('second', ['p', 'q'], 'heads'))).toBe(false);
  expect(together(group('second', ['p', 'q'], 'neurons', [0, 0]))).toBe(false);
  expect(together(group('second', ['p']))).toBe(false);
  expect(together(group('second', ['t', 'p']), group('first', ['p', 's'], 'neurons', [1, 0]))).toBe(true);
  expect(together(group('second', ['u', 'p']), group('first', ['p', 's'], 'neurons', [1, 0]))).toBe(false);
});

test('a class whose groups are at their floors gives no more, and takes nothing from others', () => {
  const model = net();
  const items = scoredBy(model, (_, unit) => unit);
  expect(sizes(isomorphic({ ratio: 0.9, minimum: 3 }), items, model)).toEqual({ a: 3, b: 3, c: 3, d: 3, e: 3 });
});

test('an emptied group is an error that says what to do', () => {
  const model = net();
  const error = refusal(() =>
    isomorphic({ ratio: 0.4 })(
      scoredBy(model, ({ name }) => (name === 'a' ? 0 : 1)),
      model,
    ),
  );
  expect(error.code).toBe('empty-group');
  expect(error.message).toContain('group "a" to keep at least 1 of 4 units');
  expect(error.message).toContain('minimum: 1');
});
