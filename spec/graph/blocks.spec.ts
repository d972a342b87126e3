/** Which sums end residual branches, which branches form blocks, and what is none. */
import '@tensorflow/tfjs-backend-cpu';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { blocks } from '../../lib/graph/blocks';
import { capture } from '../../lib/runtime/capture';
import { preNorm, streamNet, STREAM_NAMES, unfitNets, type StreamName } from '../zoo/streams';
import { NETS, NET_NAMES } from '../zoo/nets';
import { checkpoint, functional, input, layer } from '../zoo/topology';

async function captured(net: LayersModel): Promise<Checkpoint> {
  try {
    return await capture(net);
  } finally {
    net.dispose();
  }
}

/** By hand: the blocks of each net, and the sums that are none. */
const EXPECTED: Readonly<
  Record<StreamName, { readonly blocks: readonly string[]; readonly unfit?: readonly string[] }>
> = {
  preNorm: { blocks: ['b1_add1+b1_add2', 'b2_add1+b2_add2', 'b3_add1+b3_add2'] },
  postNorm: { blocks: ['b1_add1+b1_add2', 'b2_add1+b2_add2', 'b3_add1+b3_add2'] },
  residual: { blocks: ['i1_add', 'i2_add', 'i3_add'], unfit: ['p_add'] },
  preActivation: { blocks: ['b1_add', 'b2_add', 'b3_add'] },
  shared: { blocks: ['b1_add', 'b2_add', 'b3_add'] },
  sharedOutside: { blocks: ['add'] },
  nested: { blocks: ['b1/t_add1+b1/t_add2', 'b2/t_add1+b2/t_add2'] },
  nestedTwice: { blocks: ['encoder/b1_add1+encoder/b1_add2', 'encoder/b2_add1+encoder/b2_add2'] },
  // A pattern that shows once is none, and the norm behind it belongs to the model around.
  insideSequential: { blocks: ['encoder/t_add1', 'encoder/t_add2'] },
  sideInput: { blocks: ['b1_add', 'b2_add'] },
  within: { blocks: ['inner', 'outer'] },
  bare: { blocks: ['b1_add1+b1_add2', 'b2_add1+b2_add2'] },
  bareNorm: { blocks: ['b1_add1+b1_add2', 'b2_add1+b2_add2'] },
};

test.each(STREAM_NAMES)('%s has the blocks written by hand', async name => {
  const found = blocks(await captured(streamNet(name)));
  expect(found.blocks.map(block => block.name).sort()).toEqual([...EXPECTED[name].blocks].sort());
  expect(found.unfit.map(one => one.name)).toEqual(EXPECTED[name].unfit ?? []);
  const branches = found.blocks.flatMap(block => block.branches);
  expect(found.branches.map(({ name }) => name).sort()).toEqual(branches.map(({ name }) => name).sort());
});

test.each(Object.entries(unfitNets))('%s is no block, with the reason', async (_, { net, reason }) => {
  const { blocks: found, unfit } = blocks(await captured(net()));
  expect(found).toEqual([]);
  expect(unfit).toEqual([{ name: 'add', reason: expect.stringMatching(reason) as string }]);
});

test('a branch lists its layers, its stream and what holds it', async () => {
  const { branches } = blocks(await captured(streamNet('within')));
  const [inner, outer] = branches.flatMap(block => block.branches);
  expect(inner).toEqual({ name: 'inner', stream: 0, layers: ['b', 'inner'], inside: 'outer' });
  expect(outer).toEqual({ name: 'outer', stream: 0, layers: ['a', 'b', 'inner', 'c', 'outer'] });
  const image = blocks(await captured(streamNet('residual'))).branches[0].branches[0];
  expect(image.stream).toBe(1);
  expect(image.layers).toEqual(['i1_a', 'i1_bn1', 'i1_r1', 'i1_b', 'i1_bn2', 'i1_add']);
});

test('a norm goes with its branch in a post-norm stream only', async () => {
  const norms = async (name: StreamName) =>
    blocks(await captured(streamNet(name))).branches.map(({ branches: [{ norm }] }) => norm);
  expect(await norms('postNorm')).toEqual([1, 2, 3].flatMap(b => [`b${b}_norm1`, `b${b}_norm2`]));
  expect(await norms('bareNorm')).toEqual([1, 2].flatMap(b => [`b${b}_norm1`, `b${b}_norm2`]));
  for (const name of ['preNorm', 'nested', 'insideSequential', 'bare'] as const) {
    expect((await norms(name)).every(norm => norm === undefined)).toBe(true);
  }
});

test('blocks come in the order in which they run, however the config lists them', async () => {
  const { topology, weights } = await captured(preNorm(4));
  const layers = [...topology.config.layers].reverse();
  const turned = { topology: { ...topology, config: { ...topology.config, layers } }, weights };
  const names = ({ topology: t }: Checkpoint) => blocks({ topology: t, weights }).blocks.map(({ name }) => name);
  expect(names(turned)).toEqual(names({ topology, weights }));
  expect(names(turned)).toHaveLength(4);
});

test('every sum of the zoo is either a branch or has a reason', async () => {
  for (const name of NET_NAMES) {
    const model = await captured(NETS[name]());
    const found = blocks(model);
    for (const { reason } of found.unfit) expect(reason).toEqual(expect.any(String));
    const sums = JSON.stringify(model.topology).match(/"className":"Add"/g)?.length ?? 0;
    expect(found.branches.length + found.unfit.length).toBe(sums);
  }
});

test('a thousand blocks are found in no time to speak of', () => {
  const rows = Array.from({ length: 1000 }, (_, i) => {
    const from = i === 0 ? 'x' : `add${i - 1}`;
    return [layer('Dense', `d${i}`, { units: 2 }, [from]), layer('Add', `add${i}`, {}, [from, `d${i}`])];
  });
  const topology = functional([input('x', [2]), ...rows.flat()], ['add999']);
  const shapes = Object.fromEntries(rows.map((_, i) => [`d${i}`, [[2, 2], [2]]])); // prettier-ignore
  const begin = Date.now();
  expect(blocks(checkpoint(topology, shapes)).blocks).toHaveLength(1000);
  expect(Date.now() - begin).toBeLessThan(5000);
});
