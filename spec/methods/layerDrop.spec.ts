/** Blocks out of whole runs: which go, what is told, and the way back. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  applyPlan,
  blockInfluence,
  blocks,
  capture,
  chain,
  compress,
  cut,
  distill,
  editPlan,
  fineTune,
  formatPlan,
  formatReport,
  guard,
  lastBlocks,
  layerDrop,
  loadLayersModel,
  lossIncrease,
  magnitude,
  materialize,
  parsePlan,
  prune,
  randomBlocks,
  readPlanFile,
  removeBlocks,
  repair,
  repeat,
  restore,
  saveLayersModel,
  uniform,
  useBackend,
  type BlockCriterion,
  type Checkpoint,
  type CompressOptions,
  type Method,
  type Plan,
  type Progress,
} from 'tfjs-prune';
import { hashOf } from '../../lib/core/hash';
import { createContext } from '../../lib/runtime/context';
import { readData } from '../../lib/runtime/data';
import { WASM } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { withoutLeak } from '../runtime/help';
import { refusal, rejection } from '../zoo/refusal';
import { memoryStore } from '../zoo/store';
import { streamNet, type StreamName } from '../zoo/streams';
import { data, taughtNet } from '../zoo/taught';

type Both = 'data' | 'training';

let net: LayersModel;
let model: Checkpoint;
beforeAll(async () => {
  await useBackend(WASM);
  net = await taughtNet();
  model = await capture(net);
});
afterAll(() => {
  net.dispose();
  removeFolders();
});

const tune = fineTune({ epochs: 1, learningRate: 0.01 });
const thin = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.3, minimum: 1 }) });

async function run(method: Method<Both>, options: Partial<CompressOptions<Both>> = {}, of = net) {
  const { model: small, ...account } = await compress(of, method, { data, latency: false, keepRemoved: true, ...options }); // prettier-ignore
  const checkpoint = await capture(small);
  small.dispose();
  return { checkpoint, hash: await hashOf(checkpoint), ...account };
}

const gone = ({ plan }: { readonly plan: Plan }): readonly string[] => (plan.blocks ?? []).map(({ name }) => name);

/** Scores by name, the same whatever is left. */
const byName = (scores: Readonly<Record<string, number>>): BlockCriterion => ({
  name: 'by name',
  needs: [],
  settings: scores,
  score: all => Promise.resolve(all.map(({ name }) => scores[name] ?? 9)),
});

test('the lowest scores go, as many as asked for, and the account says so', async () => {
  const method = layerDrop({ ratio: 0.5, criterion: byName({ 'b3_add1+b3_add2': 1, 'b1_add1+b1_add2': 2 }) });
  const { checkpoint, report, plan } = await run(method);
  const names = ['b3_add1+b3_add2', 'b1_add1+b1_add2'];
  expect(gone({ plan })).toEqual(names);
  expect(report.blocks?.map(({ name }) => name)).toEqual(names);
  expect(report.blocks![0].layers).toEqual(model.topology.config.layers.map(({ config }) => String(config.name)).filter(name => name.startsWith('b3_'))); // prettier-ignore
  const expected = removeBlocks(model, names);
  expect(await hashOf(checkpoint)).toBe(await hashOf(await recaptured(expected)));
  expect(report.stages.map(({ name }) => name)).toEqual(['dense', 'dropped']);
  expect(report.certificates).toHaveLength(1);
  expect(report.certificates[0].error).toBeLessThan(1e-6);
  expect(report.layers.find(({ layer }) => layer === 'b3_ffn_up')).toEqual({ layer: 'b3_ffn_up', before: 9, after: 0 });
  expect(plan).toMatchObject({ version: 2, cost: { after: { parameters: report.after.parameters } } });
  expect(plan.blocks![0].savings!.parameters).toBe((report.before.parameters - report.after.parameters) / 2);
  expect(formatReport(report)).toContain('block gone: b3_add1+b3_add2 (10 layers)');
  expect(formatReport(report, 'markdown')).toContain('block gone: b1_add1+b1_add2 (10 layers)');
  expect(formatPlan(plan)).toMatch(/block gone +layers +parameters[\s\S]*b3_add1\+b3_add2 +10 +-/);
});

