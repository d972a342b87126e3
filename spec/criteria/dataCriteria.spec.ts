/** What all criteria that look at activations have in common. */
import * as tf from '@tensorflow/tfjs-core';
import { uniform } from '../../lib/budgets';
import { compress } from '../../lib/compress';
import { ndarray, type NdArray } from '../../lib/core/array';
import { type Checkpoint } from '../../lib/core/checkpoint';
import type { Observed, Progress, See } from '../../lib/core/context';
import { random as stream } from '../../lib/core/random';
import { activation, fluctuation, hrank, wanda, type Criterion, type Scores } from '../../lib/criteria';
import { groupsOf, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { prune } from '../../lib/methods';
import { capture } from '../../lib/runtime/capture';
import { materialize } from '../../lib/runtime/materialize';
import { probeInputs } from '../../lib/runtime/probes';
import { toTensor } from '../../lib/runtime/tensors';
import { mlp, normals, onWasm, withoutLeak } from '../runtime/help';
import { NET_NAMES, NETS } from '../zoo/nets';
import { notedContext } from '../zoo/context';
import { refusal, rejection } from '../zoo/refusal';
import { checkpoint, functional, input, layer, noise } from '../zoo/topology';
import { branched, contextOf, divided, EXAMPLES, expectClose, fixture, meanOf, NAMES, scaled, scoresOf, split, permuted } from './observedNet'; // prettier-ignore

onWasm();

interface Options {
  readonly batches?: number;
  readonly batchSize?: number;
  readonly stopWhenStable?: boolean | number;
  readonly normalize?: 'none' | 'mean';
}
const CRITERIA = {
  'activation': (options: Options) => activation(options),
  'activation l2': (options: Options) => activation({ statistic: 'l2', ...options }),
  'apoz': (options: Options) => activation({ statistic: 'apoz', ...options }),
  'wanda': (options: Options) => wanda(options),
  'hrank': (options: Options) => hrank(options),
} as const; // prettier-ignore
const PAPERS = {
  activation: undefined,
  'activation l2': '2501.17771',
  apoz: '1607.03250',
  wanda: '2306.11695',
  hrank: '2002.10179',
};

const single = { batches: EXAMPLES, batchSize: 1, normalize: 'none' } as const;

describe.each(['activation', 'activation l2', 'apoz', 'wanda', 'hrank'] as const)('%s', name => {
  const criterion = (options: Options = {}): Criterion<'data'> => CRITERIA[name](options);
  const names = Object.keys(fixture[name]);

  test('every group is as NumPy says, and so are the standard errors', async () => {
    const scores = await scoresOf(criterion(single), names);
    for (const group of names) {
      expectClose(scores[group].values, fixture[name][group].values);
      expectClose(scores[group].standardError!, fixture[name][group].standardError, 2e-5);
    }
  });

  test.each([2, 4, 64])('batches of %i change nothing but the standard errors of wanda', async batchSize => {
    const scores = await scoresOf(criterion({ batchSize, normalize: 'none' }), names);
    for (const group of names) {
      expectClose(scores[group].values, fixture[name][group].values);
      if (name !== 'wanda') expectClose(scores[group].standardError!, fixture[name][group].standardError, 2e-5);
      else expect(scores[group].standardError === undefined).toBe(batchSize === 64);
    }
  });

  test('scores are divided by the mean of the group, and the standard errors with them', async () => {
    const scores = await scoresOf(criterion({ ...single, normalize: 'mean' }), names);
    for (const group of names) {
      const { values, standardError } = fixture[name][group];
      expectClose(scores[group].values, divided(values, meanOf(values)));
      expectClose(scores[group].standardError!, divided(standardError, meanOf(values)), 2e-5);
    }
  });

  test('a group scores the same alone as with others', async () => {
    const together = await scoresOf(criterion(), names);
    for (const group of names) expect(await scoresOf(criterion(), [group])).toEqual({ [group]: together[group] });
    expect(await criterion().score([], branched(), await contextOf(split()))).toEqual([]);
  });

  test('permuting the units permutes the scores', async () => {
    const order = [2, 0, 1];
    const before = await scoresOf(criterion(), ['a', 'b']);
    const after = await scoresOf(criterion(), ['a', 'b'], permuted(branched(), order));
    const turned = (values: Float64Array): number[] => order.map(unit => values[unit]);
    expectClose(after.a.values, turned(before.a.values), 1e-6);
    expectClose(after.b.values, before.b.values, 1e-6);
    if (name !== 'wanda') expectClose(after.a.standardError!, turned(before.a.standardError!), 1e-5);
  });

  test('a unit that is never active scores 0', async () => {
    const dead = scaled(branched(), ['a', 0, 3, 1, 0], ['a', 1, 0, 1, 0]);
    const { a } = await scoresOf(criterion(), ['a'], dead);
    expect(a.values[1]).toBe(0);
    expect(Math.min(a.values[0], a.values[2])).toBeGreaterThan(0);
  });

  test('the same seed gives the same bytes; another one sees other examples', async () => {
    const few = criterion({ batches: 1, batchSize: 2 });
    const run = (seed: number): Promise<unknown> => scoresOf(few, names, branched(), contextOf(split(), { seed }));
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).not.toEqual(await run(2));
  });

  test('progress is told batch by batch, and an abort ends the run', async () => {
    const events: Progress[] = [];
    const controller = new AbortController();
    const progress = (event: Progress): void => {
      events.push(event);
      if (event.done === 2) controller.abort();
    };
    const context = contextOf(split(), { progress, signal: controller.signal });
    const error = await rejection(scoresOf(criterion({ batches: 3, batchSize: 2 }), ['a'], branched(), context));
    expect(error.code).toBe('aborted');
    expect(events.map(({ stage, done, total }) => [stage, done, total])).toEqual([[`score ${name}`, 1, 3], [`score ${name}`, 2, 3]]); // prettier-ignore
  });

  test('it ends once the ranking has settled', async () => {
    const run = async (stopWhenStable?: boolean | number): Promise<number> => {
      let batches = 0;
      const context = contextOf(split(4), { progress: ({ done }) => void (batches = done) });
      const copies = ndarray(new Float32Array(80 * 40).fill(0.5), [80, 5, 4, 2]); // every example says the same
      await scoresOf(
        criterion({ batches: 20, batchSize: 4, stopWhenStable }),
        ['a', 'c'],
        branched(),
        stopWhenStable === undefined
          ? context
          : contextOf({ inputs: [copies], targets: [] }, { progress: ({ done }) => void (batches = done) }),
      );
      return batches;
    };
    expect(await run()).toBe(6);
    expect(await run(false)).toBe(20);
    expect(await run(true)).toBe(6);
    expect(await run(0.5)).toBe(6);
  });

  test('names itself, asks for data only, and leaves the model alone', async () => {
    const model = branched();
    const before: Map<string, readonly NdArray[]> = structuredClone(new Map(model.weights));
    expect([criterion().name, criterion().needs]).toEqual([name, ['data']]);
    if (PAPERS[name] === undefined) expect(criterion()).not.toHaveProperty('paper');
    else expect(criterion().paper).toContain(PAPERS[name]);
    await scoresOf(criterion(), names, model);
    expect(model.weights).toEqual(before);
  });

  test.each([
    [{ batches: 0 }, 'batches'],
    [{ batchSize: 1.5 }, 'batchSize'],
    [{ stopWhenStable: 2 }, 'stopWhenStable'],
    [{ normalize: 'most' as never }, 'none, mean, max, l2, lamp'],
  ])('%j is refused', (options, words) => {
    const { code, message } = refusal(() => criterion(options));
    expect([code, message]).toEqual(['bad-option', expect.stringContaining(words)]);
  });
});

