/** Presets for depth are the compositions that they say. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  blockInfluence,
  blockPruner,
  capture,
  compress,
  layerDrop,
  lossIncrease,
  shortGpt,
  sleb,
  useBackend,
  type Method,
} from 'tfjs-prune';
import { hashOf } from '../../lib/core/hash';
import { WASM } from '../backend';
import { refusal } from '../zoo/refusal';
import { data, taughtNet } from '../zoo/taught';

let net: LayersModel;
beforeAll(async () => {
  await useBackend(WASM);
  net = await taughtNet(4, 1);
});
afterAll(() => net.dispose());

async function run(method: Method<'data'>) {
  const { model, plan, report } = await compress(net, method, { data, latency: false, seed: 3 });
  const hash = await hashOf(await capture(model));
  model.dispose();
  return { hash, gone: plan.blocks!.map(({ name }) => name), method: report.method };
}

const looking = { batches: 1, batchSize: 8 };
const rest = { ratio: 0.5, protect: ['b1_add1+b1_add2'] };
const branches = { count: 3, protect: ['b1_add1'] };

test.each([
  ['shortGpt', shortGpt({ ...rest, ...looking }), layerDrop({ ...rest, criterion: blockInfluence(looking) }), 2],
  ['sleb', sleb({ ...rest, ...looking }), layerDrop({ ...rest, criterion: lossIncrease(looking) }), 2],
  ['blockPruner', blockPruner({ ...branches, ...looking }), layerDrop({ ...branches, granularity: 'branch', criterion: lossIncrease(looking) }), 3], // prettier-ignore
])('%s', async (name, preset, composed, count) => {
  const [one, other] = [await run(preset), await run(composed)];
  expect(one).toEqual({ ...other, method: name });
  expect(one.gone).toHaveLength(count);
  expect(one.gone.some(block => block.includes('b1_add1'))).toBe(false);
  expect(preset.paper).toMatch(/\d{4}\.\d{5}/);
});

test.each([shortGpt, sleb, blockPruner])('%p refuses what layerDrop and the criterion refuse', preset => {
  expect(refusal(() => preset({})).message).toContain('ratio or count');
  expect(refusal(() => preset({ ratio: 1.5 })).code).toBe('bad-ratio');
  expect(refusal(() => preset({ count: 1, batches: 0 })).message).toContain('batches');
});
