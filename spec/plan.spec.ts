/** Plans as a user meets them: made, read, edited, carried out, stored, refused, and undone. */
import * as tf from '@tensorflow/tfjs-core';
import * as L from '@tensorflow/tfjs-layers';
import {
  applyPlan,
  capture,
  chain,
  compress,
  costOf,
  cut,
  editPlan,
  fineTune,
  formatPlan,
  magnitude,
  materialize,
  plan,
  prune,
  random,
  recalibrate,
  repeat,
  restore,
  slimModel,
  uniform,
  useBackend,
  type Criterion,
  type Data,
  type Plan,
  type PruneErrorCode,
} from 'tfjs-prune';
import type { Progress } from '../lib/core/context';
import { hashOf } from '../lib/core/hash';
import { composeSteps } from '../lib/edit/plan';
import { WASM } from './backend';
import { NETS } from './zoo/nets';
import { rejection } from './zoo/refusal';

const quiet = { latency: false } as const;
const half = { criterion: magnitude(), budget: uniform({ ratio: 0.5, minimum: 1 }) };

function examples(count: number): Data['train'] {
  const inputs = Float32Array.from({ length: count * 6 * 5 * 3 }, (_, i) => Math.sin(i));
  const targets = Float32Array.from({ length: count * 4 }, (_, i) => Math.cos(i));
  return {
    inputs: { shape: [count, 6, 5, 3], dtype: 'float32', data: inputs },
    targets: { shape: [count, 4], dtype: 'float32', data: targets },
  };
}
const data: Data = { train: examples(32) };

/** Scores units by what the training data says: their position times the first value of it. */
const byData: Criterion<'data'> = {
  name: 'by data',
  needs: ['data'],
  score: (groups, _model, context) => {
    const slope = 1 + context.data.train.inputs[0].data[1];
    return Promise.resolve(groups.map(({ units }) => ({ values: Float64Array.from(units.keys(), i => i * slope) })));
  },
};

let net: L.LayersModel;
let made: Plan;

beforeAll(async () => {
  await useBackend(WASM);
  net = NETS.residual();
  made = await plan(net, half);
});
afterAll(() => net.dispose());

const groupOf = (of: Plan, name: string): Plan['groups'][number] => of.groups.find(group => group.name === name)!;
const changed = (of: Plan, name: string, entries: object): Plan => ({
  ...of,
  groups: of.groups.map(group => (group.name === name ? { ...group, ...entries } : group)),
});
const hashOfModel = async (model: L.LayersModel): Promise<string> => hashOf(await capture(model));

