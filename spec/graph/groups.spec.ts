/** Exact groups of the zoo, written by hand: what must go together, and where it sits. */
import '@tensorflow/tfjs-backend-cpu';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { groups, membersAt, type Group } from '../../lib/graph/group';
import { capture } from '../../lib/runtime/capture';
import { NETS, NET_NAMES } from '../zoo/nets';

async function captured(name: string): Promise<Checkpoint> {
  const net = NETS[name]();
  try {
    return await capture(net);
  } finally {
    net.dispose();
  }
}

async function groupsIn(name: string): Promise<readonly Group[]> {
  return groups(await captured(name));
}

const sitesOf = ({ sites }: Group): string[] =>
  sites.map(({ layer, weight, axis, role, parameter }) => `${role} ${layer}.${weight}.${axis} ${parameter}`);
const bn = (name: string): string[] =>
  ['gamma', 'beta', 'mean', 'variance'].map((parameter, i) => `scales ${name}.${i}.0 ${parameter}`);
const conv = (name: string): string[] => [`makes ${name}.0.3 kernel`, `makes ${name}.1.0 bias`];
const dense = (name: string): string[] => [`makes ${name}.0.1 kernel`, `makes ${name}.1.0 bias`];
const reads = (...names: string[]): string[] => names.map(name => `reads ${name}.0.2 kernel`);
const readsDense = (...names: string[]): string[] => names.map(name => `reads ${name}.0.0 kernel`);

describe('every site of every group', () => {
  type Expected = Record<string, [number, string[]]>;
  const cases: Record<string, Expected> = {
    sequential: {
      input: [3, reads('conv')],
      conv: [8, [...conv('conv'), ...bn('bn'), ...readsDense('hidden')]],
      hidden: [7, [...dense('hidden'), ...readsDense('head')]],
      head: [4, dense('head')],
    },
    flattenUnpooled: {
      x: [3, reads('a')],
      a: [4, [...conv('a'), ...bn('bn'), 'scales prelu.0.0 alpha', ...readsDense('head')]],
      head: [3, dense('head')],
    },
    prelu: {
      x: [3, reads('a')],
      a: [5, [...conv('a'), 'scales own.0.2 alpha', ...reads('b')]],
      b: [4, [...conv('b'), 'scales shared.0.2 alpha', ...readsDense('head')]],
      head: [4, dense('head')],
    },
    batchNormParts: {
      x: [3, reads('a')],
      a: [
        5,
        [
          ...conv('a'),
          ...['scales noScale.0.0 beta', 'scales noScale.1.0 mean', 'scales noScale.2.0 variance'],
          ...reads('b'),
        ],
      ],
      b: [
        6,
        [
          'makes b.0.3 kernel',
          ...['scales noCenter.0.0 gamma', 'scales noCenter.1.0 mean', 'scales noCenter.2.0 variance'],
          ...readsDense('head'),
        ],
      ],
      head: [4, dense('head')],
    },
    residual: {
      x: [3, reads('stem')],
      stem: [6, [...conv('stem'), ...bn('bn0'), ...reads('a'), ...conv('b'), ...bn('bn2'), ...readsDense('head')]],
      a: [4, [...conv('a'), ...bn('bn1'), ...reads('b')]],
      head: [4, dense('head')],
    },
    concatAdd: {
      x: [3, reads('a', 'b', 'c')],
      a: [3, [...conv('a'), ...conv('c'), ...reads('d')]],
      b: [4, [...conv('b'), ...conv('c'), ...reads('d')]],
      d: [4, [...conv('d'), ...readsDense('head')]],
      head: [4, dense('head')],
    },
    depthwise2: {
      x: [3, reads('a')],
      a: [4, [...conv('a'), 'scales wise.0.2 depthwiseKernel', 'scales wise.1.0 bias', ...bn('bn'), ...reads('b')]],
      b: [5, [...conv('b'), ...readsDense('head')]],
      head: [4, dense('head')],
    },
    separable: {
      x: [3, ['scales a.0.2 depthwiseKernel', 'reads a.1.2 kernel']],
      a: [
        6,
        ['makes a.1.3 kernel', 'makes a.2.0 bias', ...bn('bn'), 'scales b.0.2 depthwiseKernel', 'reads b.1.2 kernel'],
      ],
      b: [5, ['makes b.1.3 kernel', ...readsDense('head')]],
      head: [3, dense('head')],
    },
    sharedLayer: {
      x: [3, reads('a')],
      a: [5, [...conv('a'), ...reads('shared'), ...conv('shared'), ...readsDense('head')]],
      head: [4, dense('head')],
    },
    nestedFunctionalTwice: {
      x: [3, reads('conv')],
      conv: [4, [...conv('conv'), ...reads('block/conv'), ...conv('between')]],
      'block/conv': [4, [...conv('block/conv'), ...bn('block/bn'), ...reads('between', 'after')]],
      after: [5, [...conv('after'), ...readsDense('head')]],
      head: [4, dense('head')],
    },
  };

  test.each(Object.entries(cases))('%s', async (name, expected) => {
    const found = (await groupsIn(name)).map(group => [group.name, [group.units.length, sitesOf(group).sort()]]);
    const sorted = Object.entries(expected).map(([key, [units, sites]]) => [key, [units, [...sites].sort()]]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(sorted));
    expect(found.length).toBe(sorted.length);
  });
});

