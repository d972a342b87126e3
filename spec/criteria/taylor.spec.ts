import { taylor } from '../../lib/criteria';
import { groupsOf, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { onWasm } from '../runtime/help';
import { NETS } from '../zoo/nets';
import { refusal } from '../zoo/refusal';
import { contextOf, EXAMPLES, expectClose, groupNamed, nearOutputs, residual, scoresOf, slopeAt, splits } from './gradientNet'; // prettier-ignore

onWasm();

const one = { batches: 1, batchSize: EXAMPLES };

test('activations are divided by the root of the sum of squares of the group', async () => {
  const bare = await scoresOf(taylor({ on: 'activations', normalize: 'none', ...one }));
  const scores = await scoresOf(taylor({ on: 'activations', ...one }));
  for (const name of ['stem', 'inner', 'hidden']) {
    const norm = Math.hypot(...bare[name].values);
    expectClose(scores[name].values, Array.from(bare[name].values, value => value / norm), 1e-9); // prettier-ignore
    expectClose(
      scores[name].standardError!,
      Array.from(bare[name].standardError!, value => value / norm),
      1e-9,
    );
  }
});

test('coupled layers are summed before squaring', async () => {
  const model = residual();
  const { stem } = await scoresOf(taylor(one), model);
  const { units } = groupNamed(model, 'stem');
  const largest = Math.sqrt(Math.max(...stem.values));
  for (const [i, unit] of units.entries()) {
    const slope = await slopeAt(model, splits(), unit, 0.005);
    expect(Math.abs(Math.sqrt(stem.values[i]) - Math.abs(slope)) / largest).toBeLessThan(0.02); // ReLUs have kinks
  }
});

/** Groups that cannot be gated example by example: states of RNNs, and units that are read without a weight. */
test.each(['singleCell', 'stack', 'bothWays_ave', 'attention', 'products'])(
  '%s: gates are the slope of what a mask zeroes, in every group',
  async name => {
    const net = NETS[name]();
    const model = await capture(net);
    net.dispose();
    const data = await nearOutputs(model);
    const traced = trace(model);
    const open = groupsOf(traced).filter(({ frozen }) => frozen === undefined);
    const isGated = (group: Group): boolean => taylor({ on: 'activations' }).covers!(group, traced);
    expect(open.some(group => !isGated(group) || group.units.some(unit => traced.bare.has(unit)))).toBe(true);
    const all = await taylor(one).score(open, model, await contextOf(data));
    for (const [g, { units }] of open.entries()) {
      const slopes = [];
      for (const unit of units) slopes.push(Math.abs(await slopeAt(model, data, unit, 0.003)));
      expectClose(all[g].values.map(Math.sqrt), slopes, 0.01);
    }
  },
);

test('weights cover what a kernel makes', () => {
  const model = residual();
  const traced = trace(model);
  const covered = groupsOf(traced).filter(group => taylor({ on: 'weights' }).covers!(group, traced));
  expect(groupsOf(traced).map(({ name }) => name)).toEqual(['image', 'stem', 'inner', 'hidden', 'head']);
  expect(covered.map(({ name }) => name)).toEqual(['stem', 'inner', 'hidden', 'head']);
});

test.each([
  [{ on: 'filters' as never }, 'gates, weights, activations'],
  [{ normalize: 'sum' as never }, 'lamp'],
  [{ batches: 0 }, 'batches'],
  [{ batchSize: 1.5 }, 'batchSize'],
  [{ stopWhenStable: 1.1 }, 'stopWhenStable'],
  [{ stopWhenStable: 0 }, 'stopWhenStable'],
])('%p is refused', (options, word) => {
  const error = refusal(() => taylor(options));
  expect(error.code).toBe('bad-option');
  expect(error.message).toContain(word);
});
