import { weightsOf, type Checkpoint } from '../../lib/core/checkpoint';
import { gather, ndarray, type NdArray } from '../../lib/core/array';
import { geometricMedian, type GeometricMedianOptions } from '../../lib/criteria';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { notedContext } from '../zoo/context';
import { refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer, sequential } from '../zoo/topology';
import { branched, expectClose, fixture, groupNamed, meanOf, NAMES } from './observedNet';

const { context } = notedContext();
const distances = ['l2', 'l1', 'cosine'] as const;

async function scores(options: GeometricMedianOptions, model: Checkpoint, name: string): Promise<number[]> {
  const [{ values }] = await geometricMedian(options).score([groupNamed(model, name)], model, context);
  return Array.from(values);
}

/** x -> d -> head, where d[unit] is made by the numbers given. */
function made(...units: readonly (readonly number[])[]): Checkpoint {
  const [length, count] = [units[0].length, units.length];
  const net = functional(
    [
      input('x', [length]),
      layer('Dense', 'd', { units: count, useBias: false }, ['x']),
      layer('Dense', 'head', { units: 1 }, ['d']),
    ],
    ['head'],
  );
  const base = checkpoint(net, { d: [[length, count]], head: [[count, 1], [1]] });
  const kernel = Float32Array.from({ length: length * count }, (_, at) => units[at % count][Math.floor(at / count)]);
  return { ...base, weights: new Map(base.weights).set('d', [ndarray(kernel, [length, count])]) };
}

describe.each(distances)('%s', distance => {
  test.each(NAMES)('group %s is as NumPy says, with all makers of a residual stream as one point', async name => {
    const expected = fixture.geometricMedian[distance][name];
    expectClose(await scores({ distance, normalize: 'none' }, branched(), name), expected, 1e-12);
  });

  test('permuting the units permutes the scores', async () => {
    const order = [3, 0, 5, 1, 4, 2];
    const model = branched();
    const [kernel, bias] = weightsOf(model, 'f');
    const turned = new Map(model.weights)
      .set('f', [gather(kernel, 1, order), gather(bias, 0, order)])
      .set('head', [gather(weightsOf(model, 'head')[0], 0, order), weightsOf(model, 'head')[1]]);
    const before = await scores({ distance }, model, 'f');
    const after = await scores({ distance }, { ...model, weights: turned }, 'f');
    expectClose(
      after,
      order.map(unit => before[unit]),
      1e-12,
    );
  });

  test('the mean over the units that are alive is 1, whatever the scale of the layer', async () => {
    const values = await scores({ distance }, branched(), 'f');
    expect(values[4]).toBe(0);
    expect(meanOf(values.filter((_, unit) => unit !== 4))).toBeCloseTo(1, 12);
    const model = branched();
    const larger = weightsOf(model, 'f').map(({ data, ...rest }) => ({ ...rest, data: Float32Array.from(data, v => v * 8) })); // prettier-ignore
    expectClose(await scores({ distance }, { ...model, weights: new Map(model.weights).set('f', larger) }, 'f'), values, 1e-12); // prettier-ignore
  });

  test('units that are all zero score 0 and change nothing for the others', async () => {
    const alive = [
      [1, 2, 0],
      [2, -1, 1],
      [0, 1, 1],
      [3, 3, 1],
      [-1, 0, 2],
    ];
    const nothing = [0, 0, 0];
    const without = await scores({ distance }, made(...alive), 'd');
    const [a, b, c, d, e] = alive;
    const padded = await scores({ distance }, made(nothing, a, b, nothing, c, d, e, nothing, nothing), 'd');
    expect(padded).toEqual([0, without[0], without[1], 0, ...without.slice(2), 0, 0]);
    expect(Math.min(...without)).toBeGreaterThan(0);
  });

  test('one unit alone, or copies of one, are above what is zero', async () => {
    expect(await scores({ distance }, made([0, 0], [1, 2], [0, 0]), 'd')).toEqual([0, 1, 0]);
    expect(await scores({ distance }, made([1, 2], [0, 0], [1, 2], [1, 2]), 'd')).toEqual([1, 0, 1, 1]);
    expect(await scores({ distance }, made([0, 0], [0, 0]), 'd')).toEqual([0, 0]);
  });
});

