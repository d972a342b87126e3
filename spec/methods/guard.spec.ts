/** A step that costs too much is as if it had never been. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  capture,
  chain,
  compress,
  fineTune,
  formatReport,
  guard,
  iterative,
  magnitude,
  materialize,
  prune,
  recalibrate,
  repair,
  repeat,
  restore,
  slim,
  train,
  uniform,
  useBackend,
  type Data,
  type GuardOptions,
  type Method,
  type RunStore,
} from 'tfjs-prune';
import { hashOf } from '../../lib/core/hash';
import { WASM } from '../backend';
import { exampleSplit, mlp } from '../runtime/help';
import { refusal, rejection } from '../zoo/refusal';
import { memoryStore } from '../zoo/store';

const data: Data = { train: exampleSplit(200, 1), validation: exampleSplit(100, 2), test: exampleSplit(50, 3) };

let model: LayersModel;
beforeAll(async () => {
  await useBackend(WASM);
  const fresh = mlp({ hidden: 12 });
  model = await train(fresh, { data, epochs: 12, learningRate: 0.02, batchSize: 16 });
  fresh.dispose();
});
afterAll(() => model.dispose());

const cut = (ratio = 0.2) => prune({ criterion: magnitude(), budget: uniform({ ratio }) });
type Both = 'data' | 'training';

/** Puts the same number into every weight of the head: no class is likelier than another. */
const spoil = (value = 0): Method<Both> => ({
  name: 'spoil',
  needs: [],
  settings: value,
  run: ({ topology, weights }) => {
    const head = weights.get('c')!.map(array => ({ ...array, data: array.data.map(() => value) }));
    return Promise.resolve({ topology, weights: new Map(weights).set('c', head) });
  },
});

interface Options {
  readonly resume?: RunStore;
  readonly keepRemoved?: boolean;
  readonly log?: (line: string) => void;
}

async function run(method: Method<Both>, options: Options = {}) {
  const { model: small, ...account } = await compress(model, method, { data, latency: false, ...options });
  const checkpoint = await capture(small);
  small.dispose();
  return { checkpoint, hash: await hashOf(checkpoint), ...account };
}

const rounds = (bad: number, options: GuardOptions): Method<Both> =>
  repeat<Both>(4, index => guard<Both>(chain<Both>(cut(), index === bad ? spoil() : recalibrate()), options));

test('the step that costs too much is taken back whole, and the rest of the repeat does not run', async () => {
  const logs: string[] = [];
  const guarded = await run(rounds(2, { maxDrop: 0.3 }), { log: line => logs.push(line), keepRemoved: true });
  const plain = await run(
    repeat<Both>(2, () => chain<Both>(cut(), recalibrate())),
    { keepRemoved: true },
  );
  expect(guarded.hash).toBe(plain.hash);
  expect(guarded.plan.sites).toEqual(plain.plan.sites);
  expect(guarded.report.certificates).toEqual(plain.report.certificates);
  expect(guarded.removed).toEqual(plain.removed);
  expect(guarded.report.stages.map(({ name }) => name)).toEqual([
    'dense',
    'pruned 1/4',
    'recalibrated 1/4',
    'pruned 2/4',
    'recalibrated 2/4',
  ]);
  expect(plain.report.undone).toBeUndefined();
  expect(guarded.report.undone).toHaveLength(1);
  const [{ method, reason, before, after }] = guarded.report.undone!;
  expect(method).toBe('prune(l1) -> spoil');
  expect(reason).toMatch(/^accuracy fell from \d\d(\.\d+)? % to .* by more than 30 points$/);
  expect(before.accuracy! - after.accuracy!).toBeGreaterThan(0.3);
  expect(logs).toContain(`prune(l1) -> spoil is taken back: ${reason}`);
  for (const format of ['terminal', 'markdown'] as const) {
    expect(formatReport(guarded.report, format)).toContain('taken back: prune(l1) -> spoil (accuracy fell');
  }
  const back = materialize(await restore(guarded.checkpoint, guarded.plan, guarded.removed!));
  expect((await capture(back)).weights.get('a')).toEqual((await capture(model)).weights.get('a'));
  back.dispose();
});

test('of what is taken back the report has no gammas', async () => {
  const slimming = slim({ epochs: 1, l1: 0.1 });
  const kept = await run(chain<Both>(slimming, guard<Both>(chain<Both>(slimming, spoil()), { maxDrop: 0.3 })));
  expect(kept.report.undone).toHaveLength(1);
  expect(kept.report.gammas).toHaveLength(1);
});

test('what is worth it stays, to the point', async () => {
  const free = await run(rounds(-1, { maxDrop: 1, maxLoss: 1e6 }));
  expect(free.report.undone).toBeUndefined();
  expect(free.report.stages).toHaveLength(9);
  const scores = await run(guard<Both>(spoil(), { maxDrop: 0 }));
  const [{ before, after }] = scores.report.undone!;
  const drop = before.accuracy! - after.accuracy!;
  expect((await run(guard<Both>(spoil(), { maxDrop: drop }))).report.undone).toBeUndefined();
  expect((await run(guard<Both>(spoil(), { maxDrop: drop - 0.005 }))).report.undone).toHaveLength(1);
});