async function recaptured(checkpoint: Checkpoint): Promise<Checkpoint> {
  const built = materialize(checkpoint);
  const again = await capture(built);
  built.dispose();
  return again;
}

test('greedy removal by the loss is what trying everything out gives, round by round', async () => {
  const { plan } = await run(layerDrop({ count: 3, criterion: lossIncrease({ batchSize: 100 }) }));
  const splits = await readData({ train: data.train }, model);
  const { context } = await createContext({ original: model }, splits, () => Promise.resolve());
  let left = model;
  const order: string[] = [];
  for (let round = 0; round < 3; round++) {
    const names = blocks(model).blocks.map(({ name }) => name).filter(name => !order.includes(name)); // prettier-ignore
    const losses = await Promise.all(names.map(name => context.data.evaluate(removeBlocks(model, [...order, name])).then(({ loss }) => loss))); // prettier-ignore
    order.push(names[losses.indexOf(Math.min(...losses))]);
    left = removeBlocks(left, blocks(left).branches.map(({ name }) => name).filter(name => order[round].split('+').includes(name))); // prettier-ignore
  }
  expect(gone({ plan })).toEqual(order);
  expect(await hashOf(left)).toBe(await hashOf(removeBlocks(model, order)));
});

test('what is left is scored anew where the criterion or the caller wants it', async () => {
  const rounds = async (rescore: boolean | undefined, own?: boolean) => {
    const asked: number[] = [];
    const counting: BlockCriterion = {
      ...lastBlocks(),
      ...(own !== undefined && { rescore: own }),
      score: all => (asked.push(all.length), Promise.resolve(all.map((_, place) => place))),
    };
    await run(layerDrop({ count: 3, criterion: counting, ...(rescore !== undefined && { rescore }) }));
    return asked;
  };
  expect(await rounds(undefined)).toEqual([4]);
  expect(await rounds(undefined, true)).toEqual([4, 3, 2]);
  expect(await rounds(false, true)).toEqual([4]);
  expect(await rounds(true)).toEqual([4, 3, 2]);
});

test('branches go one by one where that is asked for', async () => {
  const { plan, checkpoint } = await run(layerDrop({ count: 2, criterion: byName({ b2_add2: 0, b4_add1: 1 }), granularity: 'branch' })); // prettier-ignore
  expect(gone({ plan })).toEqual(['b2_add2', 'b4_add1']);
  expect(blocks(checkpoint).branches).toHaveLength(6);
});

test('ratio rounds over what may go; protected blocks stay and do not count', async () => {
  const last = (options: object) => run(layerDrop({ criterion: lastBlocks(), ratio: 0, ...options }));
  expect(gone(await last({ ratio: 0.25 }))).toEqual(['b4_add1+b4_add2']);
  expect(gone(await last({ ratio: 0.1 }))).toEqual([]);
  expect((await last({ ratio: 0 })).plan).toMatchObject({ version: 1 });
  expect(gone(await last({ ratio: 0.5, protect: ['b4_add1+b4_add2', 'b1_ffn_up'] }))).toEqual(['b3_add1+b3_add2']);
  expect(gone(await last({ ratio: 0.5, protect: ['b4_add2'], granularity: 'branch' }))).toHaveLength(4);
});

test('of blocks in blocks the innermost go; the rounds of a run agree on what a block is', async () => {
  const within = streamNet('within');
  expect(gone(await run(layerDrop({ count: 1, criterion: lastBlocks() }), { data: undefined }, within))).toEqual(['inner']); // prettier-ignore
  within.dispose();
  const one = layerDrop({ count: 1, criterion: lastBlocks() });
  const { plan, report } = await run(repeat(4, () => one));
  expect(gone({ plan })).toEqual([4, 3, 2, 1].map(b => `b${b}_add1+b${b}_add2`));
  expect(report.stages.map(({ name }) => name)).toEqual(['dense', ...[1, 2, 3, 4].map(i => `dropped ${i}/4`)]);
});

