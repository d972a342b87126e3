import { uniform } from '../../lib/budgets';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { FitOptions, GroupLasso, Growing } from '../../lib/core/context';
import { scoreEach, type Criterion } from '../../lib/criteria';
import { groupLasso, growingReg } from '../../lib/methods';
import { notedContext } from '../zoo/context';
import { refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer } from '../zoo/topology';

/** a and b add up, so that their units go together; c is frozen by the output. */
const topology = functional(
  [
    input('x', [3]),
    layer('Dense', 'a', { units: 4 }, ['x']),
    layer('Dense', 'b', { units: 4 }, ['x']),
    layer('Add', 'sum', {}, ['a', 'b']),
    layer('Dense', 'c', { units: 2 }, ['sum']),
  ],
  ['c'],
);
const model = checkpoint(topology, { a: [[3, 4], [4]], b: [[3, 4], [4]], c: [[4, 2], [2]] });

/** Scores that are the index of the unit: the first units go first. */
const byIndex: Criterion = {
  name: 'index',
  needs: [],
  score: scoreEach(({ units }) => Float64Array.from(units.keys())),
};

function trained() {
  const asked: FitOptions[] = [];
  const fit = (given: Checkpoint, options: FitOptions) => {
    asked.push(options);
    return Promise.resolve({ ...given });
  };
  return { ...notedContext({ abilities: { training: { fit } } }), asked };
}

const sitesOf = ({ groups }: GroupLasso | Growing) =>
  groups.map(({ units, sites }) => ({ units, sites: sites.map(({ layer, weight, axis, members }) => [layer, weight, axis, [...members]]) })); // prettier-ignore
const made = (members: number[]) => [
  { units: 4, sites: [['a', 0, 1, members], ['a', 1, 0, members], ['b', 0, 1, members], ['b', 1, 0, members]] }, // prettier-ignore
];

test('groupLasso penalises what makes the units that can go, of all layers together', async () => {
  const { context, noted, asked } = trained();
  await groupLasso({ epochs: 3, strength: 0.1, batchSize: 8 }).run(model, context);
  const [{ regularize, ...options }] = asked;
  expect(options).toEqual({ epochs: 3, batchSize: 8, restoreBest: false, label: 'group lasso' });
  expect(regularize).toMatchObject({ kind: 'groupLasso', strength: 0.1 });
  expect(sitesOf(regularize!)).toEqual(made([0, 1, 2, 3]));
  expect(noted.stages.map(({ name }) => name)).toEqual(['regularised']);
  const none = trained();
  await groupLasso({ epochs: 3, strength: 0.1, groups: () => false }).run(model, none.context);
  expect(none.asked[0].regularize!.groups).toEqual([]);
});

test('growingReg penalises the units that it removes afterwards, and no others', async () => {
  const { context, noted, asked } = trained();
  const method = growingReg({ criterion: byIndex, budget: uniform({ ratio: 0.5 }), epochs: 2, delta: 0.01, every: 5, ceiling: 0.3 }); // prettier-ignore
  const result = await method.run(model, context);
  const [{ regularize, ...options }] = asked;
  expect(options).toEqual({ epochs: 2, restoreBest: false, label: 'growing penalty' });
  expect(regularize).toMatchObject({ kind: 'growing', delta: 0.01, every: 5, ceiling: 0.3 });
  expect(sitesOf(regularize!)).toEqual(made([0, 1, -1, -1]));
  expect(noted.steps[0].groups.find(({ name }) => name === 'a')!.removed).toEqual([0, 1]);
  expect(noted.stages.map(({ name }) => name)).toEqual(['regularised', 'pruned']);
  expect(noted.certified).toHaveLength(1);
  expect(result.weights.get('a')![1].data.length).toBe(2);
});

test('they say what they are', () => {
  const lasso = groupLasso({ epochs: 1, strength: 1 });
  const growing = growingReg({ criterion: byIndex, budget: uniform({ ratio: 0.5 }), epochs: 1 });
  expect([lasso.name, lasso.needs, growing.name, growing.needs]).toEqual([
    'groupLasso',
    ['training'],
    'growingReg(index)',
    ['training'],
  ]);
  expect([lasso.paper, growing.paper].join()).toMatch(/1608\.03665.*2012\.09243/);
});

test.each([
  ['strength', () => groupLasso({ epochs: 1, strength: -1 })],
  ['epochs', () => groupLasso({ epochs: 0, strength: 1 })],
  ['delta', () => growingReg({ criterion: byIndex, budget: uniform({ ratio: 0.5 }), epochs: 1, delta: 0 })],
  ['every', () => growingReg({ criterion: byIndex, budget: uniform({ ratio: 0.5 }), epochs: 1, every: 0 })],
  ['ceiling', () => growingReg({ criterion: byIndex, budget: uniform({ ratio: 0.5 }), epochs: 1, ceiling: 0 })],
])('a bad %s is refused where it is written', (name, make) => {
  const error = refusal(make);
  expect([error.code, error.message]).toEqual(['bad-option', expect.stringContaining(name)]);
});
