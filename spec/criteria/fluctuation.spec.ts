/** FLAP's metric and Wanda-sp's against NumPy, on what a block's readers are given. */
import { gather, ndarray, type NdArray } from '../../lib/core/array';
import { weightsOf } from '../../lib/core/checkpoint';
import { fluctuation, wanda, type Criterion, type Scores } from '../../lib/criteria';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { onWasm } from '../runtime/help';
import { NETS } from '../zoo/nets';
import { refusal, rejection } from '../zoo/refusal';
import { branched, contextOf, expectClose, NAMES, scoresOf, split, permuted } from './observedNet';
import { blockNet, fixture, givenContext, groupOf, WIDTH } from './readsNet';

onWasm();

const KINDS = ['heads', 'neurons'] as const;
const all = { batches: 8, batchSize: 2 };

async function scored(criterion: Criterion<'data'>, context = givenContext().context): Promise<readonly Scores[]> {
  const model = blockNet();
  const groups = KINDS.map(kind => groupOf(model, kind));
  for (const group of groups) expect(criterion.covers!(group, trace(model))).toBe(true);
  return criterion.score(groups, model, context);
}

test('heads and neurons fluctuate as NumPy says, and so do the scores of batches', async () => {
  const scores = await scored(fluctuation(all));
  KINDS.forEach((kind, i) => {
    expectClose(scores[i].values, fixture.fluctuation[kind]);
    expectClose(scores[i].standardError!, fixture.standardError[kind]);
  });
});

test.each([1, 3, 64])('batches of %i change nothing but the standard errors', async batchSize => {
  const scores = await scored(fluctuation({ batches: 8, batchSize }));
  KINDS.forEach((kind, i) => expectClose(scores[i].values, fixture.fluctuation[kind]));
});

test('wanda is Wanda-sp times the outputs of the reader', async () => {
  const scores = await scored(wanda({ normalize: 'none', ...all }));
  KINDS.forEach((kind, i) => expectClose(scores[i].values, fixture.wandaSp[kind].map(value => value * WIDTH))); // prettier-ignore
});

test('a group scores 0 in the mean, whatever is added to what is read, and whatever all of it is scaled by', async () => {
  const moved = (_: string, { shape, data }: NdArray): NdArray =>
    ndarray(Float32Array.from(data, (value, i) => 8 * value + (i % shape[2])), shape); // prettier-ignore
  const scores = await scored(fluctuation(all), givenContext(undefined, moved).context);
  KINDS.forEach((kind, i) => {
    expectClose(scores[i].values, fixture.fluctuation[kind], 1e-4);
    expect(Math.abs(scores[i].values.reduce((sum, value) => sum + value, 0))).toBeLessThan(1e-9);
  });
});

test('a neuron that never changes scores lowest, as if nothing read it', async () => {
  const still = (name: string, { shape, data }: NdArray): NdArray =>
    ndarray(Float32Array.from(data, (value, i) => (name === 'down' && i % shape[2] === 0 ? 5 : value)), shape); // prettier-ignore
  const [, { values }] = await scored(fluctuation(all), givenContext(undefined, still).context);
  expect(Math.min(...values)).toBe(values[0]);
  const model = blockNet();
  const [kernel] = weightsOf(model, 'down');
  const unread = { ...kernel, data: kernel.data.map((value, i) => (i < WIDTH ? 0 : value)) };
  const deaf = { ...model, weights: new Map(model.weights).set('down', [unread]) };
  const [other] = await fluctuation(all).score([groupOf(deaf, 'neurons')], deaf, givenContext().context);
  expectClose(other.values, values, 1e-9);
});

test('what does not fluctuate at all scores 0', async () => {
  const still = (_: string, { shape }: NdArray): NdArray => ndarray(new Float32Array(shape.reduce((a, b) => a * b)).fill(0.3), shape); // prettier-ignore
  const scores = await scored(fluctuation(all), givenContext(undefined, still).context);
  for (const { values } of scores) expect(values).toEqual(values.map(() => 0));
});

test('what is not a number is not hidden', async () => {
  const broken = (_: string, { shape, data }: NdArray): NdArray => ndarray(Float32Array.from(data, (v, i) => (i === 3 ? NaN : v)), shape); // prettier-ignore
  const scores = await scored(fluctuation(all), givenContext(undefined, broken).context);
  for (const { values } of scores) expect(values.some(Number.isNaN)).toBe(true);
});

test('a single place says nothing', async () => {
  const single = (_: string, given: NdArray): NdArray => gather(given, 1, [0]);
  const { code, message } = await rejection(
    scored(fluctuation({ batches: 1, batchSize: 1 }), {
      ...givenContext().context,
      data: {
        ...givenContext().context.data,
        observe: (watched, see) =>
          givenContext(undefined, single).context.data.observe(watched, async batch => (await see(batch), true), {
            batchSize: 1,
          }),
      },
    }),
  );
  expect([code, message]).toEqual(['bad-option', expect.stringContaining('at least two places')]);
});

describe('on images', () => {
  test('permuting channels permutes scores', async () => {
    const before = await scoresOf(fluctuation(), ['a', 'b']);
    const order = [2, 0, 1];
    const after = await scoresOf(fluctuation(), ['a', 'b'], permuted(branched(), order));
    expectClose(after.a.values, order.map(unit => before.a.values[unit]), 1e-5); // prettier-ignore
    expectClose(after.b.values, before.b.values, 1e-5);
    expect(new Set(before.a.values).size).toBe(3);
  });

  test('the same seed gives the same bytes; a group scores the same alone as with others', async () => {
    const few = fluctuation({ batches: 1, batchSize: 2 });
    const run = (seed: number) => scoresOf(few, NAMES, branched(), contextOf(split(), { seed }));
    const together = await run(1);
    expect(await run(1)).toEqual(together);
    expect(await run(2)).not.toEqual(together);
    for (const name of NAMES) expect(await scoresOf(few, [name])).toEqual({ [name]: together[name] });
  });

  test('an abort ends it', async () => {
    const controller = new AbortController();
    const context = contextOf(split(), { progress: () => controller.abort(), signal: controller.signal });
    const error = await rejection(scoresOf(fluctuation({ batches: 3, batchSize: 2 }), ['a'], branched(), context));
    expect(error.code).toBe('aborted');
  });
});

test.each([
  ['llama', ['heads', 'neurons']],
  ['bert', ['heads', 'neurons']],
  ['stack', ['dimensions']], // of an embedding that a kernel reads; cells are read by their state
])('%s: covers what weights and nothing else read', async (name, kinds) => {
  const net = NETS[name]();
  const model = await capture(net);
  net.dispose();
  const traced = trace(model);
  const covered = groupsOf(traced).filter(group => group.frozen === undefined && fluctuation().covers!(group, traced));
  expect(covered.filter(({ units }) => units.some(unit => traced.bare.has(unit)))).toEqual([]);
  expect([...new Set(covered.map(({ kind }) => kind))]).toEqual(kinds);
});

test.each([
  [{ batches: 0 }, 'batches'],
  [{ batchSize: 1.5 }, 'batchSize'],
  [{ stopWhenStable: 2 }, 'stopWhenStable'],
])('%j is refused', (options, word) => {
  const { code, message } = refusal(() => fluctuation(options));
  expect([code, message]).toEqual(['bad-option', expect.stringContaining(word)]);
});

test('names itself and its paper, and tells what it was made with', () => {
  const { name, paper, needs, settings } = fluctuation(all);
  expect([name, needs, settings]).toEqual(['fluctuation', ['data'], all]);
  expect(paper).toContain('2312.11983');
});
