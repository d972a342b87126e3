/** A block that is removed is a block that is skipped. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { relativeError, zeroAt, type NdArray } from '../../lib/core/array';
import { leaves, type Checkpoint } from '../../lib/core/checkpoint';
import { hashOf } from '../../lib/core/hash';
import { random } from '../../lib/core/random';
import { takeBlocks } from '../../lib/edit/blockPlan';
import { removalProblem, removeBlocks, removeBranches, skipBranches } from '../../lib/edit/remove';
import { blocks, type Block } from '../../lib/graph/blocks';
import { capture } from '../../lib/runtime/capture';
import { materialize } from '../../lib/runtime/materialize';
import { ownTransformer, type Recipe } from '../zoo/ownTransformer';
import { refusal } from '../zoo/refusal';
import { predictionsOf } from '../zoo/removal';
import { buildStream, streamRecipes } from '../zoo/randomStreams';
import { postNorm, streamNet, STREAM_NAMES, type StreamName } from '../zoo/streams';
import { probesOf } from '../zoo/weights';

interface Probed {
  readonly model: Checkpoint;
  readonly probes: tf.Tensor[];
}

async function probed(net: LayersModel): Promise<Probed> {
  const model = await capture(net);
  const probes = probesOf(net);
  net.dispose();
  return { model, probes };
}

/** Of several outputs the largest. */
function difference(a: Checkpoint, b: Checkpoint, probes: readonly tf.Tensor[]): number {
  const [first, second] = [a, b].map(model => predictionsOf(model, probes));
  expect(second).toHaveLength(first.length);
  return Math.max(...first.map((output, i) => relativeError(second[i], output)));
}

const pathsOf = ({ topology }: Checkpoint): string[] => leaves(topology).map(({ path }) => path);

/** With every weight of `layers` zero: a Dense, a convolution or a BatchNormalization then gives zero. */
function zeroed({ topology, weights }: Checkpoint, layers: readonly string[]): Checkpoint {
  const zero = (array: NdArray): NdArray => zeroAt(array, 0, [...new Array(array.shape[0]).keys()]);
  const cleared = layers.map(path => [path, weights.get(path)!.map(zero)] as const);
  return { topology, weights: new Map([...weights, ...cleared]) };
}

/** The last layer with weights of each branch. */
const LAST: Partial<Readonly<Record<StreamName, (branch: string) => string>>> = {
  preNorm: branch => branch.replace(/_add1$/, '_mixing_out').replace(/_add2$/, '_ffn_down'),
  nested: branch => branch.replace(/_add1$/, '_mixing_out').replace(/_add2$/, '_ffn_down'),
  nestedTwice: branch => branch.replace(/_add1$/, '_mixing_out').replace(/_add2$/, '_ffn_down'),
  bare: branch => branch.replace(/_add1$/, '_mixing_out').replace(/_add2$/, '_ffn_down'),
  residual: branch => branch.replace(/_add$/, '_bn2'),
  preActivation: branch => branch.replace(/_add$/, '_a'),
  sideInput: branch => branch.replace(/_add$/, '_out'),
  within: branch => (branch === 'inner' ? 'b' : 'c'),
};

test.each(Object.keys(LAST) as StreamName[])(
  '%s without a block equals the model whose branches end in zeros',
  async name => {
    const { model, probes } = await probed(streamNet(name));
    for (const block of free(model)) {
      const last = block.branches.map(branch => LAST[name]!(branch.name));
      const removed = removeBlocks(model, [block.name]);
      expect(difference(zeroed(model, last), removed, probes)).toBeLessThan(1e-6);
      expect(difference(model, removed, probes)).toBeGreaterThan(1e-3);
    }
    tf.dispose(probes);
  },
);

const free = (model: Checkpoint): readonly Block[] => {
  const { blocks: whole, branches } = blocks(model);
  return [...new Map([...whole, ...branches].map(block => [block.name, block])).values()];
};

test.each(STREAM_NAMES)('%s without any subset of its blocks equals the model that skips them', async name => {
  const { model, probes } = await probed(streamNet(name));
  const before = await hashOf(model);
  const { branches } = blocks(model);
  const { uniform } = random(1, name);
  for (let round = 0; round < 6; round++) {
    const gone = branches.filter(() => round === 0 || uniform() < 0.5).flatMap(block => block.branches);
    const names = gone.map(branch => branch.name);
    if (removalProblem(model, gone) !== undefined) continue;
    const removed = removeBlocks(model, names);
    expect(difference(skipBranches(model, gone), removed, probes)).toBeLessThan(1e-6);
    const stays = new Set(pathsOf(removed));
    for (const [path, arrays] of removed.weights) expect(arrays).toBe(model.weights.get(path));
    for (const path of pathsOf(model)) if (!stays.has(path)) expect(removed.weights.has(path)).toBe(false);
  }
  expect(await hashOf(model)).toBe(before);
  tf.dispose(probes);
});

test.each<[string, Partial<Recipe>, number]>([
  ['pre-norm', {}, 0],
  ['post-norm', { norm: 'layer', place: 'post', gated: false, tied: false, rotary: undefined, causal: false }, 6],
])('a %s transformer of our layers without a block equals the one that skips it', async (_, changes, behind) => {
  const { model, probes } = await probed(ownTransformer({ blocks: 3, ...changes }));
  const { blocks: whole, branches } = blocks(model);
  expect(whole).toHaveLength(3);
  expect(branches.flatMap(block => block.branches).filter(({ norm }) => norm !== undefined)).toHaveLength(behind);
  for (const block of whole) {
    const removed = removeBlocks(model, [block.name]);
    expect(difference(skipBranches(model, block.branches), removed, probes)).toBeLessThan(1e-6);
    expect(difference(model, removed, probes)).toBeGreaterThan(1e-3);
  }
  tf.dispose(probes);
});