test('the fall is measured from before the first guarded step, not from the step before', async () => {
  // Each round takes a little; together it is too much.
  const { report } = await run(repeat<Both>(5, () => guard<Both>(cut(0.25), { maxDrop: 0.02 })));
  const { before, after } = report.undone![0];
  const at = await run(guard<Both>(spoil(), { maxDrop: 0 }));
  expect(before).toEqual(at.report.undone![0].before);
  expect(before.accuracy! - after.accuracy!).toBeGreaterThan(0.02);
});

test.each([
  ['a loss above maxLoss', spoil(), { maxLoss: 1 }, /^the loss is 1\.0986, above 1$/],
  ['a loss that is no number', spoil(3e38), { maxLoss: 1e30 }, /^the loss is (NaN|Infinity)/],
])('%s', async (_, method, options, reason) => {
  const { report, hash } = await run(guard<Both>(method, options));
  expect(report.undone![0].reason).toMatch(reason);
  expect(hash).toBe(await hashOf(await capture(model)));
});

test('outside a repeat the next step runs; every repeat around a guard ends', async () => {
  const notes: string[] = [];
  const note = (name: string): Method<Both> => ({
    name,
    needs: [],
    run: given => Promise.resolve(given).finally(() => notes.push(name)),
  });
  const bad = guard<Both>(spoil(), { maxDrop: 0.1 });
  await run(chain<Both>(bad, note('after')));
  expect(notes.splice(0)).toEqual(['after']);
  const inner = repeat<Both>(2, () => chain<Both>(note('inner'), bad));
  await run(
    chain<Both>(
      repeat<Both>(2, () => chain<Both>(inner, note('outer'))),
      note('end'),
    ),
  );
  expect(notes).toEqual(['inner', 'outer', 'end']);
});

test('iterative ends at the last round that was worth it', async () => {
  const options = { criterion: magnitude(), ratio: 0.9, steps: 5, scope: uniform, schedule: 'linear' } as const;
  const tune = { epochs: 1, learningRate: 1e-3 };
  const { report } = await run(iterative({ ...options, fineTune: tune, guard: { maxDrop: 0.1 } }));
  expect(report.undone).toHaveLength(1);
  const done = report.stages.filter(({ name }) => name.startsWith('fine-tuned')).length;
  expect(done).toBeGreaterThan(0);
  expect(done).toBeLessThan(5);
  expect(report.after.units).toBeLessThan(report.before.units);
  expect(refusal(() => iterative({ ...options, guard: {} })).code).toBe('bad-option');
});

test('repair around a guard mends only cuts that stay', async () => {
  const method = (bad: Method<Both>): Method<Both> => repair<Both>(chain<Both>(cut(), bad), { batches: 2 });
  const guarded = await run(method(guard<Both>(chain<Both>(cut(), spoil()), { maxDrop: 0.3 })));
  expect(guarded.report.undone).toHaveLength(1);
  const plain = await run(repair<Both>(cut(), { batches: 2 }));
  expect(guarded.hash).toBe(plain.hash);
});

test('resumed at any of its writes it ends the same', async () => {
  const tune = fineTune({ epochs: 1, learningRate: 1e-3, carry: true });
  for (const inside of [
    (bad: boolean) => chain<Both>(cut(), bad ? spoil() : tune),
    (bad: boolean) => (bad ? spoil() : cut()),
  ]) {
    const method = chain<Both>(
      tune,
      repeat<Both>(3, index => guard<Both>(inside(index === 1), { maxDrop: 0.2 })),
      tune,
    );
    const whole = await run(method);
    expect(whole.report.undone).toHaveLength(1);
    const { store: resume, files, failAfter } = memoryStore();
    let finished = false;
    for (let tries = 0; !finished; tries++) {
      expect(tries).toBeLessThan(12);
      failAfter(1);
      try {
        expect(await run(method, { resume })).toEqual(whole);
        finished = true;
      } catch (error) {
        expect((error as Error).message).toContain('power');
      }
    }
    expect(files.size).toBeGreaterThan(3);
  }
});

describe('is refused', () => {
  test.each<[string, GuardOptions]>([
    ['maxDrop or maxLoss', {}],
    ['maxDrop', { maxDrop: 2 }],
    ['maxDrop', { maxDrop: -0.1 }],
    ['maxLoss', { maxLoss: NaN }],
  ])('a bad %s, where it is written: %j', (name, options) => {
    const error = refusal(() => guard(cut(), options));
    expect([error.code, error.message]).toEqual(['bad-option', expect.stringContaining(name)]);
  });

  test('maxDrop where there is no accuracy', async () => {
    const regression = mlp({ head: 'linear', outputs: 3 });
    const run = compress(regression, guard(cut(), { maxDrop: 0.1 }), { data: { ...data, loss: 'meanSquaredError' } });
    const error = await rejection(run);
    expect([error.code, error.message]).toEqual(['bad-option', expect.stringContaining('Pass maxLoss instead')]);
    regression.dispose();
  });
});
