import { isomorphic, uniform } from '../../lib/budgets';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { FitOptions } from '../../lib/core/context';
import { magnitude, scoreEach, type Criterion } from '../../lib/criteria';
import { iterative, prune, type IterativeOptions } from '../../lib/methods';
import { notedContext } from '../zoo/context';
import { refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer } from '../zoo/topology';

const topology = functional(
  [
    input('x', [4]),
    layer('Dense', 'a', { units: 11 }, ['x']),
    layer('BatchNormalization', 'bn', { axis: -1 }, ['a']),
    layer('Dense', 'b', { units: 14 }, ['bn']),
    layer('Dense', 'head', { units: 2 }, ['b']),
  ],
  ['head'],
);
const model = checkpoint(topology, {
  a: [[4, 11], [11]],
  bn: [[11], [11], [11], [11]],
  b: [[11, 14], [14]],
  head: [[14, 2], [2]],
});
const widths = ({ weights }: Checkpoint): number[] => ['a', 'b'].map(path => weights.get(path)![1].data.length);

function trained() {
  const asked: [string, object | undefined][] = [];
  const ability = (name: string) => (given: Checkpoint, options?: object) => {
    asked.push([name, options]);
    return Promise.resolve({ ...given });
  };
  const abilities = { training: { fit: ability('fit') }, data: { recalibrate: ability('recalibrate') } };
  return { ...notedContext({ abilities }), asked };
}

async function run(options: Partial<IterativeOptions>) {
  const { context, noted, asked } = trained();
  const method = iterative({ criterion: magnitude(), ratio: 0.5, steps: 3, ...options });
  return { result: await method.run(model, context), noted, asked };
}

test('cuts, measures statistics and trains, so many times', async () => {
  const { result, noted, asked } = await run({ fineTune: { epochs: 2 } });
  expect(noted.stages.map(({ name }) => name)).toEqual(
    [1, 2, 3].flatMap(n => ['pruned', 'recalibrated', 'fine-tuned'].map(stage => `${stage} ${n}/3`)),
  );
  expect(asked.map(([name, options]) => [name, (options as FitOptions | undefined)?.epochs])).toEqual(
    [1, 2, 3].flatMap(() => [
      ['recalibrate', undefined],
      ['fit', 2],
    ]),
  );
  expect(widths(result).reduce((a, b) => a + b)).toBe(25 - 13); // round(0.5 * 25)
});

test.each(['linear', 'cubic', 'exponential'] as const)('%s: counts mean the model as at first', async schedule => {
  const { noted } = await run({ schedule, ratio: 0.6, steps: 3 });
  const gone = noted.steps.map(({ groups }) => groups.reduce((sum, { removed }) => sum + removed.length, 0));
  const share = (t: number): number => {
    if (schedule === 'linear') return 0.6 * t;
    return schedule === 'cubic' ? 0.6 * (1 - (1 - t) ** 3) : 1 - 0.4 ** t;
  };
  let sum = 0;
  gone.forEach((count, i) => expect((sum += count)).toBe(Math.round(25 * share((i + 1) / 3))));
});

test.each([uniform, isomorphic])('scope %p', async scope => {
  const { result } = await run({ scope, ratio: 0.5 });
  const once = await prune({ criterion: magnitude(), budget: scope({ ratio: 0.5 }) }).run(model, trained().context);
  expect(widths(result)).toEqual(widths(once));
});

test('units are scored anew before every cut', async () => {
  const seen: number[][] = [];
  const criterion: Criterion = {
    name: 'watching',
    needs: [],
    score: (groups, at, context) => {
      seen.push(widths(at));
      return scoreEach(({ units }) => Float64Array.from(units.keys()))(groups, at, context);
    },
  };
  await run({ criterion, schedule: 'linear', ratio: 0.6 });
  expect(seen.map(([a, b]) => a + b)).toEqual([25, 20, 15]);
});

test('options of the cut arrive; without recalibration and training only cuts are left', async () => {
  const { result, noted, asked } = await run({
    protect: ['a'],
    minimum: 0.5,
    ratio: 0.9,
    recalibrate: false,
    scope: uniform,
  });
  expect(asked).toEqual([]);
  expect(noted.stages.map(({ name }) => name)).toEqual(['pruned 1/3', 'pruned 2/3', 'pruned 3/3']);
  expect(widths(result)).toEqual([11, 7]);
});

test('recalibrate takes options', async () => {
  expect((await run({ recalibrate: { batches: 3 }, steps: 1 })).asked).toEqual([['recalibrate', { batches: 3 }]]);
});

test('says what it is, and what it needs', () => {
  const method = iterative({ criterion: magnitude(), ratio: 0.5, steps: 2 });
  expect([method.name, method.paper]).toEqual(['iterative(l1)', magnitude().paper]);
  expect([...method.needs].sort()).toEqual(['data', 'training']);
});

test.each<[string, Partial<IterativeOptions>, string]>([
  ['ratio', { ratio: 1 }, 'bad-ratio'],
  ['steps', { steps: 0 }, 'bad-option'],
  ['schedule', { schedule: 'steep' as never }, 'bad-option'],
  ['minimum', { minimum: -1 }, 'bad-option'],
  ['multipleOf', { multipleOf: 0 }, 'bad-option'],
  ['epochs', { fineTune: { epochs: 0 } }, 'bad-option'],
  ['kind', { repair: { kind: 'none' as never } }, 'bad-option'],
])('a bad %s is refused where it is written', (name, options, code) => {
  const error = refusal(() => iterative({ criterion: magnitude(), ratio: 0.5, steps: 2, ...options }));
  expect([error.code, error.message]).toEqual([code, expect.stringContaining(name)]);
});