test('an unknown statistic is refused with those that are known', () => {
  const { code, message } = refusal(() => activation({ statistic: 'median' as never }));
  expect([code, message]).toEqual(['bad-option', expect.stringContaining('mean, l2, apoz')]);
});

test('fractions of zeros compare as they are: apoz is not normalized by default', async () => {
  const scores = await scoresOf(activation({ statistic: 'apoz' }));
  for (const name of NAMES) expectClose(scores[name].values, fixture.apoz[name].values);
});

test('what a unit is scaled by, and its reads by the inverse, changes its activation and not its wanda score', async () => {
  const model = branched();
  const turned = scaled(model, ['f', 0, 1, 2, 4], ['f', 1, 0, 2, 4], ['head', 0, 0, 2, 0.25]);
  const raw = { normalize: 'none' } as const;
  const [before, after] = [await scoresOf(wanda(raw), ['f']), await scoresOf(wanda(raw), ['f'], turned)];
  expectClose(after.f.values, before.f.values, 1e-6);
  const [once, again] = [await scoresOf(activation(raw), ['f']), await scoresOf(activation(raw), ['f'], turned)];
  expectClose(again.f.values, once.f.values.map((value, unit) => (unit === 2 ? 4 * value : value)), 1e-6); // prettier-ignore
});