test('a post-norm block goes with its norms: the stream passes both', async () => {
  const { model, probes } = await probed(streamNet('postNorm'));
  const removed = removeBlocks(model, ['b2_add1+b2_add2']);
  expect(pathsOf(removed)).toEqual(pathsOf(model).filter(path => !path.startsWith('b2_')));
  // A net of two blocks with the weights of the first and the third.
  const short = (await probed(postNorm(2))).model;
  const taken = [...short.weights.keys()].map(path => [path, model.weights.get(path.replace(/^b2_/, 'b3_'))!] as const);
  expect(difference({ ...short, weights: new Map(taken) }, removed, probes)).toBeLessThan(1e-6);
  tf.dispose(probes);
});

test('layers that other blocks call stay, and the last call takes them along', async () => {
  const { model } = await probed(streamNet('shared'));
  const one = removeBlocks(model, ['b2_add']);
  expect(pathsOf(one)).toEqual(pathsOf(model).filter(path => path !== 'b2_add'));
  const calls = (of: Checkpoint) => of.topology.config.layers.find(({ config }) => config.name === 'ffn_up')?.inboundNodes?.length; // prettier-ignore
  expect([calls(model), calls(one)]).toEqual([3, 2]);
  const none = removeBlocks(model, ['b1_add', 'b2_add', 'b3_add']);
  expect(pathsOf(none)).toEqual(['x', 'embed', 'mean', 'head']);
  const outside = removeBlocks((await probed(streamNet('sharedOutside'))).model, ['add']);
  expect(pathsOf(outside)).toContain('ffn_up');
  expect(pathsOf(outside)).not.toContain('ffn_down');
});

test('what only the branches needed is gone, unless it is an input', async () => {
  const { model } = await probed(streamNet('sideInput'));
  expect(pathsOf(removeBlocks(model, ['b1_add']))).toContain('see');
  const error = refusal(() => removeBlocks(model, ['b1_add', 'b2_add']));
  expect(error.code).toBe('bad-option');
  expect(error.message).toContain('input "side" that nothing reads');
});

test('outputs keep their names', async () => {
  for (const [name, outputs] of [
    ['bare', ['b1_add2', 'b2_add2']],
    ['bareNorm', ['b2_norm2']],
  ] as const) {
    // prettier-ignore
    const { model } = await probed(streamNet(name));
    const net = materialize(removeBlocks(model, blocks(model).blocks.map(block => block.name))); // prettier-ignore
    expect(net.outputNames).toEqual(outputs);
    expect(net.countParams()).toBe(name === 'bare' ? 0 : 12);
    net.dispose();
  }
});

test('what is left survives tf.js and leaks nothing', async () => {
  for (const name of STREAM_NAMES) {
    const { model, probes } = await probed(streamNet(name));
    const [{ name: first }] = blocks(model).blocks;
    const tensors = tf.memory().numTensors;
    const removed = removeBlocks(model, [first]);
    const net = materialize(removed);
    const again = await capture(net);
    net.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    expect(difference(removed, again, probes)).toBe(0);
    expect(new Set(pathsOf(again))).toEqual(new Set(pathsOf(removed)));
    tf.dispose(probes);
  }
});

test('names that are no block are refused, with the reason where there is one', async () => {
  const { model } = await probed(streamNet('residual'));
  const unknown = refusal(() => removeBlocks(model, ['i1_add', 'i9']));
  expect(unknown).toMatchObject({ code: 'bad-option' });
  expect(unknown.message).toMatch(/such as i1_add, i2_add, i3_add, got "i9"/);
  expect(refusal(() => removeBlocks(model, ['p_add'])).message).toContain('neither of its inputs is computed');
  const bare = { topology: removeBlocks(model, ['i1_add', 'i2_add', 'i3_add']).topology, weights: model.weights };
  expect(refusal(() => removeBlocks(bare, ['i1_add'])).message).toContain('a model with blocks');
});

test('random residual nets: removed is skipped', async () => {
  let [nets, gone, shared] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(streamRecipes(), fc.nat(), async (recipe, seed) => {
      const { model, probes } = await probed(buildStream(recipe));
      const { uniform } = random(seed, 'blocks');
      const chosen = blocks(model).branches.filter(() => uniform() < 0.6).flatMap(block => block.branches); // prettier-ignore
      const removed = removeBranches(model, chosen);
      expect(difference(skipBranches(model, chosen), removed, probes)).toBeLessThan(1e-5);
      const outer = chosen.filter(({ inside }) => !chosen.some(({ name }) => name === inside));
      const { model: turns, branches } = takeBlocks(model, outer.map(({ name }) => ({ name, branches: [name] }))); // prettier-ignore
      expect(difference(skipBranches(model, branches), turns, probes)).toBeLessThan(1e-5);
      expect(await hashOf(removeBlocks(model, outer.map(({ name }) => name)))).toBe(await hashOf(turns)); // prettier-ignore
      tf.dispose(probes);
      nets += 1;
      gone += chosen.length;
      shared += Number(pathsOf(model).some(path => path.startsWith('common')));
    }),
    { numRuns: 60, seed: 6 },
  );
  expect(nets).toBeGreaterThanOrEqual(60);
  expect(gone).toBeGreaterThan(60);
  expect(shared).toBeGreaterThan(5);
});
