/** Why sites go together, in words, for nets of the zoo. */
import '@tensorflow/tfjs-backend-cpu';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { groupsOf } from '../../lib/graph/group';
import { reasonsOf } from '../../lib/graph/reasons';
import { trace } from '../../lib/graph/trace';
import { defineRule } from '../../lib/rules';
import { coupleCalls, passThrough, type LayerRule } from '../../lib/rules/rule';
import { capture } from '../../lib/runtime/capture';
import { NETS, NET_NAMES } from '../zoo/nets';
import { checkpoint, functional, input, layer } from '../zoo/topology';

function reasonsIn(model: Checkpoint): Record<string, readonly string[]> {
  const traced = trace(model);
  const all = groupsOf(traced);
  const reasons = reasonsOf(model, traced, all);
  expect(reasons).toHaveLength(all.length);
  return Object.fromEntries(all.map(({ name }, i) => [name, reasons[i]]));
}

async function captured(name: string): Promise<Checkpoint> {
  const net = NETS[name]();
  try {
    return await capture(net);
  } finally {
    net.dispose();
  }
}

describe('by hand', () => {
  const cases: Record<string, Record<string, string[]>> = {
    residual: {
      x: [],
      stem: [
        '"add" (Add) ties them position by position',
        '"bn0" (BatchNormalization) scales them one to one',
        '"bn2" (BatchNormalization) scales them one to one',
      ],
      a: ['"bn1" (BatchNormalization) scales them one to one'],
    },
    addChain: {
      stem: ['add1', 'add2', 'add3'].map(name => `"${name}" (Add) ties them position by position`),
    },
    addToItself: { a: ['"head" (Dense) reads what "a" (Conv2D) makes'] },
    // One group on each side of the concatenation: the sum ties both.
    concatAdd: {
      a: ['"add" (Add) ties them position by position'],
      b: ['"add" (Add) ties them position by position'],
      d: ['"head" (Dense) reads what "d" (Conv2D) makes'],
    },
    concatRows: {
      a: ['"rows" (Concatenate) ties them position by position'],
      c: ['"head" (Dense) reads each at 60 positions'],
    },
    sequential: {
      conv: ['"bn" (BatchNormalization) scales them one to one', '"hidden" (Dense) reads each at 6 positions'],
      hidden: ['"head" (Dense) reads what "hidden" (Dense) makes'],
    },
    depthwise1: {
      a: ['"wise" (DepthwiseConv2D) keeps them one to one', '"bn" (BatchNormalization) scales them one to one'],
    },
    depthwise2: {
      a: [
        '"wise" (DepthwiseConv2D) keeps them one to one',
        '"wise" (DepthwiseConv2D) keeps each at 2 positions',
        '"bn" (BatchNormalization) scales each at 2 positions',
        '"b" (Conv2D) reads each at 2 positions',
      ],
    },
    sharedReader: { a: ['the calls of shared layer "shared" use one kernel'] },
    sharedOnTwoSizes: {
      shared: [
        'the calls of shared layer "shared" use one kernel',
        'the calls of shared layer "bn" use one gamma',
        '"bn" (BatchNormalization) scales them one to one',
        '"head" (Dense) reads each at 2 positions',
      ],
    },
    nestedFunctionalTwice: { conv: ['the calls of shared layer "block/conv" use one kernel'] },
    extremes: {
      a: ['"max" (Maximum)', '"min" (Minimum)', '"average" (Average)'].map(
        by => `${by} ties them position by position`,
      ),
    },
  };

  test.each(Object.entries(cases))('%s', async (name, expected) => {
    expect(reasonsIn(await captured(name))).toMatchObject(expected);
  });
});

describe('whatever the net', () => {
  test.each(NET_NAMES)('%s: every group that can go has reasons, each said once', async name => {
    const model = await captured(name);
    const reasons = reasonsIn(model);
    for (const group of groupsOf(trace(model))) {
      const own = reasons[group.name];
      expect(new Set(own).size).toBe(own.length);
      if (group.frozen === undefined) expect(own.length).toBeGreaterThan(0);
      // A group made by several layers is tied by something other than a reader.
      const makers = new Set(group.sites.filter(({ role }) => role === 'makes').map(({ layer: path }) => path));
      if (makers.size > 1) expect(own.join()).toMatch(/ties them position by position|the calls of shared layer/);
    }
  });
});

/** Its config lists what stays, so that all of its calls must lose the same. */
const listing: LayerRule = defineRule({
  className: 'SpecListing',
  understands: [],
  trace: call => ({ outputs: [{ ...call.inputs[0], width: coupleCalls(call, call.inputs[0].width) }] }),
});
defineRule(passThrough('SpecPass'));

describe('a layer without weights that couples its calls', () => {
  const net = (...calls: string[][]): Checkpoint => {
    const topology = functional(
      [
        input('x', [2]),
        layer('Dense', 'a', { units: 3 }, ['x']),
        layer('Dense', 'b', { units: 3 }, ['x']),
        layer(listing.className, 'list', {}, ...calls),
        layer('SpecPass', 'pass', {}, ['list'], ['b']),
        layer('Dense', 'head', { units: 1 }, ['pass']),
        layer('Dense', 'other', { units: 1 }, ['b']),
      ],
      ['head', 'other'],
    );
    const dense = (from: number, to: number): number[][] => [[from, to], [to]];
    return checkpoint(topology, { a: dense(2, 3), b: dense(2, 3), head: dense(3, 1), other: dense(3, 1) });
  };

  test('says nothing when it is called once, nor does a layer that only passes on', () => {
    const { a, b } = reasonsIn(net(['a']));
    expect(a).toEqual(['"head" (Dense) reads what "a" (Dense) makes']);
    expect(b).toEqual(['"other" (Dense) reads what "b" (Dense) makes']);
  });

  test('is the reason when it is called twice', () => {
    const { a } = reasonsIn(net(['a'], ['b']));
    expect(a).toEqual(['the calls of shared layer "list" have one config']);
  });
});