describe('plan', () => {
  test('says what would go, why it goes together, what it saves, and what stays', async () => {
    const [x, stem, a, head] = made.groups;
    expect([x, stem, a, head].map(({ name }) => name)).toEqual(['x', 'stem', 'a', 'head']);
    expect(stem).toMatchObject({ kind: 'channels', units: 6 });
    expect(stem.removed).toHaveLength(3);
    expect(stem.reasons).toContain('"add" (Add) ties them position by position');
    expect(stem.coupled!.filter(({ role }) => role === 'makes').map(({ layer }) => layer)).toEqual(['stem', 'stem', 'b', 'b']); // prettier-ignore
    expect([x.frozen, head.frozen, stem.frozen]).toEqual(['model input', 'model output', undefined]);
    // 3 of 6 channels of stem and b (3x3 on 3 and 4 inputs), of two norms, and of what a and head read.
    const weights = 3 * (27 + 1 + 36 + 1 + 4 + 4) + 3 * (9 * 4 + 4);
    expect(stem.savings).toEqual({ parameters: weights, macs: 3 * 30 * (27 + 36 + 36) + 3 * 4, bytes: 4 * weights });
    expect(made.cost!.before).toMatchObject({ parameters: costOf(await capture(net)).parameters });
    expect(formatPlan(made)).toContain('stem: 3 of 6 channels stay');
  });

  test('leaves the model alone, and gives the same for the same seed', async () => {
    const before = await hashOfModel(net);
    const { numTensors } = tf.memory();
    const [one, same, other] = await Promise.all(
      [1, 1, 2].map(seed => plan(net, { ...half, criterion: random(), seed })),
    );
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(await hashOfModel(net)).toBe(before);
    expect(same).toEqual(one);
    expect(other.sites).not.toEqual(one.sites);
  });

  test('gives data to a criterion that asks for it, and tells its progress', async () => {
    const scored: Progress[] = [];
    const progress = (event: Progress): void => void scored.push(event);
    const told = await plan(net, { ...half, criterion: byData, data, progress });
    expect(scored).toEqual([{ stage: 'score by data', done: 2, total: 2 }]);
    expect(groupOf(told, 'a').removed).toEqual([0, 1]);
    expect(told.method).toBe('prune(by data)');
    const pruned = await compress(net, prune({ ...half, criterion: byData }), { data, ...quiet });
    expect(pruned.plan).toEqual(told);
    pruned.model.dispose();
  });

  test('honours groups and protect', async () => {
    const told = await plan(net, { ...half, protect: ['bn1'] });
    expect(told.groups.map(({ removed }) => removed.length)).toEqual([0, 3, 0, 0]);
    const picked = await plan(net, { ...half, groups: ({ name }) => name === 'a' });
    expect(picked.groups.map(({ removed }) => removed.length)).toEqual([0, 0, 2, 0]);
  });

  test('refuses as prune does', async () => {
    expect((await rejection(plan(net, { ...half, protect: ['nonesuch'] }))).code).toBe('bad-option');
    expect((await rejection(plan(net, { ...half, groups: () => false }))).code).toBe('no-groups');
    const empty = (scored: readonly { group: { name: string } }[]) =>
      new Map(scored.map(({ group }) => [group.name, []]));
    expect((await rejection(plan(net, { ...half, budget: empty }))).code).toBe('empty-group');
    const shy = { train: { ...examples(4), inputs: [] } } as Data;
    expect((await rejection(plan(net, { ...half, data: shy }))).code).toBe('bad-data');
  });
});

describe('editPlan', () => {
  test('gives the plan of the other removals, sites, savings and all', async () => {
    const before = structuredClone(made);
    const edited = await editPlan(net, made, { a: [3], stem: [5, 0] });
    expect(made).toEqual(before);
    expect(edited.groups.map(({ removed }) => removed)).toEqual([[], [0, 5], [3], []]);
    expect(edited.sites.find(({ layer, weight, axis }) => layer === 'b' && weight === 0 && axis === 2)!.kept).toEqual([0, 1, 2]); // prettier-ignore
    const { model, report, plan: told } = await applyPlan(net, edited, quiet);
    expect(told).toEqual(edited);
    expect(edited.cost!.after.parameters).toBe(report.after.parameters);
    expect(model.getLayer('a').getWeights()[0].shape).toEqual([3, 3, 4, 3]);
    model.dispose();
  });

  test('there and back is nothing', async () => {
    const edited = await editPlan(net, made, { a: [] });
    expect(groupOf(edited, 'a').savings).toEqual({ parameters: 0, macs: 0, bytes: 0 });
    expect(await editPlan(net, edited, { a: groupOf(made, 'a').removed })).toEqual(made);
  });

  test('brings a plan in order that was changed by hand', async () => {
    const byHand = changed(made, 'a', { removed: [0] });
    expect((await rejection(applyPlan(net, byHand, quiet))).message).toContain('editPlan(model, plan, {})');
    expect(await editPlan(net, byHand, {})).toEqual(await editPlan(net, made, { a: [0] }));
  });

  test.each<[string, Record<string, number[]>, PruneErrorCode, string]>([
    ['a group that is not there', { nonesuch: [0] }, 'bad-plan', 'such as stem, a, got nonesuch'],
    ['an index out of range', { a: [4] }, 'bad-plan', '"a" has no unit 4 (0 to 3)'],
    ['an index twice', { a: [1, 1] }, 'bad-plan', '"a" removes unit 1 twice'],
    ['a frozen group', { head: [0] }, 'bad-plan', '"head" is frozen (model output)'],
    ['all units', { a: [0, 1, 2, 3] }, 'empty-group', 'layer "a"'],
  ])('refuses %s', async (_, edits, code, message) => {
    const error = await rejection(editPlan(net, made, edits));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/^.+: expected .+, got .+\. .+\.$/);
  });
});