test('hrank covers what is read as maps, the others what is read', () => {
  const traced = trace(branched());
  const covered = (criterion: Criterion<'data'>): string[] =>
    groupsOf(traced)
      .filter(group => group.frozen === undefined && criterion.covers!(group, traced))
      .map(({ name }) => name);
  expect(covered(hrank())).toEqual(['a', 'b', 'c']);
  for (const criterion of [activation(), wanda()]) expect(covered(criterion)).toEqual(NAMES);
});

/** image -> a[3] -> reader, on images of the sides given. */
function read(
  sides: readonly (number | null)[],
  reader: 'Conv' | 'Dense' = 'Conv',
  dataFormat = 'channelsLast',
): Checkpoint {
  const last = dataFormat === 'channelsLast';
  const dimensions = sides.length;
  const kernelSize = sides.map(() => 1);
  const net = functional(
    [
      input('image', last ? [...sides, 2] : [2, ...sides]),
      layer(`Conv${dimensions}D`, 'a', { filters: 3, kernelSize, dataFormat }, ['image']),
      layer(reader === 'Dense' ? reader : `Conv${dimensions}D`, 'c', { filters: 2, units: 2, kernelSize, dataFormat }, [
        'a',
      ]),
    ],
    ['c'],
  );
  const ones = kernelSize.map(() => 1);
  return checkpoint(net, { a: [[...ones, 2, 3], [3]], c: [[...(reader === 'Dense' ? [] : ones), 3, 2], [2]] });
}

/** The group that the kernel of `path` makes. */
function madeBy(path: string, model: Checkpoint): Group {
  const makes = ({ layer, role }: Group['sites'][number]): boolean => layer === path && role === 'makes';
  return groupsOf(trace(model)).find(({ sites }) => sites.some(makes))!;
}

test('a map has two sides longer than 1', () => {
  const covered = (model: Checkpoint): boolean => hrank().covers!(madeBy('a', model), trace(model));
  for (const sides of [[2, 2], [3, 7], [null, null], [3, null]]) expect(covered(read(sides))).toBe(true); // prettier-ignore
  for (const sides of [[1, 5], [5, 1], [1, null], [9], [3, 3, 3]]) expect(covered(read(sides))).toBe(false); // prettier-ignore
  expect(covered(read([4, 4], 'Dense'))).toBe(true); // pixel by pixel
  expect(covered(read([4, 4], 'Conv', 'channelsFirst'))).toBe(true);
  expect(covered(read([4, 1], 'Conv', 'channelsFirst'))).toBe(false);
});

/** Of "a", when its reader is given `given`. */
async function scoresGiven(criterion: Criterion<'data'>, given: NdArray, dataFormat = 'channelsLast'): Promise<Scores> {
  const model = read([4, 6], 'Conv', dataFormat);
  const observe = (_: unknown, see: See<readonly Observed[]>) => Promise.resolve(void see([new Map([['c', [[given]]]])])); // prettier-ignore
  const { context } = notedContext({ abilities: { data: { observe } } });
  const [scores] = await criterion.score([madeBy('a', model)], model, context);
  return scores;
}