test('a weight that is not a number is not hidden', async () => {
  const values = await scores({}, made([1, 2], [NaN, 1], [0, 0]), 'd');
  expect(values[1]).toBeNaN();
});

test('what lies in the middle goes first, whatever its size, and not what is small', async () => {
  const values = await scores({}, made([0.1, 0], [5, 5], [10, 10], [5.1, 5]), 'd');
  const order = [...values.keys()].sort((i, j) => values[i] - values[j]);
  expect(order.slice(0, 2).sort()).toEqual([1, 3]);
});

test('cosine sees directions only, and a copy is at no distance', async () => {
  const [once, scaled] = [made([1, 2], [2, -1], [1, 1]), made([10, 20], [2, -1], [0.5, 0.5])];
  expectClose(
    await scores({ distance: 'cosine' }, scaled, 'd'),
    await scores({ distance: 'cosine' }, once, 'd'),
    1e-12,
  );
  const opposite = await scores({ distance: 'cosine', normalize: 'none' }, made([1, 0], [-2, 0], [3, 0]), 'd');
  expectClose(opposite, [2, 4, 2], 1e-15);
});

test('points that nearly coincide keep their digits', async () => {
  const apart = 2 ** -20;
  const values = await scores({ normalize: 'none' }, made([1024, 1], [1024, 1 + apart]), 'd');
  expect(values).toEqual([apart, apart]);
});

test('the gates of a cell are parts of one point; units at several places of a kernel too', async () => {
  const net = sequential(
    layer('LSTM', 'cells', { units: 3, batchInputShape: [null, 2, 2] }),
    layer('Dense', 'head', { units: 1 }),
  );
  const model = checkpoint(net, { cells: [[2, 12], [3, 12], [12]], head: [[3, 1], [1]] });
  const { data } = weightsOf(model, 'cells')[0];
  const point = (unit: number): number[] =>
    [0, 1, 2, 3].flatMap(gate => [0, 1].map(row => data[row * 12 + gate * 3 + unit]));
  const apart = (u: number, v: number): number => Math.hypot(...point(u).map((value, i) => value - point(v)[i]));
  const expected = [apart(0, 1) + apart(0, 2), apart(0, 1) + apart(1, 2), apart(0, 2) + apart(1, 2)];
  expectClose(await scores({ normalize: 'none' }, model, 'cells'), expected, 1e-12);
});

test('a function is given the units that are alive', async () => {
  const seen: [number, number][] = [];
  const normalize: GeometricMedianOptions['normalize'] = (values, { units }) => {
    seen.push([values.length, units.length]);
    return values.map(() => 7);
  };
  expect(await scores({ normalize }, branched(), 'f')).toEqual([7, 7, 7, 7, 0, 7]);
  expect(seen).toEqual([[5, 5]]);
});

test('covers what a kernel makes, names itself, and leaves the model alone', async () => {
  const model = branched();
  const traced = trace(model);
  const covered = groupsOf(traced).filter(group => geometricMedian().covers!(group, traced));
  expect(covered.map(({ name }) => name)).toEqual([...NAMES, 'head', 'g']);
  const before: Map<string, readonly NdArray[]> = structuredClone(new Map(model.weights));
  const [{ values, standardError }] = await geometricMedian().score([groupNamed(model, 'c')], model, context);
  expect(values).toBeInstanceOf(Float64Array);
  expect(standardError).toBeUndefined();
  expect(model.weights).toEqual(before);
  expect([geometricMedian().name, geometricMedian({ distance: 'l1' }).name]).toEqual(['geometricMedian', 'geometricMedian(l1)']); // prettier-ignore
  expect(geometricMedian().paper).toContain('1811.00250');
});

test('unknown words are refused with those that are known', () => {
  const distance = refusal(() => geometricMedian({ distance: 'l3' as never }));
  expect([distance.code, distance.message]).toEqual(['bad-option', expect.stringContaining('l2, l1, cosine')]);
  const normalize = refusal(() => geometricMedian({ normalize: 'most' as never }));
  expect([normalize.code, normalize.message]).toEqual(['bad-option', expect.stringContaining('none, mean, max, l2, lamp')]); // prettier-ignore
});