describe('the plan', () => {
  const mixed = chain<Both>(
    thin,
    layerDrop({ count: 1, criterion: blockInfluence({ batches: 2 }) }),
    tune,
    layerDrop({ count: 1, criterion: randomBlocks(), granularity: 'branch' }),
    thin,
  );

  test('of units and blocks in turns is one of the original, and can be carried out on it', async () => {
    const untrained = chain<Both>(
      thin,
      layerDrop({ count: 1, criterion: blockInfluence({ batches: 2 }) }),
      layerDrop({ count: 1, criterion: randomBlocks(), granularity: 'branch' }),
      thin,
    );
    const { plan, hash, removed, report } = await run(untrained);
    expect(plan.blocks).toHaveLength(2);
    expect(plan.groups.some(group => group.removed.length > 0)).toBe(true);
    expect(plan.sites.every(({ layer }) => !plan.blocks!.some(({ layers }) => layers.includes(layer)))).toBe(true);
    expect(plan.cost!.after.parameters).toBe(report.after.parameters);
    const stored = parsePlan(JSON.parse(JSON.stringify(plan)));
    const again = await applyPlan(net, stored, { latency: false, keepRemoved: true });
    const small = await capture(again.model);
    again.model.dispose();
    expect(await hashOf(small)).toBe(hash);
    expect(again.plan.blocks).toEqual(plan.blocks);
    expect(again.plan.groups).toEqual(plan.groups);
    expect(again.report.certificates).toHaveLength(2);
    for (const taken of [removed, again.removed]) {
      expect(await hashOf(await restore(small, plan, taken!))).toBe(await hashOf(model));
    }
  });

  test('gives back what went, and leaves what was learnt since', async () => {
    const { plan, checkpoint, removed } = await run(mixed);
    const whole = await restore(checkpoint, plan, removed!);
    const dropped = plan.blocks!.flatMap(({ layers }) => layers).filter(path => model.weights.has(path));
    expect(dropped.length).toBeGreaterThan(5);
    expect([...whole.weights.keys()].sort()).toEqual([...model.weights.keys()].sort());
    for (const [path, arrays] of whole.weights) {
      expect(arrays.map(({ shape }) => shape)).toEqual(model.weights.get(path)!.map(({ shape }) => shape));
    }
    expect(whole.topology).toEqual(model.topology);
    // The first block to go was never trained after the run began.
    const first = plan.blocks![0].layers.filter(path => model.weights.has(path));
    for (const path of first) expect(whole.weights.get(path)).toEqual(model.weights.get(path));
    expect(whole.weights.get('head')).not.toEqual(model.weights.get('head'));
  });

  test('can be edited: units of what is left, and blocks by hand', async () => {
    const { plan } = await run(layerDrop({ count: 2, criterion: lastBlocks() }));
    const name = plan.groups.find(({ frozen, units }) => frozen === undefined && units === 9)!.name;
    const edited = await editPlan(net, plan, { [name]: [0, 3] });
    expect(edited.blocks).toEqual(plan.blocks);
    const { model: small, plan: done } = await applyPlan(net, edited, { latency: false });
    expect(small.getLayer(name).outputShape).toEqual([null, 4, 7]);
    expect(done.groups).toEqual(edited.groups);
    small.dispose();
    const fewer = await editPlan(net, { ...plan, blocks: plan.blocks!.slice(0, 1) }, {});
    // Groups of a block that stays were never in the plan: they keep all their units.
    expect(fewer.blocks).toHaveLength(1);
    expect(fewer.groups.length).toBeGreaterThan(plan.groups.length);
    const { model: deeper } = await applyPlan(net, fewer, { latency: false });
    expect(blocks(await capture(deeper)).branches).toHaveLength(6);
    deeper.dispose();
  });

  test.each<[string, (plan: Plan) => unknown, RegExp]>([
    ['a block that is none', plan => ({ ...plan, blocks: [{ ...plan.blocks![0], branches: ['b9'] }] }), /blocks as the model has them, got block/], // prettier-ignore
    [
      'a block twice',
      plan => ({ ...plan, blocks: [plan.blocks![0], plan.blocks![0]] }),
      /blocks as the model has them/,
    ],
    ['other layers', plan => ({ ...plan, blocks: [{ ...plan.blocks![0], layers: ['head'] }] }), /other layers than go with it/], // prettier-ignore
    ['blocks that are no list', plan => ({ ...plan, blocks: 3 }), /a list of blocks/],
    ['no blocks, but groups without theirs', plan => ({ ...plan, blocks: undefined, groups: [{ ...plan.groups[0], units: 1 }] }), /groups as the model has them/], // prettier-ignore
  ])('with %s is refused', async (_, change, message) => {
    const { plan } = await run(layerDrop({ count: 1, criterion: lastBlocks() }));
    const bad = change(plan) as Plan;
    const error = await rejection(compress(net, cut(bad), { latency: false }));
    expect(error.code).toBe('bad-plan');
    expect(error.message).toMatch(message);
  });

  test('is refused for restore without the layers', async () => {
    const { plan, checkpoint, removed } = await run(layerDrop({ count: 1, criterion: lastBlocks() }));
    const { layers, ...bare } = removed!;
    expect((await rejection(restore(checkpoint, plan, bare))).code).toBe('bad-plan');
    expect((await rejection(restore(model, plan, { ...bare, layers }))).code).toBe('bad-plan');
    const strange = new Map(layers).set('head', []);
    expect((await rejection(restore(checkpoint, plan, { ...bare, layers: strange }))).message).toContain('"head"');
  });

  test('lies beside the saved model, which tf.js reads', async () => {
    const folder = newFolder();
    const { model: small, plan, report } = await compress(net, layerDrop({ count: 2, criterion: lastBlocks() }), { data, latency: false }); // prettier-ignore
    await saveLayersModel(small, folder, { plan });
    const loaded = await loadLayersModel(folder);
    expect(await hashOf(await capture(loaded))).toBe(await hashOf(await capture(small)));
    expect(await readPlanFile(folder)).toEqual(JSON.parse(JSON.stringify(plan)));
    expect(loaded.countParams()).toBe(report.after.parameters);
    [small, loaded].forEach(each => each.dispose());
  });
});

