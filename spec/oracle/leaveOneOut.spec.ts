/** Criteria against brute force: the loss of a small trained net without each of its units. `bench/oracle.ts` does it on more nets, seeds and data. */
import { readDigits, take } from '../../examples/support/datasets';
import { fisher, taylor, type Criterion } from '../../lib/criteria';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { Need } from '../../lib/core/context';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import type { Splits } from '../../lib/runtime/data';
import {
  agreement,
  CRITERIA,
  leaveOneOut,
  settled,
  splitsOf,
  trainedNet,
  type Oracle,
} from '../../bench/zoo/leaveOneOut';
import { onWasm } from '../runtime/help';

onWasm();

let splits: Splits;
let model: Checkpoint;
let oracle: Oracle;

beforeAll(async () => {
  splits = splitsOf(take(readDigits(0).train, 640));
  model = await trainedNet('plain', splits, 0, 6);
  oracle = await leaveOneOut(model, splits);
}, 180000);

const measured = async (criterion: Criterion<Need>) => (await agreement(criterion, model, splits, oracle, 0))!;

test('the net has learnt, and units matter', () => {
  expect(oracle.accuracy).toBeGreaterThan(0.95);
  const rises = oracle.rises.flatMap(own => Array.from(own));
  expect(Math.max(...rises)).toBeGreaterThan(10 * oracle.loss);
});

test.each(['taylor', 'fisher'])('%s ranks the units of all groups as the loss does', async name => {
  const { all, within } = await measured(CRITERIA[name]);
  expect(all).toBeGreaterThan(0.8);
  expect(within).toBeGreaterThan(0.7);
});

test.each(['taylor activations', 'taylor weights', 'gamma'])('%s does within groups', async name => {
  expect((await measured(CRITERIA[name])).within).toBeGreaterThan(0.5);
});

test('random does not', async () => {
  const { all, within } = await measured(CRITERIA.random);
  expect(Math.abs(all)).toBeLessThan(0.3);
  expect(Math.abs(within)).toBeLessThan(0.3);
});

describe('a ranking that has settled', () => {
  let other: Checkpoint;
  beforeAll(async () => void (other = await trainedNet('depthwise', splits, 0, 3)));

  test.each([
    ['taylor', taylor],
    ['fisher', fisher],
  ])('%s: takes fewer batches and is near that of all of them', async (_name, build) => {
    const groups = groupsOf(trace(other)).filter(({ frozen }) => frozen === undefined);
    const { batches, correlation } = await settled(build, other, splits, groups, { least: 0.95, batchSize: 8 });
    expect(batches).toBeGreaterThanOrEqual(6);
    expect(batches).toBeLessThan(60); // of 80
    expect(correlation).toBeGreaterThan(0.95);
  });
});
