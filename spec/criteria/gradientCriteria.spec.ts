/** What Taylor and Fisher have in common: the numbers of another program, and what must not change them. */
import { gather, type NdArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { fisher, taylor, type Criterion } from '../../lib/criteria';
import { onWasm } from '../runtime/help';
import { rejection } from '../zoo/refusal';
import { contextOf, EXAMPLES, expectClose, fixture, residual, scaled, scoresOf, splits } from './gradientNet'; // prettier-ignore

onWasm();

const one = { batches: 1, batchSize: EXAMPLES };
const single = { batches: EXAMPLES, batchSize: 1 };
const NAMES = ['stem', 'inner', 'hidden'];

describe('numbers of PyTorch', () => {
  test.each([
    ['gates, one batch', taylor(one)],
    ['gates, single examples', taylor(single)],
    ['weights, one batch', taylor({ on: 'weights', ...one })],
    ['weights, single examples', taylor({ on: 'weights', ...single })],
    ['activations', taylor({ on: 'activations', normalize: 'none', ...one })],
    ['activations', taylor({ on: 'activations', normalize: 'none', ...single })],
    ['fisher', fisher(one)],
    ['fisher', fisher(single)],
  ] as const)('%s', async (key, criterion) => {
    const scores = await scoresOf(criterion);
    for (const name of NAMES) {
      const { values, standardError } = fixture.expected[name][key];
      expectClose(scores[name].values, values);
      if (standardError) expectClose(scores[name].standardError!, standardError);
      else expect(scores[name].standardError).toBeUndefined();
    }
  });

  test('gates: in front of a ReLU the square of gamma dgamma + beta dbeta', async () => {
    const { inner } = await scoresOf(taylor(one));
    expectClose(inner.values, fixture['gamma and beta of inner']);
  });
});

/** hidden and inner in another order, all weights with them. */
const ORDERS = { inner: [3, 0, 4, 1, 2], hidden: [5, 3, 0, 1, 4, 2] };

function shuffled(): Checkpoint {
  const model = residual();
  const turn = (path: string, axes: readonly (number | undefined)[], order: readonly number[]): [string, NdArray[]] => [
    path,
    model.weights.get(path)!.map((array, i) => (axes[i] === undefined ? array : gather(array, axes[i], order))),
  ];
  const { inner, hidden } = ORDERS;
  return {
    ...model,
    weights: new Map([
      ...model.weights,
      turn('inner', [3, 0], inner),
      turn('innerBn', [0, 0, 0, 0], inner),
      turn('outer', [2], inner),
      turn('hidden', [1, 0], hidden),
      turn('head', [0], hidden),
    ]),
  };
}

/** What a unit makes is multiplied and what reads it divided. */
function rescaled(): Checkpoint {
  let model = scaled(scaled(residual(), 'hidden', 0, 1, 2, 4), 'hidden', 1, 0, 2, 4);
  model = scaled(model, 'head', 0, 0, 2, 1 / 4);
  model = scaled(scaled(model, 'innerBn', 0, 0, 1, 8), 'innerBn', 1, 0, 1, 8);
  return scaled(model, 'outer', 0, 2, 1, 1 / 8);
}

type Build = (options: { readonly batches: number; readonly batchSize: number }) => Criterion<'gradients'>;

const builds: readonly Build[] = [
  options => taylor(options),
  options => taylor({ on: 'weights', ...options }),
  options => taylor({ on: 'activations', ...options }),
  options => fisher(options),
  options => fisher({ per: 'macs', ...options }),
  options => fisher({ per: 'memory', ...options }),
];

describe.each(builds.map(build => [build(one).name, build] as const))('%s', (name, build) => {
  const criterion = build(one);

  test('permuting the units permutes the scores', async () => {
    const [before, after] = [await scoresOf(criterion), await scoresOf(criterion, shuffled())];
    for (const group of ['inner', 'hidden'] as const) {
      expectClose(after[group].values, ORDERS[group].map(unit => before[group].values[unit])); // prettier-ignore
    }
  });

  test('a unit that never fires scores 0, and only it', async () => {
    const model = scaled(scaled(residual(), 'innerBn', 0, 0, 1, 0), 'innerBn', 1, 0, 1, 0);
    const { inner } = await scoresOf(criterion, model);
    expect(Array.from(inner.values, value => value === 0)).toEqual([false, true, false, false, false]);
  });

  test('a unit made larger and read smaller scores as before', async () => {
    const [before, after] = [await scoresOf(criterion), await scoresOf(criterion, rescaled())];
    for (const group of NAMES) expectClose(after[group].values, before[group].values);
  });

  test('the same seed gives the same bytes, another one other batches; the model is left alone', async () => {
    const model = residual();
    const half = build({ batches: 1, batchSize: 3 });
    const scores = (seed: number) => scoresOf(half, model, { context: contextOf(splits(), { seed }) });
    const once = await scores(1);
    expect(await scores(1)).toEqual(once);
    expect(await scores(4)).not.toEqual(once);
    expect(model).toEqual(residual());
    expect(criterion.needs).toEqual(['gradients']);
    expect(criterion.paper).toMatch(/\d{4}\.\d{5}/);
  });

  test('tells of every batch, and an abort ends it', async () => {
    const events: string[] = [];
    const controller = new AbortController();
    const progress = ({ stage, done, total }: { stage: string; done: number; total: number }): void => {
      events.push(`${stage} ${done}/${total}`);
      if (done === 2) controller.abort();
    };
    const many = build({ batches: 4, batchSize: 1 });
    const context = contextOf(splits(), { progress, signal: controller.signal });
    const error = await rejection(scoresOf(many, residual(), { context }));
    expect(error.code).toBe('aborted');
    expect(events).toEqual([`score ${name} 1/4`, `score ${name} 2/4`]);
  });
});