/** `name kind units: makers | scalers | readers`, each layer once; a frozen group is marked with "!". */
function summary(group: Group): string {
  const of = (role: string): string =>
    [...new Set(group.sites.filter(site => site.role === role).map(({ layer }) => layer))].sort().join(' ');
  const { name, kind, units, frozen } = group;
  return `${frozen === undefined ? '' : '!'}${name} ${kind} ${units.length}: ${of('makes')} | ${of('scales')} | ${of('reads')}`;
}

describe('groups in short', () => {
  const cases: Record<string, string[]> = {
    perceptron: [
      '!x features 5:  |  | a',
      'a neurons 9: a | bn | b',
      'b neurons 6: b |  | head',
      '!head neurons 2: head |  | ',
    ],
    preluAllShared: ['!x features 3:  |  | a', 'a channels 5: a |  | head', '!head neurons 4: head |  | '],
    singleChannel: [
      '!x features 3:  |  | a',
      'a channels 5: a |  | one',
      'one channels 1: one |  | b',
      'b channels 3: b |  | head',
      '!head neurons 4: head |  | ',
    ],
    softmaxMiddle: [
      '!x features 3:  |  | a',
      '!a channels 5: a |  | b',
      'b channels 4: b |  | c',
      '!c channels 6: c |  | d',
      'd channels 3: d |  | e',
      '!e neurons 5: e |  | head',
      '!head neurons 3: head |  | ',
    ],
    unet: [
      '!x features 2:  |  | a',
      'a channels 4: a |  | b d',
      'b channels 6: b |  | c',
      'c channels 4: c |  | d',
      'd channels 5: d |  | mask',
      '!mask channels 1: mask |  | ',
    ],
    residualProjection: [
      '!x features 3:  |  | stem',
      'stem channels 5: stem |  | a short',
      'a channels 4: a | bn1 | b',
      'b channels 7: b short | bn2 bn3 | head',
      '!head neurons 4: head |  | ',
    ],
    addChain: [
      '!x features 3:  |  | stem',
      'stem channels 5: c1 c2 c3 stem |  | c1 c2 c3 head',
      '!head neurons 4: head |  | ',
    ],
    addToInput: ['!x features 3: b |  | a head', 'a channels 4: a |  | b', '!head neurons 4: head |  | '],
    addToItself: ['!x features 3:  |  | a', 'a channels 5: a |  | head', '!head neurons 4: head |  | '],
    cascadedConcat: [
      '!x features 3:  |  | a b',
      'a channels 3: a |  | c d',
      'b channels 4: b |  | c d',
      'c channels 5: c |  | d',
      'd channels 4: d |  | head',
      '!head neurons 4: head |  | ',
    ],
    concatBatchNorm: [
      '!x features 3:  |  | a b',
      'a channels 3: a | bn | c',
      'b channels 4: b | bn | c',
      'c channels 5: c |  | head',
      '!head neurons 4: head |  | ',
    ],
    concatCrossed: ['!x features 3:  |  | a b', 'a channels 3: a b |  | head', '!head neurons 4: head |  | '],
    concatRows: [
      '!x features 3:  |  | a b',
      'a channels 4: a b |  | c',
      'c channels 5: c |  | head',
      '!head neurons 3: head |  | ',
    ],
    denseBlock: [
      '!x features 3:  |  | stem',
      'stem channels 4: stem | bn bn1 bn2 bn3 | c1 c2 c3 head',
      'c1 channels 3: c1 | bn bn2 bn3 | c2 c3 head',
      'c2 channels 3: c2 | bn bn3 | c3 head',
      'c3 channels 3: c3 | bn | head',
      '!head neurons 4: head |  | ',
    ],
    squeezeExcite: [
      '!x features 3:  |  | a',
      'a channels 6: a expand |  | b reduce',
      'reduce neurons 3: reduce |  | expand',
      'b channels 5: b |  | head',
      '!head neurons 4: head |  | ',
    ],
    extremes: ['!x features 3:  |  | a b c d', 'a channels 5: a b c d |  | head', '!head neurons 4: head |  | '],
    depthwise1: [
      '!x features 3:  |  | a',
      'a channels 4: a | bn wise | b',
      'b channels 5: b |  | head',
      '!head neurons 4: head |  | ',
    ],
    depthwiseAdd: ['!x features 3:  |  | a b', 'a channels 3: a b | wise | head', '!head neurons 4: head |  | '],
    depthwiseOfInput: ['!x features 3:  | wise | a', 'a channels 5: a |  | head', '!head neurons 3: head |  | '],
    invertedResidual: [
      '!x features 3:  |  | stem',
      'stem channels 4: project stem | bn0 bn3 | expand head',
      'expand channels 8: expand | bn1 bn2 wise | project',
      '!head neurons 4: head |  | ',
    ],
    sharedReader: [
      '!x features 3:  |  | a b',
      'a channels 5: a b |  | shared',
      'shared channels 4: shared |  | c',
      'c channels 3: c |  | head',
      '!head neurons 4: head |  | ',
    ],
    sharedOnTwoSizes: [
      '!x features 3:  |  | shared',
      'shared channels 5: shared | bn | head',
      '!head neurons 3: head |  | ',
    ],
    manyHeads: [
      '!x features 3:  |  | a',
      'a channels 6: a | bn | b boxes score',
      'b channels 5: b |  | classes',
      '!boxes channels 4: boxes |  | ',
      '!classes channels 3: classes |  | ',
      '!score neurons 2: score |  | ',
    ],
    nestedSequentialTwice: [
      '!x features 3:  |  | conv',
      'conv channels 4: conv stack/last |  | head stack/conv',
      'stack/conv channels 4: stack/conv | stack/bn | stack/last',
      '!head neurons 4: head |  | ',
    ],
    sequentialOfModel: [
      '!block/block_in features 3:  |  | block/conv',
      'block/conv channels 6: block/conv | block/bn | after',
      'after channels 5: after |  | head',
      '!head neurons 3: head |  | ',
    ],
    nestedDeep: [
      '!x features 3:  |  | conv',
      'conv channels 4: conv middle/tail |  | head middle/own',
      'middle/own channels 5: middle/own |  | middle/block/conv',
      'middle/block/conv channels 6: middle/block/conv | middle/block/bn | middle/tail',
      '!head neurons 4: head |  | ',
    ],
    nestedManyInputs: [
      '!x features 3:  |  | left right',
      'left channels 4: left |  | inner/a',
      'right channels 5: right |  | inner/b',
      'inner/a channels 6: inner/a inner/b |  | head',
      '!head neurons 3: head |  | ',
    ],
    calledElsewhere: [
      '!x features 3:  |  | conv',
      'conv channels 4: conv |  | block/conv',
      'block/conv channels 4: block/conv | block/bn | head',
      '!head neurons 4: head |  | ',
    ],
  };

  test.each(Object.entries(cases))('%s', async (name, expected) => {
    expect((await groupsIn(name)).map(summary).sort()).toEqual([...expected].sort());
  });
});