describe('runs', () => {
  const method = chain<Both>(
    layerDrop({ count: 1, criterion: lossIncrease({ batches: 2 }) }),
    fineTune({ epochs: 1, carry: true }),
    layerDrop({ count: 1, criterion: blockInfluence({ batches: 2 }) }),
    fineTune({ epochs: 1, carry: true }),
    distill({ epochs: 1 }),
  );

  test('of one seed give the same bytes, and leak nothing', async () => {
    const [first, second] = [await withoutLeak(() => run(method)), await run(method)];
    expect(second.hash).toBe(first.hash);
    expect(JSON.stringify(second.plan)).toBe(JSON.stringify(first.plan));
    const chance = layerDrop({ count: 2, criterion: randomBlocks() });
    const drawn = await Promise.all([0, 1, 2, 3, 4, 5].map(seed => run(chance, { seed }).then(gone)));
    expect(new Set(drawn.map(String)).size).toBeGreaterThan(2);
  });

  test('that were stopped go on, and a run with other options is refused', async () => {
    const whole = await run(method);
    const { store, failAfter } = memoryStore();
    failAfter(3);
    await expect(run(method, { resume: store })).rejects.toThrow('the power went');
    failAfter(Infinity);
    const logs: string[] = [];
    const resumed = await run(method, { resume: store, log: line => logs.push(line) });
    expect(logs.join()).toContain('done by the run that was stopped');
    expect(resumed.hash).toBe(whole.hash);
    expect(resumed.plan).toEqual(whole.plan);
    expect(await hashOf(await restore(resumed.checkpoint, resumed.plan, resumed.removed!))).toBe(await hashOf(await restore(whole.checkpoint, whole.plan, whole.removed!))); // prettier-ignore
    const { store: other } = memoryStore();
    await run(layerDrop({ count: 1, criterion: lossIncrease({ batches: 2 }) }), { resume: other });
    const error = await rejection(run(layerDrop({ count: 1, criterion: lossIncrease({ batches: 3 }) }), { resume: other })); // prettier-ignore
    expect(error.code).toBe('bad-option');
  });

  test('tell their progress, and can be aborted between removals', async () => {
    const events: Progress[] = [];
    const stop = new AbortController();
    const progress = (event: Progress): void => {
      events.push(event);
      if (event.stage === 'drop blocks' && event.done === 2) stop.abort();
    };
    const before = tf.memory().numTensors;
    const error = await rejection(run(layerDrop({ count: 3, criterion: lastBlocks(), rescore: true }), { progress, signal: stop.signal })); // prettier-ignore
    expect(error.code).toBe('aborted');
    expect(tf.memory().numTensors).toBe(before);
    expect(events.filter(({ stage }) => stage === 'drop blocks').map(({ done, total }) => [done, total])).toEqual([[1, 3], [2, 3]]); // prettier-ignore
    expect(events[0].detail).toMatch(/^b4_add1\+b4_add2, score -3/);
  });

  test('are taken back by a guard', async () => {
    const guarded = await run(guard<Both>(layerDrop({ count: 4, criterion: lastBlocks() }), { maxLoss: 0 }));
    expect(guarded.plan.blocks).toBeUndefined();
    expect(guarded.report.blocks).toBeUndefined();
    expect(guarded.hash).toBe(await hashOf(model));
    expect(guarded.report.undone).toHaveLength(1);
  });
});