describe('applyPlan', () => {
  test('does not care for the order of groups, of sites and of indices', async () => {
    const backwards: Plan = {
      ...made,
      groups: made.groups.map(group => ({ ...group, removed: [...group.removed].reverse() })).reverse(),
      sites: [...made.sites].reverse(),
    };
    const hashes = await Promise.all(
      [made, backwards].map(async given => {
        const { model } = await applyPlan(net, given, quiet);
        const hash = await hashOfModel(model);
        model.dispose();
        return hash;
      }),
    );
    expect(hashes[1]).toBe(hashes[0]);
  });

  test('of a plan, and then of a plan of what is left, is applyPlan of both as one', async () => {
    const first = await applyPlan(net, made, quiet);
    const next = await plan(first.model, { ...half, criterion: random(), seed: 4 });
    const second = await applyPlan(first.model, next, quiet);
    const both: Plan = { ...made, ...composeSteps([made, next]) };
    const once = await applyPlan(net, both, quiet);
    expect(await hashOfModel(once.model)).toBe(await hashOfModel(second.model));
    for (const { model } of [first, second, once]) model.dispose();
  });

  test('a plan that removes nothing gives the model itself', async () => {
    const nothing = await editPlan(net, made, { stem: [], a: [] });
    expect(nothing.sites).toEqual([]);
    const { model } = await applyPlan(net, nothing, quiet);
    expect(await hashOfModel(model)).toBe(made.source.sha256);
    model.dispose();
  });

  test('a plan outlives its model: both stored, both loaded, by tf.js and JSON', async () => {
    let stored: tf.io.ModelArtifacts | undefined;
    await net.save({
      save: artifacts => {
        stored = artifacts;
        return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const } });
      },
    });
    const loaded = await L.loadLayersModel({ load: () => Promise.resolve(stored!) });
    const { model, report } = await applyPlan(loaded, JSON.parse(JSON.stringify(made)), quiet);
    expect(report.after.parameters).toBe(made.cost!.after.parameters);
    for (const each of [model, loaded]) each.dispose();
  });

  test.each<[string, (given: Plan) => Plan, string]>([
    ['a plan of other weights', given => ({ ...given, source: { sha256: '0'.repeat(64) } }), 'another model'],
    ['a group that is not there', given => changed(given, 'a', { name: 'c' }), '"c" is not in the model'],
    ['an index out of range', given => changed(given, 'a', { removed: [9] }), '"a" has no unit 9'],
    ['an index twice', given => changed(given, 'a', { removed: [0, 0] }), '"a" removes unit 0 twice'],
    ['a frozen group', given => changed(given, 'head', { removed: [0] }), '"head" is frozen (model output)'],
    ['other removals than the sites say', given => changed(given, 'a', { removed: [] }), 'loses nothing'],
    ['no sites', given => ({ ...given, sites: [] }), 'is missing'],
  ])('refuses %s, and leaves nothing behind', async (_, change, message) => {
    const { numTensors } = tf.memory();
    const error = await rejection(applyPlan(net, change(made), quiet));
    expect(error.code).toBe('bad-plan');
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/^.+: expected .+, got .+\. .+\.$/);
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  test('refuses the plan of another model', async () => {
    const other = NETS.denseBlock();
    expect((await rejection(applyPlan(other, made, quiet))).message).toContain('another model');
    other.dispose();
  });
});

