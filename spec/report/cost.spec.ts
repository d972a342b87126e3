import '@tensorflow/tfjs-backend-cpu';
import type { Checkpoint, LayerSpec, Topology } from '../../lib/core/checkpoint';
import { slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { costOf, layerWidths } from '../../lib/report/cost';
import { capture } from '../../lib/runtime/capture';
import { NETS, NET_NAMES } from '../zoo/nets';
import { refusal } from '../zoo/refusal';
import { checkpoint, input, layer, functional } from '../zoo/topology';

async function captured(name: string): Promise<Checkpoint> {
  const net = NETS[name]();
  try {
    return await capture(net);
  } finally {
    net.dispose();
  }
}

describe('costOf by hand', () => {
  test.each([
    // conv 6x5 of 3x3x3x8; pooled to 3x2x8; 48x7; 7x4. Units: 8 + 7, the head's are the model's output.
    ['sequential', 15, 224 + 32 + 343 + 32, 6480 + 336 + 28],
    // 5x9, 9x6, 6x2
    ['perceptron', 15, 54 + 36 + 60 + 14, 45 + 54 + 12],
    // a 3x3x3x4 on 30 pixels; depthwise 3x3x4x2; b 3x3x8x5; head 5x4
    ['depthwise2', 9, 112 + (72 + 8) + 32 + 365 + 24, 30 * (108 + 72 + 360) + 20],
    // a: 3x3 on 3 channels twice, 6 -> 6 on 30 pixels; b: valid, stride 2: 2x2 pixels, 9x6 + 6x5; head 20x3
    ['separable', 11, 54 + 36 + 6 + 24 + 54 + 30 + 63, 30 * (54 + 36) + 4 * (54 + 30) + 60],
    // conv called on 6x5 after a; a and shared are one group
    ['sharedLayer', 5, 140 + 230 + 24, 30 * (135 + 2 * 225) + 20],
    // the block is stored once and runs twice; conv and between are coupled
    ['nestedFunctionalTwice', 13, 112 + (148 + 16) + 148 + 185 + 24, 30 * (108 + 2 * 144 + 144 + 180) + 20],
    // two images of 6x5 and 4x4 through one layer; a concatenation of both is read by 10x3
    ['sharedOnTwoSizes', 5, 140 + 20 + 33, (30 + 16) * 135 + 30],
    // Dense on 6x5 pixels
    ['denseOnImages', 11, 24 + 24 + 35 + 24, 30 * (18 + 30) + 20],
  ])('%s', async (name, units, parameters, macs) => {
    expect(costOf(await captured(name))).toEqual({ units, parameters, macs, bytes: 4 * parameters });
  });

  test('the units of a head with softmax are outputs all the same', () => {
    const plain = functional([input('x', [4]), layer('Dense', 'a', { units: 3, activation: 'softmax' }, ['x'])], ['a']);
    expect(costOf(checkpoint(plain, { a: [[4, 3], [3]] })).units).toBe(0);
  });

  test('channelsFirst: the channels of the input are no hidden units', async () => {
    expect(costOf(await captured('channelsFirst')).units).toBe(5 + 4);
  });

  describe('an open size', () => {
    const parts = [
      layer('Conv2D', 'a', { filters: 2, kernelSize: [1, 1] }, ['x']),
      layer('GlobalAveragePooling2D', 'gap', {}, ['a']),
      layer('Dense', 'head', { units: 1 }, ['gap']),
    ];
    const weights = { a: [[1, 1, 3, 2], [2]], head: [[2, 1], [1]] };
    const open = checkpoint(functional([input('x', [null, 5, 3]), ...parts], ['head']), weights);
    const cost = { units: 2, parameters: 11, bytes: 44 };

    test('leaves the count of operations open', () => {
      expect(costOf(open)).toEqual({ ...cost, macs: undefined });
    });

    test('is that of an example, if one is given; a size that is fixed stays', () => {
      expect(costOf(open, { example: [[7, 5, 3]] })).toEqual({ ...cost, macs: 7 * 5 * 3 * 2 + 2 });
      const closed = checkpoint(functional([input('x', [6, 5, 3]), ...parts], ['head']), weights);
      expect(costOf(closed, { example: [[7, 5, 3]] })).toEqual(costOf(closed));
    });

    test('of a chain, and of a chain that begins with one', () => {
      const [first, ...rest] = parts.map(({ className, config }) => ({ className, config }));
      const batchInputShape = [null, null, 5, 3];
      const begun = { className: first.className, config: { ...first.config, batchInputShape } };
      const chain = (name: string, layers: readonly LayerSpec[]): Topology => ({ className: 'Sequential', config: { name, layers } }); // prettier-ignore
      const flat = checkpoint(chain('net', [begun, ...rest]), weights);
      const nested = checkpoint(chain('net', [chain('inner', [begun]), ...rest]), { 'inner/a': weights.a, head: weights.head }); // prettier-ignore
      for (const model of [flat, nested]) {
        expect(costOf(model).macs).toBeUndefined();
        expect(costOf(model, { example: [[7, 5, 3]] }).macs).toBe(212);
      }
    });

    test.each([
      [
        [[7, 4, 3]],
        /^input "x": expected \[any, 5, 3\], got \[7, 4, 3\]\. Give the shape of an example of every input/,
      ],
      [[[7, 5]], /expected \[any, 5, 3\], got \[7, 5\]/],
      [[], /^inputs: expected shapes of 1, got 0\./],
    ])('of %j is refused', (example, message) => {
      const error = refusal(() => costOf(open, { example }));
      expect([error.code, error.message]).toEqual(['bad-option', expect.stringMatching(message)]);
    });
  });
});

describe('a smaller model costs less', () => {
  test.each(NET_NAMES)('%s', async name => {
    const model = await captured(name);
    const traced = trace(model);
    const free = groupsOf(traced).filter(({ frozen, units }) => frozen === undefined && units.length > 1);
    const removed = new Set(free.map(({ units }) => units[0]));
    const [before, after] = [costOf(model), costOf(slice(model, traced, removed))];
    expect(after.units).toBe(before.units - free.length);
    expect(after.parameters).toBeLessThan(before.parameters);
    expect(after.macs ?? -1).toBeLessThan(before.macs ?? 0); // both unknown where a length is
    expect(after.bytes).toBe(4 * after.parameters);
  });
});

describe('layerWidths', () => {
  test('lists what makes units, in the order of the topology, before and after', async () => {
    const model = await captured('residual');
    const traced = trace(model);
    const stem = groupsOf(traced).find(({ name }) => name === 'stem')!;
    const after = slice(model, traced, new Set(stem.units.slice(0, 2)));
    expect(layerWidths(model, after)).toEqual([
      { layer: 'stem', before: 6, after: 4 },
      { layer: 'a', before: 4, after: 4 },
      { layer: 'b', before: 6, after: 4 },
      { layer: 'head', before: 4, after: 4 },
    ]);
  });

  test('names nested layers by path and separable convolutions by what they put out', async () => {
    const nested = await captured('nestedFunctional');
    expect(layerWidths(nested, nested).map(({ layer: path }) => path)).toEqual(['conv', 'block/conv', 'after', 'head']);
    const separable = await captured('separable');
    expect(layerWidths(separable, separable).map(({ before }) => before)).toEqual([6, 5, 3]);
  });
});