describe('refusals', () => {
  const drop = (options: object) => layerDrop({ criterion: lastBlocks(), ...options });

  test.each([
    [{ ratio: 1 }, 'bad-ratio', /For 1 % write/],
    [{ ratio: -0.1 }, 'bad-ratio', /ratio in \[0, 1\)/],
    [{}, 'bad-option', /ratio or count, got neither/],
    [{ ratio: 0.5, count: 1 }, 'bad-option', /got both/],
    [{ count: 0 }, 'bad-option', /count/],
    [{ count: 1, granularity: 'layer' }, 'bad-option', /block, branch/],
  ])('%j', (options, code, message) => {
    const error = refusal(() => drop(options));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  test.each<[string, StreamName, object, string, RegExp]>([
    ['more than there are', 'residual', { count: 4 }, 'bad-option', /count of at most 3/],
    [
      'a name that is no block',
      'residual',
      { count: 1, protect: ['i9'] },
      'bad-option',
      /such as i1_add, i2_add.*got "i9"/,
    ],
    ['everything protected', 'preNorm', { count: 1, protect: [1, 2, 3].map(b => `b${b}_add1`) }, 'no-groups', /protected ones only/], // prettier-ignore
    ['an input that nothing would read', 'sideInput', { count: 2 }, 'bad-option', /"b1_add" would leave input "side" that nothing reads/], // prettier-ignore
  ])('%s', async (_, name, options, code, message) => {
    const other = streamNet(name);
    const error = await rejection(compress(other, drop(options), { latency: false }));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
    other.dispose();
  });

  test('a model without blocks, with what is in the way', async () => {
    const other = streamNet('residual');
    const { model: plain, plan } = await compress(other, drop({ count: 3 }), { latency: false });
    expect(plan.blocks).toHaveLength(3);
    const error = await rejection(compress(plain, drop({ count: 1 }), { latency: false }));
    expect(error).toMatchObject({ code: 'no-groups', message: expect.stringMatching(/"p_add": neither of its inputs/) as string }); // prettier-ignore
    [other, plain].forEach(each => each.dispose());
  });

  test('scores that are none', async () => {
    for (const score of [() => Promise.resolve([NaN, 1, 1, 1]), () => Promise.resolve([1])]) {
      const error = await rejection(run(layerDrop({ count: 1, criterion: { ...lastBlocks(), score } })));
      expect(error).toMatchObject({ code: 'bad-weights', message: expect.stringContaining('4 scores that are numbers') as string }); // prettier-ignore
    }
  });

  test('repair of what lost blocks', async () => {
    const error = await rejection(run(repair(layerDrop({ count: 1, criterion: lastBlocks() }))));
    expect(error).toMatchObject({ code: 'bad-option', message: expect.stringContaining('removes units only') as string }); // prettier-ignore
    const { plan } = await run(chain<Both>(repair(thin), layerDrop({ count: 1, criterion: lastBlocks() })));
    expect(gone({ plan })).toEqual(['b4_add1+b4_add2']);
  });
});