test('cut is a step: a plan can be trained after, on data', async () => {
  const method = chain(cut(made), recalibrate(), fineTune({ epochs: 1, batchSize: 16 }));
  const { model, report, plan: told } = await compress(net, method, { data, ...quiet });
  expect(told.sites).toEqual(made.sites);
  expect(report.stages.map(({ name }) => name)).toEqual(['dense', 'pruned', 'recalibrated', 'fine-tuned']);
  model.dispose();
});

describe('restore', () => {
  test('after training gives what was learnt where it stayed and what was removed where it was', async () => {
    const method = chain(prune(half), fineTune({ epochs: 2, batchSize: 16, learningRate: 0.05 }));
    const { model, plan: told, removed } = await compress(net, method, { data, keepRemoved: true, ...quiet });
    const [original, small] = await Promise.all([net, model].map(capture));
    const restored = await restore(model, told, removed);
    expect(restored.topology).toEqual(original.topology);
    const kept = told.sites.find(({ layer, axis }) => layer === 'stem' && axis === 3)!.kept;
    const [was, is, now] = [original, restored, small].map(({ weights }) => weights.get('stem')![0].data);
    expect(kept.length).toBe(3);
    is.forEach((value, i) => {
      const [channel, place] = [i % 6, Math.floor(i / 6)];
      expect(value).toBe(kept.includes(channel) ? now[place * 3 + kept.indexOf(channel)] : was[i]);
    });
    expect(Array.from(now)).not.toEqual(Array.from(was).filter((_, i) => kept.includes(i % 6)));
    const whole = materialize(restored);
    expect(whole.predict(tf.zeros([1, 6, 5, 3]))).toMatchObject({ shape: [1, 4] });
    for (const each of [model, whole]) each.dispose();
  });

  test('over several cuts with training between gives a whole model again', async () => {
    const method = repeat(2, () =>
      chain(prune({ ...half, budget: uniform({ ratio: 0.3, minimum: 1 }) }), fineTune({ epochs: 1, batchSize: 16 })),
    );
    const { model, plan: told, removed } = await compress(net, method, { data, keepRemoved: true, ...quiet });
    expect(removed.slices).toHaveLength(told.sites.length);
    const restored = await restore(model, told, removed);
    expect(costOf(restored)).toEqual(costOf(await capture(net)));
    // Cut again as before, it is the small model.
    const whole = materialize(restored);
    const again = await applyPlan(whole, { ...told, source: { sha256: await hashOf(restored) } }, quiet);
    expect(await hashOfModel(again.model)).toBe(await hashOfModel(model));
    for (const each of [model, whole, again.model]) each.dispose();
  });

  test('without keepRemoved nothing is kept', async () => {
    const result = await applyPlan(net, made, quiet);
    expect(result).not.toHaveProperty('removed');
    result.model.dispose();
  });

  test('refuses the removed slices of another run', async () => {
    const [one, other] = [made, await editPlan(net, made, { a: [0] })];
    const { model, removed } = await applyPlan(net, one, { keepRemoved: true, ...quiet });
    expect((await rejection(restore(model, other, removed))).code).toBe('bad-plan');
    expect((await rejection(restore(net, one, removed))).code).toBe('bad-plan');
    model.dispose();
  });

  test('a model with wrappers is planned, cut and restored in stock layers', async () => {
    const wrapped = await slimModel(net, { l1: 1e-3 });
    expect(await plan(wrapped, half)).toEqual(made);
    const { model, plan: told, removed } = await applyPlan(wrapped, made, { keepRemoved: true, ...quiet });
    expect(await hashOf(await restore(model, told, removed))).toBe(made.source.sha256);
    for (const each of [wrapped, model]) each.dispose();
  });
});
