/** The clock is made up: milliseconds follow from what a model computes. */
import type { Checkpoint, LayerSpec } from '../../lib/core/checkpoint';
import type { Times } from '../../lib/core/timing';
import { inProportion, uniform } from '../../lib/budgets';
import { magnitude, type Criterion } from '../../lib/criteria';
import { chain, prune, pruneToLatency, type PruneToLatencyOptions } from '../../lib/methods';
import { costOf } from '../../lib/report/cost';
import { notedContext } from '../zoo/context';
import { refusal, rejection } from '../zoo/refusal';
import { checkpoint, functional, input, layer } from '../zoo/topology';

/** x[8,8,4] -> a[64] -> b[96] -> c[48] -> pool -> head[10] */
function net(): Checkpoint {
  const conv = (name: string, filters: number, from: string): LayerSpec =>
    layer('Conv2D', name, { filters, kernelSize: [1, 1] }, [from]);
  const topology = functional(
    [
      input('x', [8, 8, 4]),
      conv('a', 64, 'x'),
      conv('b', 96, 'a'),
      conv('c', 48, 'b'),
      layer('GlobalAveragePooling2D', 'pool', {}, ['c']),
      layer('Dense', 'head', { units: 10 }, ['pool']),
    ],
    ['head'],
  );
  return checkpoint(topology, {
    a: [[1, 1, 4, 64], [64]],
    b: [[1, 1, 64, 96], [96]],
    c: [[1, 1, 96, 48], [48]],
    head: [[48, 10], [10]],
  });
}
const model = net();
const widthsOf = ({ weights }: Checkpoint): number[] =>
  ['a', 'b', 'c'].map(path => weights.get(path)![0].shape.at(-1)!);

/** A share of the time of the dense model that no cut takes away. */
const FIXED = 0.2;
type Clock = (model: Checkpoint) => number;
const dense = costOf(model).macs!;
const byWork: Clock = at => 100 * (FIXED + (1 - FIXED) * (costOf(at).macs! / dense));
/** As if every width were rounded up to a multiple of 8, like the loops of a backend. */
const byEights: Clock = at => {
  const [a, b, c] = widthsOf(at).map(width => Math.ceil(width / 8) * 8);
  return (a * b + b * c) / 100;
};

/** Rounds of `clock`, disturbed: the machine is now and then half as fast, for all models of a round. */
function run(options: Partial<PruneToLatencyOptions>, clock: Clock = byWork, on = model) {
  const asked: number[] = [];
  const timed: Checkpoint[] = [];
  const time = (_: string, models: readonly Checkpoint[], { runs = 0 } = {}): Promise<Times> => {
    asked.push(models.length);
    timed.push(...models);
    const slow = (round: number): number => (round % 3 === 0 ? 2 : 1);
    const rounds = models.map(each => Array.from({ length: runs }, (_unused, round) => slow(round) * clock(each)));
    return Promise.resolve({ backend: 'made up', rounds });
  };
  const { context, noted } = notedContext({ abilities: { time } });
  const method = pruneToLatency({ criterion: magnitude(), scope: uniform, multipleOf: 1, ...options });
  return { result: method.run(on, context), noted, asked, timed };
}

describe('a target', () => {
  test.each([1.2, 1.5, 2, 3, 4])('of %px the speed is met, and hardly overshot', async speedup => {
    const { result, noted } = run({ speedup });
    const reached = byWork(model) / byWork(await result);
    expect(reached).toBeGreaterThanOrEqual(speedup);
    expect(reached).toBeLessThan(speedup * 1.1);
    expect(noted.steps[0].measured![0].trials.length).toBeLessThanOrEqual(8);
  });

  test('in milliseconds is one for the clock as it was most of the time', async () => {
    const { result, noted } = run({ milliseconds: 60 });
    expect(byWork(await result)).toBeLessThanOrEqual(60);
    expect(byWork(await result)).toBeGreaterThan(54);
    const [measured] = noted.steps[0].measured!;
    expect(measured).toMatchObject({ backend: 'made up', target: 60, dense: 100, batch: 1, runs: 11, multipleOf: 1 });
    expect(measured.result.milliseconds).toBeCloseTo(byWork(await result), 6);
    expect(measured.trials).toContainEqual(measured.result);
  });

  test('that is met already takes nothing away', async () => {
    expect(await run({ milliseconds: 130 }).result).toEqual(model);
    expect(await run({ speedup: 1 }).result).toEqual(model);
  });

  test('out of reach is refused with the lowest latency there is', async () => {
    const error = await rejection(run({ speedup: 6 }).result);
    expect(error.code).toBe('empty-group');
    expect(error.message).toMatch(
      /at most 16\.67 ms \(6\.00x as fast\), got 20\.\d\d ms \(4\.9\dx\) with 1 % of the units/,
    );
    const floored = await rejection(run({ speedup: 4, minimum: 0.5 }).result);
    expect(floored.message).toContain('with 50 % of the units');
  });

  test('is refused where narrower models are no faster: none slower than the original is ever taken', async () => {
    const { result, noted } = run({ speedup: 1.2 }, at => 200 - byWork(at));
    expect((await rejection(result)).code).toBe('empty-group');
    expect(noted.steps).toEqual([]);
  });

  test('may be met by parameters where operations cannot be counted', async () => {
    const open = { ...model, topology: net().topology };
    const layers = open.topology.config.layers.map(spec =>
      spec.className === 'InputLayer' ? input('x', [null, null, 4]) : spec,
    );
    const sized = { ...open, topology: { ...open.topology, config: { ...open.topology.config, layers } } };
    const clock: Clock = at => costOf(at).parameters / 10;
    const result = await run({ speedup: 2 }, clock, sized).result;
    expect(costOf(result).macs).toBeUndefined();
    expect(clock(result) / clock(sized)).toBeLessThanOrEqual(0.5);
    expect(clock(result) / clock(sized)).toBeGreaterThan(0.45);
  });
});

