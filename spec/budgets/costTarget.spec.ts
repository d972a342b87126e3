/** PROPERTY_RUNS sets the number of random architectures, PROPERTY_SEED repeats a run. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import {
  costTarget,
  global,
  isomorphic,
  uniform,
  type BudgetOptions,
  type CostTargetOptions,
  type Scored,
  type Survivors,
} from '../../lib/budgets';
import { ndarray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { PruneError } from '../../lib/core/errors';
import { random as stream } from '../../lib/core/random';
import { random as randomScores } from '../../lib/criteria';
import { slice } from '../../lib/edit/slice';
import { groups } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { prune } from '../../lib/methods';
import { costOf } from '../../lib/report/cost';
import { capture } from '../../lib/runtime/capture';
import { notedContext } from '../zoo/context';
import { NETS } from '../zoo/nets';
import { build, recipes } from '../zoo/random';
import { refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer, sequential } from '../zoo/topology';

const RUNS = Number(process.env.PROPERTY_RUNS ?? 100);
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 1_000_000);
const SCOPES = { uniform, global, isomorphic };
type ScopeName = keyof typeof SCOPES;
const SCOPE_NAMES = Object.keys(SCOPES) as ScopeName[];

beforeEach(() => void tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** x[10] -> a[20] -> b[30] -> head[5] */
function perceptron(): Checkpoint {
  const topology = sequential(
    layer('Dense', 'a', { units: 20, batchInputShape: [null, 10] }),
    layer('Dense', 'b', { units: 30 }),
    layer('Dense', 'head', { units: 5 }),
  );
  return checkpoint(topology, { a: [[10, 20], [20]], b: [[20, 30], [30]], head: [[30, 5], [5]] });
}
const MACS = 10 * 20 + 20 * 30 + 30 * 5;

/** Random scores with ties for every group that can go. */
function scoredOf(model: Checkpoint, seed = 0): Scored[] {
  const free = groups(model).filter(({ frozen }) => frozen === undefined);
  return free.map(group => {
    const { integer } = stream(seed, group.name);
    return { group, scores: Float64Array.from(group.units, () => integer(8)) };
  });
}

/** What the model costs with these survivors, measured by cutting it. */
function costWith(model: Checkpoint, scored: readonly Scored[], survivors: Survivors) {
  const removed = scored.flatMap(({ group: { name, units } }) =>
    units.filter((_, index) => !survivors.get(name)!.includes(index)),
  );
  return costOf(slice(model, trace(model), new Set(removed)));
}

/** Every outcome of a scope in order of the ratio, by trying all ratios at which a count can change. */
function outcomes(
  model: Checkpoint,
  scored: readonly Scored[],
  scope: ScopeName,
  options: Omit<BudgetOptions, 'ratio'>,
) {
  const total = scored.reduce((sum, { scores }) => sum + scores.length, 0);
  const steps = Array.from({ length: total }, (_, i) => i + 1);
  const ratios = new Set(steps.flatMap(size => steps.filter(k => k <= size).map(k => (k - 0.5) / size + 1e-9)));
  const found = new Map<string, Survivors>();
  for (const ratio of [0, ...[...ratios].sort((a, b) => a - b)]) {
    try {
      const survivors = SCOPES[scope]({ ...options, ratio })(scored, model);
      const key = JSON.stringify([...survivors]);
      if (!found.has(key)) found.set(key, survivors);
    } catch (error) {
      expect(error).toMatchObject({ code: 'empty-group' });
    }
  }
  return [...found.values()];
}