test('what is not a number is not hidden', async () => {
  const given = noise([2, 4, 6, 3], 'maps');
  given.data[7] = NaN;
  for (const criterion of [activation(), activation({ statistic: 'apoz' }), wanda(), hrank()]) {
    expect((await scoresGiven(criterion, given)).values[1]).toBeNaN();
  }
});

test('channels may come first', async () => {
  const [examples, height, width, channels] = [5, 4, 6, 3];
  const { data } = noise([examples, height, width, channels], 'maps');
  const last = Float32Array.from(data, (value, i) => (Math.floor(i / channels) % 5 < 3 ? Math.max(value, 0) : 0));
  const first = Float32Array.from({ length: last.length }, (_, i) => {
    const [place, channel] = [i % (height * width), Math.floor(i / (height * width)) % channels];
    return last[(Math.floor(i / (height * width * channels)) * height * width + place) * channels + channel];
  });
  for (const criterion of [activation(), activation({ statistic: 'apoz' }), wanda(), hrank(), fluctuation()]) {
    const expected = await scoresGiven(criterion, ndarray(last, [examples, height, width, channels]));
    expect(await scoresGiven(criterion, ndarray(first, [examples, channels, height, width]), 'channelsFirst')).toEqual(
      expected,
    );
    expect(new Set(expected.values).size).toBeGreaterThan(1);
  }
});

/** And by no state of an RNN. */
function isReadByWeights({ sites }: Group): boolean {
  const reads = sites.filter(({ role }) => role === 'reads');
  return reads.length > 0 && reads.every(({ parameter }) => parameter !== 'recurrentKernel');
}

describe.each(NET_NAMES)('%s', name => {
  test('covers exactly what weights read from inputs, and scores all of it', async () => {
    const net = NETS[name]();
    const model = await capture(net);
    net.dispose();
    const built = materialize(model);
    const inputs = probeInputs(built, 1, 4);
    built.dispose();
    const traced = trace(model);
    const open = groupsOf(traced).filter(({ frozen }) => frozen === undefined);
    const context = await contextOf({ inputs, targets: [] });
    for (const criterion of [activation(), activation({ statistic: 'apoz' }), wanda(), hrank()]) {
      const covered = open.filter(group => criterion.covers!(group, traced));
      if (criterion.name !== 'hrank') expect(covered).toEqual(open.filter(isReadByWeights));
      const scores = await withoutLeak(() => criterion.score(covered, model, context));
      covered.forEach(({ units }, i) => {
        expect(scores[i].values).toHaveLength(units.length);
        expect(scores[i].values.every(value => Number.isFinite(value) && value >= 0)).toBe(true);
      });
    }
  });
});

test('a net is pruned by what its units do on data, and the cut is exact', async () => {
  const net = mlp();
  const train = { inputs: toTensor(normals([40, 4], stream(1).normal)), targets: tf.tensor1d(new Int32Array(40).map((_, i) => i % 3)) }; // prettier-ignore
  for (const criterion of [activation(), activation({ statistic: 'apoz' }), wanda()]) {
    const { model, report } = await compress(net, prune({ criterion, budget: uniform({ ratio: 0.5 }) }), { data: { train }, latency: false }); // prettier-ignore
    expect(report.certificates.map(({ error }) => error)).toEqual([expect.any(Number)]);
    expect(model.getLayer('a').countParams()).toBe(3 * 5);
    model.dispose();
  }
  net.dispose();
  tf.dispose(train);
});

test.each(['singleCell', 'stack'])('%s: the units of an RNN, which its state reads, are not covered', async name => {
  const net = NETS[name]();
  const model = await capture(net);
  net.dispose();
  const traced = trace(model);
  const cells = groupsOf(traced).filter(({ sites }) => sites.some(({ parameter, role }) => parameter === 'recurrentKernel' && role === 'reads')); // prettier-ignore
  expect(cells.length).toBeGreaterThan(0);
  for (const criterion of [activation(), wanda(), hrank()]) {
    expect(cells.some(group => criterion.covers!(group, traced))).toBe(false);
  }
});