describe('what is cut', () => {
  test('is chosen by the criterion, which is asked once', async () => {
    let scored = 0;
    const criterion: Criterion = {
      ...magnitude(),
      score(...given) {
        scored++;
        return magnitude().score(...given);
      },
    };
    const { result, noted } = run({ criterion, speedup: 2 });
    const small = await result;
    expect(scored).toBe(1);
    const kept = widthsOf(small);
    const ratios = Object.fromEntries(['a', 'b', 'c'].map((name, i) => [name, 1 - kept[i] / [64, 96, 48][i]]));
    const budget = uniform({ ratio: 0, ratios });
    expect(small).toEqual(await prune({ criterion, budget }).run(model, notedContext().context));
    expect(noted.certified[0].sliced).toBe(small);
    expect(noted.stages).toEqual([{ name: 'pruned', model: small }]);
  });

  test('scope, floors, multiples, protect and groups hold', async () => {
    expect(widthsOf(await run({ speedup: 1.4, protect: ['b'] }).result)[1]).toBe(96);
    expect(widthsOf(await run({ speedup: 1.4, groups: ({ name }) => name === 'b' }).result)).toEqual([
      64,
      expect.any(Number),
      48,
    ]);
    for (const width of widthsOf(await run({ speedup: 2, multipleOf: 6 }).result)) expect(width % 6).toBe(0);
    const scope = inProportion({ ratios: { a: 0 }, default: 0.5 });
    expect(widthsOf(await run({ speedup: 1.5, scope }).result)[0]).toBe(64);
    for (const width of widthsOf(await run({ speedup: 2, minimum: 30 }).result))
      expect(width).toBeGreaterThanOrEqual(30);
  });

  test('is the same for the same clock, and the model is left alone', async () => {
    const before = structuredClone(model);
    expect(await run({ speedup: 2.5 }).result).toEqual(await run({ speedup: 2.5 }).result);
    expect(model).toEqual(before);
  });
});

describe('multipleOf: auto', () => {
  test('finds what the backend computes at once', async () => {
    const { result, noted, asked } = run({ speedup: 2, multipleOf: 'auto' }, byEights);
    expect(widthsOf(await result).map(width => width % 8)).toEqual([0, 0, 0]);
    expect(noted.steps[0].measured![0].multipleOf).toBe(8);
    expect(asked[1]).toBe(6); // the model and five cuts of it in the same rounds
    expect(byEights(model) / byEights(await result)).toBeGreaterThanOrEqual(2);
  });

  test('is 1 where every channel counts', async () => {
    const { result, noted } = run({ speedup: 2, multipleOf: 'auto' }, at => costOf(at).macs! / 1000);
    await result;
    expect(noted.steps[0].measured![0].multipleOf).toBe(1);
  });
});

describe('on the way', () => {
  test('every trial is told: progress, log, and plan', async () => {
    const { result, noted } = run({ speedup: 3, trials: 5 });
    await result;
    const { trials } = noted.steps[0].measured![0];
    const told = noted.progress.filter(({ stage }) => stage === 'latency');
    expect(told.map(({ done }) => done)).toEqual([...trials.map((_, i) => i + 1), 5]);
    expect(noted.logs.filter(line => line.startsWith('timed '))).toHaveLength(trials.length);
    expect(trials.every(({ milliseconds, speedup }) => Math.abs(milliseconds * speedup - 100) < 1e-6)).toBe(true);
  });

  test('trials end where they shall', async () => {
    const { result, timed } = run({ speedup: 3, trials: 1 }, at => 20 + byWork(at));
    expect((await rejection(result)).message).toContain('the fastest of 1 trials');
    expect(new Set(timed).size).toBe(2);
  });

  test('a chain with other methods asks for what they ask for', () => {
    const method = pruneToLatency({ criterion: magnitude(), speedup: 2 });
    expect(chain(method).needs).toEqual([]);
    expect(method.name).toBe('pruneToLatency(l1, 2x as fast)');
  });
});

test.each([
  [{}, 'got neither'],
  [{ speedup: 2, milliseconds: 3 }, 'got both'],
  [{ speedup: 0.5 }, 'speedup'],
  [{ milliseconds: 0 }, 'milliseconds'],
  [{ speedup: 2, batch: 0 }, 'batch'],
  [{ speedup: 2, runs: 1.5 }, 'runs'],
  [{ speedup: 2, trials: 0 }, 'trials'],
  [{ speedup: 2, multipleOf: 0 }, 'multipleOf'],
  [{ speedup: 2, minimum: -1 }, 'minimum'],
])('%j is refused where it is written', (options, message) => {
  const error = refusal(() => pruneToLatency({ criterion: magnitude(), ...options }));
  expect(error.code).toBe('bad-option');
  expect(error.message).toContain('pruneToLatency: ');
  expect(error.message).toContain(message);
});