describe.each(SCOPE_NAMES)('%s', scope => {
  test(`the least removal that meets the target, on ${RUNS} random architectures, seed ${SEED}`, async () => {
    let [met, refused] = [0, 0];
    const law = fc.asyncProperty(
      recipes(4),
      fc.nat({ max: 1000 }),
      fc.integer({ min: 6, max: 100 }).map(percent => percent / 100),
      fc.constantFrom<'macs' | 'parameters'>('macs', 'parameters'),
      fc.record({ minimum: fc.constantFrom(1, 1, 2, 0.3), multipleOf: fc.constantFrom(1, 1, 2, 3) }),
      async (recipe, seed, fraction, measure, options) => {
        const model = await captured(recipe);
        const scored = scoredOf(model, seed);
        const all = outcomes(model, scored, scope, options);
        const most = fraction * costOf(model)[measure]!;
        const expected = all.find(survivors => costWith(model, scored, survivors)[measure]! <= most);
        const budget = costTarget({ [measure]: fraction, scope: SCOPES[scope], ...options });
        if (expected) {
          met++;
          expect(budget(scored, model)).toEqual(expected);
        } else {
          refused++;
          const { code, message } = refusal(() => budget(scored, model));
          expect(code).toBe('empty-group');
          const least = Math.min(...all.map(survivors => costWith(model, scored, survivors)[measure]!));
          expect(message).toContain(`got ${least} (`);
        }
      },
    );
    await fc.assert(law, { numRuns: RUNS, seed: SEED });
    expect(met).toBeGreaterThan(RUNS / 5);
    expect(refused).toBeGreaterThan(RUNS / 20);
  }, 600_000);

  test('the target it advises when one is out of reach can be met', () => {
    const model = perceptron();
    const scored = scoredOf(model);
    const options = { scope: SCOPES[scope], minimum: 0.3 };
    for (const measure of ['macs', 'parameters'] as const) {
      const { message } = refusal(() => costTarget({ ...options, [measure]: 0.01 })(scored, model));
      const advised = Number(new RegExp(`Ask for ${measure}: ([\\d.]+) or more`).exec(message)![1]);
      expect(advised).toBeLessThan(0.3);
      const survivors = costTarget({ ...options, [measure]: advised })(scored, model);
      expect(costWith(model, scored, survivors)[measure]).toBeLessThanOrEqual(advised * costOf(model)[measure]!);
      expect(() => costTarget({ ...options, [measure]: advised - 2e-4 })(scored, model)).toThrow(PruneError);
    }
  });

  test('is deterministic and changes nothing', () => {
    const model = perceptron();
    const scored = scoredOf(model);
    const before = structuredClone({ weights: model.weights, scored });
    const budget = costTarget({ macs: 0.4, scope: SCOPES[scope] });
    expect(budget(scored, model)).toEqual(budget(scored, model));
    expect({ weights: model.weights, scored }).toEqual(before);
  });
});

test('a target at the cost itself removes nothing, just below it one unit', () => {
  const model = perceptron();
  const scored = scoredOf(model);
  const units = (macs: number): number =>
    [...costTarget({ macs })(scored, model).values()].reduce((sum, { length }) => sum + length, 0);
  expect(units(1)).toBe(50);
  expect(units((MACS - 1) / MACS)).toBe(49);
});

test('of two targets both are met', () => {
  const model = perceptron();
  const scored = scoredOf(model);
  const cost = (options: CostTargetOptions) => costWith(model, scored, costTarget(options)(scored, model));
  const { parameters, macs } = costOf(model);
  for (const [first, second] of [
    [0.7, 0.3],
    [0.3, 0.7],
  ]) {
    const both = cost({ macs: first, parameters: second });
    expect(both.macs).toBeLessThanOrEqual(first * macs!);
    expect(both.parameters).toBeLessThanOrEqual(second * parameters);
    const one = first < second ? cost({ macs: first }) : cost({ parameters: second });
    expect(both).toEqual(one);
  }
});

test('bytes are those of the file: a table of 8-bit values weighs a quarter', () => {
  const model = perceptron();
  const scored = scoredOf(model);
  const cost = (options: CostTargetOptions) => costWith(model, scored, costTarget(options)(scored, model));
  expect(cost({ bytes: 0.4 })).toEqual(cost({ parameters: 0.4 }));
  const flags = ndarray(Uint8Array.from({ length: 600 }), [20, 30]);
  const light: Checkpoint = { ...model, weights: new Map(model.weights).set('b', [flags, model.weights.get('b')![1]]) };
  const { bytes, parameters } = costOf(light);
  expect(bytes).toBe(4 * (parameters - 600) + 600);
  const cut = costWith(light, scored, costTarget({ bytes: 0.4 })(scored, light));
  expect(cut.bytes).toBeLessThanOrEqual(0.4 * bytes);
  expect(cut.bytes).toBeGreaterThan(0.3 * bytes);
  const all = costWith(light, scored, costTarget({ bytes: 0.8, parameters: 0.6, macs: 0.5 })(scored, light));
  expect(all.bytes).toBeLessThanOrEqual(0.8 * bytes);
  expect(all.parameters).toBeLessThanOrEqual(0.6 * parameters);
  expect(all.macs).toBeLessThanOrEqual(0.5 * MACS);
});