describe('the unit at each position', () => {
  async function positions(
    name: string,
    group: string,
    layer: string,
    weight: number,
    axis: number,
  ): Promise<number[]> {
    const found = (await groupsIn(name)).find(candidate => candidate.name === group)!;
    const site = found.sites.find(at => at.layer === layer && at.weight === weight && at.axis === axis)!;
    return Array.from(membersAt(found, site));
  }

  test('a dense layer after Flatten reads each channel once per pixel', async () => {
    const expected = Array.from({ length: 3 * 2 * 8 }, (_, i) => i % 8);
    expect(await positions('sequential', 'conv', 'hidden', 0, 0)).toEqual(expected);
  });

  test('channelsFirst is flattened channels last', async () => {
    const read = await positions('channelsFirst', 'b', 'head', 0, 0);
    expect(read).toEqual(Array.from({ length: read.length }, (_, i) => i % 4));
  });

  test('a depthwise multiplier repeats each channel in a row', async () => {
    expect(await positions('depthwise2', 'a', 'bn', 0, 0)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(await positions('depthwise3', 'a', 'b', 0, 2)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
    expect(await positions('depthwiseAdd', 'a', 'b', 0, 3)).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test('after Concatenate the units of other groups are marked -1', async () => {
    expect(await positions('concatBatchNorm', 'b', 'c', 0, 2)).toEqual([-1, -1, -1, 0, 1, 2, 3]);
    expect(await positions('concatAdd', 'b', 'c', 0, 3)).toEqual([-1, -1, -1, 0, 1, 2, 3]);
    // second = [c, first = [a, b], a]
    const [none, a] = [
      [-1, -1, -1, -1, -1],
      [0, 1, 2],
    ];
    expect(await positions('cascadedConcat', 'a', 'd', 0, 2)).toEqual([...none, ...a, -1, -1, -1, -1, ...a]);
  });

  test('a sum with its own inputs crossed makes one unit of each pair', async () => {
    expect(await positions('concatCrossed', 'a', 'head', 0, 0)).toEqual([0, 1, 2, 0, 1, 2]);
  });
});

describe('why units stay', () => {
  test.each([
    ['sequential', 'head', 'model output'],
    ['sequential', 'input', 'model input'],
    ['softmaxMiddle', 'a', 'softmax of "softmax" mixes across the units'],
    ['softmaxMiddle', 'c', 'softmax of "c" mixes across the units'],
    ['addToInput', 'x', 'model input'],
    ['broadcastAdd', 'map', '"add" spreads it over all units of the other input'],
    ['axesMeet', 'last', 'units on different axes meet in "gate"'],
    ['manyInputsAndOutputs', 'a', 'model output'],
    ['manyInputsAndOutputs', 'classes', 'model output'],
  ])('%s: %s', async (net, name, reason) => {
    expect((await groupsIn(net)).find(group => group.name === name)!.frozen).toBe(reason);
  });
});

describe('whatever the net', () => {
  test.each(NET_NAMES)('%s: names are unique, units ascend, and each unit is in one group', async name => {
    const all = await groupsIn(name);
    expect(new Set(all.map(group => group.name)).size).toBe(all.length);
    const units = all.flatMap(group => group.units);
    expect(new Set(units).size).toBe(units.length);
    for (const group of all) expect([...group.units]).toEqual([...group.units].sort((a, b) => a - b));
    const held = new Set(all.flatMap(({ sites }) => sites.flatMap(({ width }) => Array.from(width))));
    expect([...held].sort((a, b) => a - b)).toEqual([...units].sort((a, b) => a - b));
  });

  test.each(NET_NAMES)('%s: a group is on all of its sites with all of its units', async name => {
    for (const group of await groupsIn(name)) {
      for (const site of group.sites) {
        const present = new Set(membersAt(group, site));
        present.delete(-1);
        expect(present.size).toBe(group.units.length);
      }
    }
  });
});