test('a group that the budget does not speak of keeps all its units and its cost', () => {
  const model = perceptron();
  const [first] = scoredOf(model);
  const survivors = costTarget({ macs: 0.5 })([first], model);
  expect([...survivors.keys()]).toEqual(['a']);
  // b keeps its 30 units: (10 + 30) a + 150 of 950 MACs
  expect(survivors.get('a')!.length).toBe(Math.floor((0.5 * MACS - 150) / 40));
});

test('a scope of your own: single groups with their own ratios', () => {
  const model = perceptron();
  const scored = scoredOf(model);
  const scope = (options: BudgetOptions) => uniform({ ...options, ratios: { a: 0 } });
  const survivors = costTarget({ macs: 0.6, scope })(scored, model);
  expect(survivors.get('a')!.length).toBe(20);
  expect(survivors.get('b')!.length).toBe(Math.floor((0.6 * MACS - 200) / 25));
});

test('as the budget of prune: what comes out costs what was asked for', async () => {
  const net = NETS.residual();
  const model = await capture(net);
  net.dispose();
  const method = prune({ criterion: randomScores(), budget: costTarget({ macs: 0.5, scope: global }) });
  const pruned = await method.run(model, notedContext().context);
  const [before, after] = [costOf(model), costOf(pruned)];
  expect(after.macs).toBeLessThanOrEqual(0.5 * before.macs!);
  expect(after.macs).toBeGreaterThan(0.3 * before.macs!);
});

test('what is out of reach is told with what is in reach', () => {
  const model = perceptron();
  const error = refusal(() => costTarget({ macs: 0.01, minimum: 2 })(scoredOf(model), model));
  expect(error.code).toBe('empty-group');
  // 10 x 2 + 2 x 2 + 2 x 5 = 34 of 950
  expect(error.message).toBe(
    'costTarget: expected at most 0.01 of 950 MACs to stay, got 34 (0.0358) at the least, with every group at its ' +
      'minimum. Ask for macs: 0.0358 or more, lower minimum, or let more groups go.',
  );
});

test('MACs that cannot be counted are no target; parameters are', () => {
  const topology = functional(
    [
      input('x', [null, 5, 3]),
      layer('Conv2D', 'a', { filters: 4, kernelSize: [1, 1] }, ['x']),
      layer('GlobalAveragePooling2D', 'gap', {}, ['a']),
      layer('Dense', 'head', { units: 1 }, ['gap']),
    ],
    ['head'],
  );
  const model = checkpoint(topology, { a: [[1, 1, 3, 4], [4]], head: [[4, 1], [1]] });
  const error = refusal(() => costTarget({ macs: 0.5 })(scoredOf(model), model));
  expect(error.code).toBe('bad-model');
  expect(error.message).toContain('open input size');
  // 5 per unit and 1: of 21 half is 10.5
  expect(costTarget({ parameters: 0.5 })(scoredOf(model), model).get('a')!.length).toBe(1);
});

test.each([
  [{}, 'expected macs, parameters or bytes, got none'],
  [{ macs: 0 }, 'macs in (0, 1]'],
  [{ macs: 40 }, 'got 40. For 40 % write 0.4.'],
  [{ parameters: -0.1 }, 'parameters in (0, 1]'],
  [{ parameters: NaN }, 'got NaN'],
  [{ bytes: 2 }, 'bytes in (0, 1]'],
  [{ macs: 0.5, minimum: -1 }, 'minimum'],
  [{ macs: 0.5, multipleOf: 0 }, 'multipleOf'],
])('%j is refused where it is written', (options, message) => {
  const error = refusal(() => costTarget(options));
  expect(error.code).toBe('bad-option');
  expect(error.message).toContain('costTarget: ');
  expect(error.message).toContain(message);
});

async function captured(recipe: Parameters<typeof build>[0]): Promise<Checkpoint> {
  const net = build(recipe);
  try {
    return await capture(net);
  } finally {
    net.dispose();
  }
}
